package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/release"
)

// configs writes ConfigMaps: "a", or "a weight=-1" or "a depends-on=ConfigMap/b".
func configs(specs ...string) string {
	var parts []string
	for _, spec := range specs {
		words := strings.Fields(spec)
		var annotations []string
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			annotations = append(annotations, fmt.Sprintf("belay.sh/%s: %q", key, value))
		}
		metadata := "name: " + words[0]
		if len(annotations) > 0 {
			metadata += ", annotations: {" + strings.Join(annotations, ", ") + "}"
		}
		parts = append(parts, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {%s}}", metadata))
	}
	return strings.Join(parts, "\n---\n")
}

func edges(p *Plan) []string {
	all := []string{}
	waits := p.Waits()
	for i := range p.Changes {
		for _, e := range waits(i) {
			short := func(i int) string { return strings.TrimPrefix(p.Changes[i].ID.In("shop"), "ConfigMap/") }
			all = append(all, fmt.Sprintf("%s > %s %s", short(e.Before), short(e.After), e.Need))
		}
	}
	return all
}

const pod = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d%s}, spec: {template: {spec: {volumes: [{name: v, configMap: {name: c%s}}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c%s}}
`

func TestOrder(t *testing.T) {
	mounts := func(deployment, optional, config string) string {
		return fmt.Sprintf(pod, deployment, optional, config)
	}
	tests := map[string]struct {
		yaml    string
		want    []string
		refused string
	}{
		"nothing to say":      {configs("a", "b"), []string{}, ""},
		"depends-on":          {configs("a depends-on=ConfigMap/b", "b"), []string{"b > a ready"}, ""},
		"lower weights first": {configs("a weight=1", "b weight=-1", "c"), []string{"c > a ready", "b > c ready"}, ""},
		"many of each weight": {configs("a weight=1", "b weight=1", "c", "d"), []string{
			"c > a ready", "d > a ready", "c > b ready", "d > b ready",
		}, ""},
		"a dependency on one of many of less weight": {configs("a weight=1", "b weight=1", "c", "d depends-on=ConfigMap/c"), []string{
			"c > a ready", "d > a ready", "c > b ready", "d > b ready", "c > d ready",
		}, ""},
		"equal weights at once": {configs("a weight=1", "b weight=1"), []string{}, ""},
		"a depends-on of nothing": {configs("a depends-on=ConfigMap/x"), nil,
			"shop.yaml:1: ConfigMap/a: depends on ConfigMap/x, which is not in the bundle"},
		"a depends-on of itself": {configs("a depends-on=ConfigMap/shop/a"), nil, "depends on itself"},
		"a circle": {configs("a depends-on=ConfigMap/b", "b depends-on=ConfigMap/c", "c depends-on=ConfigMap/a", "d"), nil,
			"3 objects wait for each other in a circle; nothing was changed\n" +
				"  ConfigMap/a → ConfigMap/b → ConfigMap/c → ConfigMap/a\n" +
				"  ConfigMap/a (shop.yaml:1) waits for ConfigMap/b: belay.sh/depends-on\n"},
		"what needs an object of high weight comes as late": {configs("a depends-on=ConfigMap/b", "b weight=1", "c depends-on=ConfigMap/a", "d"),
			[]string{"b > a ready", "d > a ready", "d > b ready", "a > c ready", "d > c ready"}, ""},
		"a circle over weights": {configs("a weight=-1 depends-on=ConfigMap/b", "b weight=1"), nil,
			"ConfigMap/b (shop.yaml:3) waits for ConfigMap/a: belay.sh/weight 1 comes after -1\nhint: "},
		"two circles, told at once, each by its shortest way": {configs("b", "a weight=-1 depends-on=ConfigMap/c", "c weight=1", "d depends-on=ConfigMap/e", "e depends-on=ConfigMap/d"), nil,
			"2 circles; nothing was changed\n" +
				"  ConfigMap/a → ConfigMap/c → ConfigMap/a\n" +
				"  ConfigMap/a (shop.yaml:3) waits for ConfigMap/c: belay.sh/depends-on\n" +
				"  ConfigMap/c (shop.yaml:5) waits for ConfigMap/a: belay.sh/weight 1 comes after -1\n" +
				"  ConfigMap/d → ConfigMap/e → ConfigMap/d\n" +
				"  ConfigMap/d (shop.yaml:7) waits for ConfigMap/e: belay.sh/depends-on\n" +
				"  ConfigMap/e (shop.yaml:9) waits for ConfigMap/d: belay.sh/depends-on\n"},
		"a reference": {mounts("", "", ""), []string{"c > Deployment.apps/d exists"}, ""},
		"what an object of low weight needs comes as early": {mounts(", annotations: {belay.sh/weight: '-5'}", "", ""),
			[]string{"c > Deployment.apps/d exists"}, ""},
		"a reference against a dependency": {mounts("", "", ", annotations: {belay.sh/depends-on: apps/Deployment/d}"), nil,
			"ConfigMap/c (shop.yaml:4) waits for Deployment.apps/d: belay.sh/depends-on"},
		"an optional reference yields to a dependency": {mounts("", ", optional: true", ", annotations: {belay.sh/depends-on: apps/Deployment/d}"),
			[]string{"Deployment.apps/d > c ready"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			p := compute(t, w, newState(), test.yaml, apply())
			got := refusal(p)
			if p.Circular != strings.Contains(test.refused, "waits for ") {
				t.Errorf("circular: %v", p.Circular)
			}
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
			}
			if test.want != nil {
				if d := cmp.Diff(test.want, edges(p)); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// room is how many numbers the order of a plan takes.
func room(p *Plan) int {
	n := 2 * len(p.Order)
	for _, b := range p.Barriers {
		n += len(b.Before) + len(b.After)
	}
	return n
}

func TestTheOrderOfWeightsGrowsWithTheObjectsNotWithTheirPairs(t *testing.T) {
	var specs []string
	for i := range 300 {
		specs = append(specs, fmt.Sprintf("c%d weight=%d", i, i%3))
	}
	yaml := configs(specs...)
	w, s := deployed(t, yaml)
	changed := strings.ReplaceAll(yaml, "annotations:", "labels: {x: y}, annotations:")
	gone := apply()
	gone.Op = OpDelete
	for name, p := range map[string]*Plan{
		"upgrade": compute(t, w, s, changed, apply()), "delete": compute(t, w, s, "", gone),
	} {
		if n := room(p); n > 2*300 {
			t.Errorf("%s: the order of 300 objects takes %d numbers", name, n)
		}
		if n := len(edges(p)); n != 2*100*100 {
			t.Errorf("%s: %d pairs wait for each other, want 20000", name, n)
		}
	}
}

func TestOnlyWhatIsSentIsOrdered(t *testing.T) {
	yaml := configs("a depends-on=ConfigMap/b", "b", "c weight=3")
	w, s := deployed(t, yaml)
	p := compute(t, w, s, strings.Replace(yaml, "name: a,", "name: a, labels: {x: y},", 1), apply())
	if len(p.Order) > 0 || p.Counts()[Update] != 1 {
		t.Errorf("%v %v", actions(p), edges(p))
	}
}

func TestEdgesOfWeightsSkipLevelsWithNothingToDo(t *testing.T) {
	yaml := configs("a weight=-1", "b", "c weight=1")
	w, s := deployed(t, yaml)
	for _, name := range []string{"a", "c"} {
		yaml = strings.Replace(yaml, "name: "+name+",", "name: "+name+", labels: {x: y},", 1)
	}
	if d := cmp.Diff([]string{"a > c ready"}, edges(compute(t, w, s, yaml, apply()))); d != "" {
		t.Error(d)
	}
}

func TestWhatAFailedRunLeftIsWaitedFor(t *testing.T) {
	yaml := configs("a depends-on=ConfigMap/b", "b", "c weight=3")
	w, s := deployed(t, yaml)
	s.Revisions[0].Status = release.Interrupted
	yaml = strings.ReplaceAll(strings.Replace(yaml, "name: a,", "name: a, labels: {x: y},", 1), "name: c,", "name: c, labels: {x: y},")
	if d := cmp.Diff([]string{"b > a ready", "a > c ready", "b > c ready"}, edges(compute(t, w, s, yaml, apply()))); d != "" {
		t.Error(d)
	}
}

// BenchmarkPlan plans 400 objects: nothing changed, and every second one changed,
// without a server's time.
func BenchmarkPlan(b *testing.B) {
	var names []string
	for i := range 400 {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	yaml := configs(names...)
	w, s := deployed(b, yaml)
	half := yaml
	for i := 0; i < 400; i += 2 {
		half = strings.Replace(half, fmt.Sprintf("name: c%d}", i), fmt.Sprintf("name: c%d, labels: {x: y}}", i), 1)
	}
	for name, text := range map[string]string{"unchanged": yaml, "half changed": half} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compute(b, w, s, text, apply())
			}
		})
	}
}
