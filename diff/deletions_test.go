package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

const operated = `
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com},
 spec: {group: example.com, names: {kind: Widget, plural: widgets}}}
---
{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: operator}, spec: {template: {spec: {serviceAccountName: operator}}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: operator}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}}
`

func withWidgets(w *world) *world {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	w.kinds[gvk.GroupKind()] = object.Kind{GroupVersionKind: gvk, Resource: "widgets", Namespaced: true}
	return w
}

func TestDeletionsGoTheOtherWayRound(t *testing.T) {
	tests := map[string]struct {
		yaml    string
		options func(*Options)
		want    []string
	}{
		"custom resources go before their operator": {operated, nil, []string{
			"Widget.example.com/w > Deployment.apps/operator gone",
			"Deployment.apps/operator > ServiceAccount/operator gone",
		}},
		"definitions go after their objects and before the operator": {operated, func(o *Options) { o.DeleteCRDs = true }, []string{
			"CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com > Deployment.apps/operator gone",
			"Deployment.apps/operator > ServiceAccount/operator gone",
			"Widget.example.com/w > CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com gone",
			"Widget.example.com/w > Deployment.apps/operator gone",
		}},
		"the namespace goes last": {configs("a", "b"), func(o *Options) { o.DeleteNamespace = true }, []string{
			"a > Namespace/shop gone", "b > Namespace/shop gone",
		}},
		"what depends goes first": {configs("a depends-on=ConfigMap/b", "b"), nil, []string{"a > b gone"}},
		"high weights go first":   {configs("a weight=1", "b weight=-1", "c"), nil, []string{"a > c gone", "c > b gone"}},
		"many of each weight":     {configs("a weight=1", "b weight=1", "c", "d"), nil, []string{"a > c gone", "b > c gone", "a > d gone", "b > d gone"}},
		"what refers to others goes first, and they go with its weight": {
			"{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, annotations: {belay.sh/weight: '-1'}}, spec: {template: {spec: {volumes: [{name: v, configMap: {name: c}}]}}}}\n---\n" +
				configs("c", "a", "b"), nil, []string{
				"Deployment.apps/d > c gone", "a > c gone", "b > c gone", "a > Deployment.apps/d gone", "b > Deployment.apps/d gone",
			}},
		"a dependency beats a weight":    {configs("a weight=1", "b weight=-1 depends-on=ConfigMap/a", "c weight=2"), nil, nil},
		"what depends has the weight":    {configs("a weight=1", "b depends-on=ConfigMap/a", "c weight=2"), nil, []string{"b > a gone", "c > a gone", "c > b gone"}},
		"a dependency without its group": {configs("a depends-on=Deployment/d") + "\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}", nil, []string{"a > Deployment.apps/d gone"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := withWidgets(newWorld(t)), newState()
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			p := compute(t, w, s, test.yaml, apply())
			if test.want == nil {
				if !strings.Contains(refusal(p), "circle") {
					t.Errorf("it was not refused: %s", refusal(p))
				}
				return
			}
			w.carryOut(p, s)
			o := apply()
			o.Op = OpDelete
			if test.options != nil {
				test.options(&o)
			}
			p = compute(t, w, s, "", o)
			if d := cmp.Diff(test.want, edges(p), cmp.Transformer("set", asSet)); d != "" {
				t.Error(d)
			}
			for _, c := range p.Changes {
				if c.ID.Kind == "Widget" && c.Steps[0].Propagation != "Foreground" {
					t.Error("the dependents of a custom resource must go while its operator is there")
				}
			}
		})
	}
}

func asSet(all []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range all {
		set[s] = true
	}
	return set
}

func TestWhatSharedObjectsTakeWithThemIsSaid(t *testing.T) {
	w, s := withWidgets(newWorld(t)), newState()
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.carryOut(compute(t, w, s, operated, apply()), s)
	w.put("kubectl", "{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: shop}}")
	w.put("kubectl", "{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: shop}}")
	w.put("kubectl", "{apiVersion: v1, kind: Secret, metadata: {name: belay.shop, namespace: shop}}")
	w.put("kubectl", "{apiVersion: v1, kind: Secret, metadata: {name: belay.next, namespace: shop}}")
	w.put("kubectl", "{apiVersion: v1, kind: Secret, metadata: {name: belay.next.0af1, namespace: shop}}")
	w.put("kubectl", "{apiVersion: example.com/v1, kind: Widget, metadata: {name: x, namespace: far}}")
	w.put("belay/far/b", "{apiVersion: example.com/v1, kind: Widget, metadata: {name: y, namespace: far, labels: {belay.sh/release: b}, annotations: {belay.sh/release-namespace: far}}}")
	o := apply()
	o.Op, o.DeleteCRDs, o.DeleteNamespace = OpDelete, true, true
	p := compute(t, w, s, "", o)
	got := map[string][]string{}
	for _, c := range p.Changes {
		if len(c.Warnings) > 0 {
			got[c.ID.Kind] = c.Warnings
		}
		if c.Action == Keep {
			t.Errorf("%v is said to be kept in a namespace that goes", c.ID)
		}
	}
	want := map[string][]string{
		"CustomResourceDefinition": {"takes 3 Widget objects with it: 1 of no release in namespace far, 1 of release b in namespace far, 1 of this release"},
		"Namespace":                {"takes 3 objects with it that the release does not delete: ConfigMap/other, PersistentVolumeClaim/data, the release next"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDefinitionsAreDeletedOnlyWhenAskedFor(t *testing.T) {
	w, s := withWidgets(newWorld(t)), newState()
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.carryOut(compute(t, w, s, operated, apply()), s)
	const crd = "CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com"
	for asked, want := range map[bool]Action{false: Keep, true: Delete} {
		o := apply()
		o.DeleteCRDs, o.MaxDelete = asked, 9
		if got := actions(compute(t, w, s, configs("a"), o))[crd]; got != want {
			t.Errorf("--delete-crds=%v: %s, want %s", asked, got, want)
		}
	}
}
