package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

func TestPruneDeletesOnlyWhatIsStillOurs(t *testing.T) {
	other := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "old"}
	const old = "{apiVersion: v1, kind: ConfigMap, metadata: {name: old}}"
	tests := map[string]struct {
		change  func(w *world, s *release.State, o *Options)
		action  Action // empty: no change
		reason  string
		gone    bool
		warning string
	}{
		"ours": {func(*world, *release.State, *Options) {}, Delete, "removed from the bundle", false, ""},
		"its label was removed": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetLabels(nil)
		}, Delete, "removed from the bundle", false, ""},
		"its UID was never learnt": {func(_ *world, s *release.State, _ *Options) {
			s.Inventory[other] = release.Owned{}
		}, Delete, "removed from the bundle", false, ""},
		"never made, but somebody else made one": {func(w *world, s *release.State, _ *Options) {
			delete(w.objects, other)
			w.put("kubectl", "{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}}")
			s.Inventory[other] = release.Owned{}
		}, "", "", true, ""},
		"gone": {func(w *world, _ *release.State, _ *Options) { delete(w.objects, other) }, "", "", true, ""},
		"replaced": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetUID("another")
		}, "", "", true, "ConfigMap/old was replaced by somebody, and is left alone"},
		"another release's now": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetLabels(map[string]string{object.ReleaseLabel: "web"})
		}, "", "", true, "ConfigMap/old belongs to release web in namespace shop now, and is left alone"},
		"a controller's now": {func(w *world, _ *release.State, _ *Options) {
			yes := true
			w.objects[other].SetOwnerReferences([]metav1.OwnerReference{{Kind: "Widget", Name: "w", Controller: &yes}})
		}, "", "", true, "ConfigMap/old is controlled by Widget/w now, and is left alone"},
		"the same object as a wanted one": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetUID(w.objects[object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "c"}].GetUID())
		}, "", "", true, "ConfigMap/old is the same object as ConfigMap/c and stays"},
		"its kind is gone": {func(w *world, _ *release.State, _ *Options) {
			delete(w.kinds, schema.GroupKind{Kind: "ConfigMap"})
		}, "", "", true, ""},
		"--no-prune": {func(_ *world, _ *release.State, o *Options) { o.NoPrune = true }, Keep, "--no-prune", false, ""},
		"let go earlier": {func(_ *world, s *release.State, _ *Options) {
			entry := s.Inventory[other]
			entry.Kept = true
			s.Inventory[other] = entry
		}, "", "", false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, one+"\n---\n"+old)
			o := apply()
			test.change(w, s, &o)
			p := compute(t, w, s, one, o)
			if got := actions(p)["ConfigMap/old"]; got != test.action {
				t.Fatalf("%q, want %q", got, test.action)
			}
			if test.action != "" {
				c := change(t, p, "ConfigMap/old")
				if c.Reason != test.reason || c.Leftover != o.NoPrune || (len(c.Steps) == 1) != (test.action == Delete) {
					t.Errorf("%+v", c)
				}
			}
			if slices.Contains(p.Gone, other) != test.gone {
				t.Errorf("gone: %v", p.Gone)
			}
			if test.warning != "" && !slices.Contains(p.Warnings, test.warning) {
				t.Errorf("warnings: %v", p.Warnings)
			}
		})
	}
}

func TestSharedObjectsAreNeverDeleted(t *testing.T) {
	const yaml = one + "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: extra}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: extra}}"
	w, s := deployed(t, yaml)
	o := apply()
	o.Op = OpDelete
	p := compute(t, w, s, "", o)
	want := map[string]Action{"ConfigMap/c": Delete, "ConfigMap/extra/c": Delete, "Namespace/extra": Keep}
	if d := cmp.Diff(want, actions(p)); d != "" {
		t.Error(d)
	}
}

func TestMassDeletesAreRefused(t *testing.T) {
	objects := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: c%d}}", i))
		}
		return strings.Join(parts, "\n---\n")
	}
	const stateful = "\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}}"
	tests := map[string]struct {
		before, after string
		options       func(*Options)
		refused       string
	}{
		"half of many":                   {objects(8), objects(4), nil, ""},
		"more than half of many":         {objects(8), objects(3), nil, "this would delete 5 of the 8 objects of shop"},
		"more than half, up to three":    {objects(4), objects(1), nil, ""},
		"as many as allowed":             {objects(8), objects(3), func(o *Options) { o.MaxDelete = 5 }, ""},
		"more than allowed":              {objects(8), objects(3), func(o *Options) { o.MaxDelete = 4 }, "this would delete 5 of"},
		"a StatefulSet":                  {objects(8) + stateful, objects(8), nil, "this would delete a StatefulSet of shop"},
		"a StatefulSet that is allowed":  {objects(8) + stateful, objects(8), func(o *Options) { o.MaxDelete = 1 }, ""},
		"everything":                     {objects(2), "", nil, "the bundle renders no objects; this would delete all of shop"},
		"everything, though many may":    {objects(2), "", func(o *Options) { o.MaxDelete = 9 }, "the bundle renders no objects"},
		"everything, as is allowed":      {objects(8), "", func(o *Options) { o.AllowEmpty = true }, ""},
		"everything, by a rollback":      {objects(8), "", func(o *Options) { o.Op = OpRollback }, ""},
		"everything, by a delete":        {objects(8) + stateful, "", func(o *Options) { o.Op = OpDelete }, ""},
		"everything, but nothing pruned": {objects(8), objects(1), func(o *Options) { o.NoPrune = true }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.before)
			o := apply()
			if test.options != nil {
				test.options(&o)
			}
			p := compute(t, w, s, test.after, o)
			got := refusal(p)
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
			}
		})
	}
}
