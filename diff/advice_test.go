package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

func TestAConflictIsAdvisedAsTheVerbCanDecideIt(t *testing.T) {
	tests := map[Op]string{
		OpRollback: `4 refused: 1 conflict; nothing was changed
  ConfigMap/c  data.a
      revision y (shop.yaml:1) · live z, set by kubectl-edit 0s ago
hint: take it over, once   --force-conflicts=kubectl-edit
hint: keep the live value  no rollback can: apply a bundle that has it
`,
		OpAdopt: `4 refused: 1 conflict; nothing was changed
  ConfigMap/c  data.a
      Helm y (shop.yaml:1) · live z, set by kubectl-edit 0s ago
hint: take it over, once   --force-conflicts=kubectl-edit
hint: keep the live value  let Helm have it first: helm upgrade web with that value
`,
	}
	for op, want := range tests {
		t.Run(string(op), func(t *testing.T) {
			w, s := deployed(t, one)
			w.put("kubectl-edit", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {a: z}}")
			o := apply()
			o.Op = op
			if op == OpAdopt {
				o.Helm = "web"
			}
			if d := cmp.Diff(want, refusal(compute(t, w, s, strings.Replace(one, "a: x", "a: y", 1), o))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatAnotherReleaseLetGoOfCanBecomeNobodys(t *testing.T) {
	w := newWorld(t)
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	id := w.put("belay/web/web", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop, labels: {belay.sh/release: web}, annotations: {belay.sh/release-namespace: web}}, data: {a: x}}")
	o := apply()
	o.Adopt = []string{"*"}
	want := `4 refused: 1 object exists and is not shop's; nothing was changed
  ConfigMap/c  release web in namespace web
hint: nothing is taken over from another release; what that one has let go of becomes nobody's by: kubectl -n shop label configmaps c belay.sh/release- && kubectl -n shop annotate configmaps c belay.sh/release-namespace-
`
	if d := cmp.Diff(want, refusal(compute(t, w, newState(), one, o))); d != "" {
		t.Error(d)
	}
	delete(w.objects, id) // as it says
	w.put("belay/web/web", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {a: x}}")
	if p := compute(t, w, newState(), one, o); len(p.Refused) > 0 || !change(t, p, "ConfigMap/c").Adopted {
		t.Errorf("the advice does not help:\n%s", refusal(p))
	}
}

func TestTheOneObjectThatIsNobodysIsNamed(t *testing.T) {
	w := newWorld(t)
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.put("kubectl-create", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {a: x}}")
	want := `4 refused: 1 object exists and is not shop's; nothing was changed
  ConfigMap/c  nobody's (kubectl-create, 0s ago)
hint: --adopt=ConfigMap/c takes it over
`
	if d := cmp.Diff(want, refusal(compute(t, w, newState(), one, apply()))); d != "" {
		t.Error(d)
	}
}

func TestAClaimIsNotAdvisedToBeRecreated(t *testing.T) {
	const claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: m, annotations: {belay.sh/on-immutable: recreate}}, spec: {mode: x}}"
	w, s := deployed(t, claim)
	w.refuse[object.ID{Kind: "PersistentVolumeClaim", Namespace: "shop", Name: "m"}.String()] = invalid("m")
	want := `4 refused: immutable fields of 1 object would have to change; nothing was changed
  PersistentVolumeClaim/m  spec.mode is immutable (shop.yaml:1)
hint: PersistentVolumeClaim/m is never recreated, for what is in it would go: give the new one another name, or delete the old one yourself
`
	if d := cmp.Diff(want, refusal(compute(t, w, s, strings.Replace(claim, "mode: x", "mode: y", 1), apply()))); d != "" {
		t.Error(d)
	}
}

func TestADefinitionThatCannotChangeShowsOnlyWhatWould(t *testing.T) {
	const crd = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ws.e.com},
	  spec: {group: e.com, scope: Cluster, names: {kind: W, plural: ws}, versions: [{name: v1, served: true}]}}`
	w, s := deployed(t, crd)
	w.refuse[object.ID{Group: object.CRDKind.Group, Kind: object.CRDKind.Kind, Name: "ws.e.com"}.String()] = invalid("ws.e.com")
	p := compute(t, w, s, strings.Replace(crd, "scope: Cluster", "scope: Namespaced", 1), apply())
	if d := cmp.Diff([]PathChange{{Path: "spec.scope", From: "Cluster", To: "Namespaced"}}, p.Changes[0].Paths); d != "" {
		t.Error(d)
	}
}

func TestARollbackThatItsDefinitionMakesInvalidSaysSo(t *testing.T) {
	const crd = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ws.e.com},
	  spec: {group: e.com, scope: Namespaced, names: {kind: W, plural: ws}, versions: [{name: v1, served: true}]}}
---
{apiVersion: e.com/v1, kind: W, metadata: {name: w}, spec: {a: x}}`
	w, s := deployed(t, one)
	gk := schema.GroupKind{Group: "e.com", Kind: "W"}
	w.kinds[gk] = object.Kind{GroupVersionKind: gk.WithVersion("v1"), Resource: "ws", Namespaced: true}
	w.carryOut(compute(t, w, s, crd, apply()), s)
	w.refuse["W.e.com/shop/w"] = invalid("w", metav1.StatusCause{Field: "spec.a", Message: "field not declared in schema"})
	w.asNew["W.e.com/shop/w"] = invalid("w")
	o := apply()
	o.Op = OpRollback
	then := strings.Replace(strings.Replace(crd, "served: true", "served: true, storage: true", 1), "a: x", "a: y", 1)
	want := `3 1 object is invalid; nothing was changed
  shop.yaml:4: W.e.com/w: spec.a: field not declared in schema
hint: a rollback leaves CustomResourceDefinition.apiextensions.k8s.io/ws.e.com as it is; an apply of the bundle of then brings its own
`
	if d := cmp.Diff(want, refusal(compute(t, w, s, then, o))); d != "" {
		t.Error(d)
	}
}

func TestAHookInTheWayCanBeTakenOverAsThePlanNamesIt(t *testing.T) {
	w := newWorld(t)
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.put("kubectl-create", "{apiVersion: batch/v1, kind: Job, metadata: {name: m, namespace: shop}}")
	bundle := bundleOf(one, job("m", "belay.sh/run=before"))
	want := `4 refused: 1 object exists and is not shop's; nothing was changed
  Job.batch/m  nobody's
hint: --adopt=Job.batch/m takes it over
`
	if d := cmp.Diff(want, refusal(compute(t, w, newState(), bundle, apply()))); d != "" {
		t.Error(d)
	}
	o := apply()
	o.Adopt = []string{"Job.batch/m"}
	if p := compute(t, w, newState(), bundle, o); len(p.Refused) > 0 {
		t.Errorf("the advice does not help:\n%s", refusal(p))
	}
	o.Adopt = []string{"Job/n"}
	if got := refusal(compute(t, w, newState(), bundle, o)); !strings.Contains(got, "Job/n; the nearest is Job/m\n") {
		t.Errorf("no nearest name:\n%s", got)
	}
}
