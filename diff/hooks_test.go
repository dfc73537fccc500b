package diff

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/release"
)

var jobs = schema.GroupResource{Group: "batch", Resource: "jobs"}

// job is a Job with annotations: "helm.sh/hook=test belay.sh/weight=1".
func job(name, annotations string) string {
	var all []string
	for _, a := range strings.Fields(annotations) {
		key, value, _ := strings.Cut(a, "=")
		all = append(all, fmt.Sprintf("%s: %q", key, value))
	}
	return fmt.Sprintf("{apiVersion: batch/v1, kind: Job, metadata: {name: %s, annotations: {%s}}}", name, strings.Join(all, ", "))
}

func bundleOf(parts ...string) string { return strings.Join(parts, "\n---\n") }

// sequence is what a plan does, in its order: "before migrate" runs a hook, "clear
// migrate" deletes one that succeeded, a "+" deletes what an earlier run left first.
func sequence(p *Plan) []string {
	all := []string{}
	for i := range p.Changes {
		switch c := &p.Changes[i]; c.Action {
		case Run:
			text := fmt.Sprintf("%s %s", c.Hook.Phase, c.ID.Name)
			if c.Steps[0].Verb == VerbClear {
				text += "+"
			}
			all = append(all, text)
		case Clear:
			all = append(all, "clear "+c.ID.Name)
		}
	}
	return all
}

