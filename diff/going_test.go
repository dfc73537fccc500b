package diff

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// What is being deleted already needs no request where nobody waits for it.
func TestWithoutWaitingWhatIsBeingDeletedIsLeftAlone(t *testing.T) {
	const reads = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {volumes: [{name: v, configMap: {name: c}}]}}}}\n---\n" +
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n---\n"
	config := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "c"}
	deployment := object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "d"}
	tests := map[string]struct {
		going []object.ID
		o     func(*Options)
		want  map[string]Action
	}{
		"nobody waits for it": {[]object.ID{config}, func(o *Options) { o.NoWait = true },
			map[string]Action{"ConfigMap/x": Unchanged, "Deployment.apps/d": Delete, "ConfigMap/c": Keep}},
		"all of it is going": {[]object.ID{config, deployment}, func(o *Options) { o.NoWait = true },
			map[string]Action{"ConfigMap/x": Unchanged, "Deployment.apps/d": Keep, "ConfigMap/c": Keep}},
		"what it refers to waits for it": {[]object.ID{deployment}, func(o *Options) { o.NoWait = true },
			map[string]Action{"ConfigMap/x": Unchanged, "Deployment.apps/d": Delete, "ConfigMap/c": Delete}},
		"all else waits for it": {[]object.ID{config}, func(o *Options) { o.NoWait, o.PruneFirst = true, true },
			map[string]Action{"ConfigMap/x": Unchanged, "Deployment.apps/d": Delete, "ConfigMap/c": Delete}},
		"the user waits": {[]object.ID{config}, func(*Options) {},
			map[string]Action{"ConfigMap/x": Unchanged, "Deployment.apps/d": Delete, "ConfigMap/c": Delete}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const stays = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"
			w, s := deployed(t, reads+stays)
			now := metav1.Now()
			for _, id := range test.going {
				w.objects[id].SetDeletionTimestamp(&now)
			}
			o := apply()
			test.o(&o)
			p := compute(t, w, s, stays, o)
			if d := cmp.Diff(test.want, actions(p)); d != "" {
				t.Error(d)
			}
			for i := range p.Changes {
				if c := &p.Changes[i]; c.Action == Keep && (!c.Leftover || len(c.Steps) > 0 || c.Reason != "is being deleted already, and not waited for") {
					t.Errorf("%+v", c)
				}
			}
			for _, e := range p.Order {
				if p.Changes[e.After].Action == Keep {
					t.Errorf("it waits: %+v", e)
				}
			}
		})
	}
}

// A definition is deleted when that is asked for: who asked once and did not wait
// need not ask again.
func TestADefinitionWhoseDeletionGoesOnIsNotLetGo(t *testing.T) {
	const crd = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: gadgets.example.com}, " +
		"spec: {group: example.com, scope: Namespaced, names: {kind: Gadget, plural: gadgets}, versions: [{name: v1, served: true, storage: true}]}}"
	const stays = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"
	id := object.ID{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "gadgets.example.com"}
	for going, want := range map[bool]Action{false: Keep, true: Delete} {
		w, s := withWidgets(newWorld(t)), newState()
		w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
		w.carryOut(compute(t, w, s, crd+"\n---\n"+stays, apply()), s)
		now := metav1.Now()
		w.objects[id].SetDeletionTimestamp(&now)
		s.Inventory[id] = release.Owned{UID: w.objects[id].GetUID(), Shared: true, Going: going}
		p := compute(t, w, s, stays, apply())
		if c := change(t, p, id.String()); c.Action != want {
			t.Errorf("going %v: %s, want %s", going, c.Action, want)
		}
	}
}