func TestHooksRunWithTheirEventsInTheOrderOfWeightAndName(t *testing.T) {
	all := bundleOf(configs("c"),
		job("z", "helm.sh/hook=pre-install,post-upgrade"),
		job("a", "helm.sh/hook=pre-install helm.sh/hook-weight=5"),
		job("b", "helm.sh/hook=pre-upgrade,pre-rollback helm.sh/hook-weight=-5 helm.sh/hook-delete-policy=hook-succeeded"),
		job("c1", "helm.sh/hook=pre-upgrade helm.sh/hook-delete-policy=hook-failed"),
		job("d", "helm.sh/hook=pre-delete,post-delete"),
		job("t", "helm.sh/hook=test"),
		job("own", "belay.sh/run=before"),
		job("later", "belay.sh/run=after belay.sh/weight=2"),
		job("alert", "belay.sh/run=on-failure"),
	)
	for _, test := range []struct {
		name string
		op   Op
		want []string
	}{
		{"first", OpApply, []string{"before own+", "before z+", "before a+", "after later+", "on-failure alert+"}},
		{"upgrade", OpApply, []string{"before b", "before c1", "before own+", "clear b", "after z+", "after later+", "on-failure alert+"}},
		{"rollback", OpRollback, []string{"before b", "before own+", "clear b", "after later+", "on-failure alert+"}},
		{"delete", OpDelete, []string{"before d+", "after d+"}},
		{"test", OpTest, []string{"after t+"}},
		{"drift", OpDrift, []string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, s := newWorld(t), newState()
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			if test.name != "first" {
				w.carryOut(compute(t, w, s, configs("c"), apply()), s)
				s.Revisions[0].WasDeployed = true
			}
			o := apply()
			if o.Op = test.op; test.op == OpRollback || test.op == OpApply {
				o.RunHooks = true
			}
			if d := cmp.Diff(test.want, sequence(compute(t, w, s, all, o))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHooksRunWhenThereIsAReason(t *testing.T) {
	hooked := bundleOf(configs("c"), job("migrate", "belay.sh/run=before"))
	changed := strings.Replace(hooked, "name: c}", "name: c, labels: {x: y}}", 1)
	digest := func(t *testing.T, s *release.State) string {
		d, err := release.HooksDigest(s.Key, wanted(t, hooked).AllHooks())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, test := range map[string]struct {
		yaml    string
		options func(*Options)
		status  release.Status
		forgot  bool // the hooks that were recorded are others
		want    int
	}{
		"nothing changes":                    {hooked, nil, release.Deployed, false, 0},
		"nothing changes, and it is told to": {hooked, func(o *Options) { o.RunHooks = true }, release.Deployed, false, 1},
		"something changes":                  {changed, nil, release.Deployed, false, 1},
		"something changes, and it is not":   {changed, func(o *Options) { o.NoHooks = true }, release.Deployed, false, 0},
		"the hooks changed":                  {hooked, nil, release.Deployed, true, 1},
		"the revision before failed":         {hooked, nil, release.Failed, false, 1},
		"the revision before was cut off":    {hooked, nil, release.Interrupted, false, 1},
		"a drift":                            {changed, func(o *Options) { o.Op = OpDrift }, release.Deployed, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, hooked)
			s.Revisions[0].Status, s.Revisions[0].WasDeployed = test.status, true
			if s.Revisions[0].Hooks = digest(t, s); test.forgot {
				s.Revisions[0].Hooks = "others"
			}
			o := apply()
			if test.options != nil {
				test.options(&o)
			}
			p := compute(t, w, s, test.yaml, o)
			if n := p.Counts()[Run]; n != test.want {
				t.Errorf("%d hooks run, want %d", n, test.want)
			}
			if p.HooksChanged != test.forgot {
				t.Errorf("HooksChanged is %v", p.HooksChanged)
			}
		})
	}
}

func TestHooksWaitForWhatComesBeforeThem(t *testing.T) {
	const secret = "{apiVersion: v1, kind: Secret, metadata: {name: token}}"
	reading := func(annotation string) string {
		return `{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, annotations: {` + annotation + `}},
 spec: {template: {spec: {containers: [{name: m, envFrom: [{secretRef: {name: token}}]}]}}}}`
	}
	crd := "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: w.example.com}, spec: {group: example.com, scope: Namespaced, names: {kind: W, plural: w}, versions: [{name: v1, served: true}]}}"
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"before all else, and after all else": {bundleOf(configs("a", "b"), job("x", "belay.sh/run=before"), job("y", "belay.sh/run=after")), []string{
			"x > a ready", "x > b ready", "a > y ready", "b > y ready",
		}},
		"what a hook of ours reads comes first": {bundleOf(configs("a"), secret, reading("belay.sh/run: before")), []string{
			"token > migrate exists", "migrate > a ready",
		}},
		"a hook of Helm's finds what was": {bundleOf(configs("a"), secret, reading("helm.sh/hook: pre-install")), []string{
			"migrate > a ready", "migrate > token ready",
		}},
		"Helm's go one by one": {bundleOf(job("x", "helm.sh/hook=pre-install"), job("y", "helm.sh/hook=pre-install")), []string{"x > y ready"}},
		"ours of equal weight go together": {bundleOf(job("x", "belay.sh/run=before"), job("y", "belay.sh/run=before"), job("z", "belay.sh/run=before belay.sh/weight=1")), []string{
			"x > z ready", "y > z ready",
		}},
		"what a hook depends on comes first": {bundleOf(configs("a", "b"), job("x", "belay.sh/run=before belay.sh/depends-on=ConfigMap/a")), []string{
			"a > x ready", "x > b ready",
		}},
		"definitions come before all hooks": {bundleOf(configs("a"), crd, job("x", "helm.sh/hook=pre-install")), []string{
			"w.example.com > x established", "x > a ready",
		}},
		"on-failure waits for nothing": {bundleOf(configs("a"), job("x", "belay.sh/run=on-failure")), []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newState()
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			p := compute(t, w, s, test.yaml, apply())
			if len(p.Refused) > 0 {
				t.Fatal(refusal(p))
			}
			got := []string{}
			for i, waits := 0, p.Waits(); i < len(p.Changes); i++ {
				for _, e := range waits(i) {
					got = append(got, fmt.Sprintf("%s > %s %s", p.Changes[e.Before].ID.Name, p.Changes[e.After].ID.Name, e.Need))
				}
			}
			if d := cmp.Diff(asSet(test.want), asSet(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHooksThatCannotRunAreRefused(t *testing.T) {
	migrate := job("migrate", "belay.sh/run=before")
	live := func(metadata string) string {
		return "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, namespace: shop" + metadata + "}}"
	}
	forbidden := apierrors.NewForbidden(jobs, "migrate", fmt.Errorf("no"))
	for name, test := range map[string]struct {
		yaml    string
		prepare func(*world)
		want    string
	}{
		"nothing stands in its way": {migrate, nil, ""},
		"one that ran before":       {migrate, func(w *world) { w.put("belay/shop/shop", live(", annotations: {belay.sh/run: before}")) }, ""},
		"one of Helm's that ran":    {migrate, func(w *world) { w.put("helm", live(", annotations: {helm.sh/hook: pre-install}")) }, ""},
		"somebody's object":         {migrate, func(w *world) { w.put("kubectl", live("")) }, "4 "},
		"another release's object": {migrate, func(w *world) {
			w.put("x", live(", labels: {belay.sh/release: other}, annotations: {belay.sh/release-namespace: shop}"))
		}, "release other"},
		"an object of the same name": {bundleOf(live(""), migrate), nil, "is a hook, and the release has an object of this name, too"},
		"an unknown event":           {job("migrate", "helm.sh/hook=pre-dinner"), nil, `there is no event "pre-dinner"`},
		"a dependency that is not":   {job("migrate", "belay.sh/run=before belay.sh/depends-on=ConfigMap/x"), nil, "depends on ConfigMap/x, which is not in the bundle"},
		"the server says it is wrong": {migrate, func(w *world) {
			w.refuse["Job.batch/shop/migrate"] = invalid("migrate", metav1.StatusCause{Field: "spec.template", Message: "is odd"})
		}, "spec.template"},
		"a right that lacks": {migrate, func(w *world) { w.refuse["Job.batch/shop/migrate"] = forbidden; w.forbid["create jobs"] = true }, "5 "},
		"a server that is not working": {migrate, func(w *world) {
			w.refuse["Job.batch/shop/migrate"] = apierrors.NewGenericServerResponse(http.StatusInternalServerError, "patch", jobs, "migrate", "broken", 0, true)
		}, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), newState()
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			if test.prepare != nil {
				test.prepare(w)
			}
			p, err := Compute(t.Context(), w, s, wanted(t, bundleOf(configs("c"), test.yaml)), apply())
			got := whyNot(p, err)
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("want %q, got %q", test.want, got)
			}
		})
	}
}

// whyNot is why there is no plan, or why it is refused.
func whyNot(p *Plan, err error) string {
	if err != nil {
		return err.Error()
	}
	return refusal(p)
}
