package diff

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/belay-sh/belay/internal/object"
)

const app = `
apiVersion: v1
kind: ConfigMap
metadata: {name: front}
data: {a: "1", b: "2"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 3
  template: {spec: {containers: {image: "front:1"}, serviceAccountName: front}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: front}
`

func TestAFirstPlanContainsTheNamespaceThatIsMissing(t *testing.T) {
	w := newWorld(t)
	p := compute(t, w, newState(), app, apply())
	want := map[string]Action{
		"Namespace/shop": Create, "ConfigMap/front": Create, "Deployment.apps/front": Create, "ServiceAccount/front": Create,
	}
	if d := cmp.Diff(want, actions(p)); d != "" {
		t.Error(d)
	}
	ns := p.Changes[0]
	if !ns.Shared || ns.Reason != "namespace of the release" || len(ns.Steps) != 1 {
		t.Errorf("namespace: %+v", ns)
	}
	if got := change(t, p, "ConfigMap/front").Unchecked; got != "namespace shop is created by this plan" {
		t.Errorf("unchecked: %q", got)
	}
	if len(p.Refused) > 0 {
		t.Error(refusal(p))
	}
	body := change(t, p, "Deployment.apps/front").Steps[0].Body
	if body.GetNamespace() != "shop" || body.GetLabels()[object.ReleaseLabel] != "shop" || body.GetAnnotations()[object.NamespaceAnnotation] != "shop" {
		t.Errorf("metadata: %v", body.Object["metadata"])
	}
	if n := w.calls["dry-run"]; n != 1 {
		t.Errorf("%d dry-runs; only the namespace can be asked about", n)
	}
}

func TestNothingChangedNeedsNoRequestOfAnObject(t *testing.T) {
	w, s := deployed(t, app)
	p := compute(t, w, s, app, apply())
	if !p.Empty() || p.Counts()[Unchanged] != 3 || len(p.Refused) > 0 {
		t.Errorf("%v\n%s", actions(p), refusal(p))
	}
	if d := cmp.Diff(map[string]int{"list": 3, "schemas": 1}, w.calls); d != "" {
		t.Error(d)
	}
}

func TestFreshAndUnknownSchemasAskTheServer(t *testing.T) {
	for name, set := range map[string]func(w *world, o *Options){
		"--fresh":         func(_ *world, o *Options) { o.Fresh = true },
		"unknown schemas": func(w *world, _ *Options) { w.noSchema = true },
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, app)
			o := apply()
			set(w, &o)
			p := compute(t, w, s, app, o)
			if !p.Empty() || w.calls["dry-run"] != 3 {
				t.Errorf("%v, %d dry-runs", actions(p), w.calls["dry-run"])
			}
		})
	}
}

func TestAnUpdateShowsJustWhatChanges(t *testing.T) {
	w, s := deployed(t, app)
	p := compute(t, w, s, strings.Replace(app, "front:1", "front:2", 1), apply())
	c := change(t, p, "Deployment.apps/front")
	want := []PathChange{{Path: "spec.template.spec.containers.image", From: "front:1", To: "front:2"}}
	if d := cmp.Diff(want, c.Paths); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"restarts 3 pods"}, c.Impact); d != "" {
		t.Error(d)
	}
	live := w.objects[c.ID]
	step := c.Steps[0]
	if step.UID != string(live.GetUID()) || step.Version != live.GetResourceVersion() ||
		step.Body.GetUID() != live.GetUID() || step.Body.GetResourceVersion() != live.GetResourceVersion() {
		t.Errorf("the step has no preconditions: %+v", step)
	}
	if p.Counts()[Update] != 1 || w.calls["dry-run"] != 1 {
		t.Errorf("%v, %d dry-runs", actions(p), w.calls["dry-run"])
	}
	w.carryOut(p, s)
	if p := compute(t, w, s, strings.Replace(app, "front:1", "front:2", 1), apply()); !p.Empty() {
		t.Errorf("the next plan is not empty: %v", actions(p))
	}
}

func TestMetadataThatIsNotOursChangesNothing(t *testing.T) {
	w, s := deployed(t, app)
	w.put("kubectl-rollout", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: front, namespace: shop},
	  spec: {template: {metadata: {annotations: {"kubectl.kubernetes.io/restartedAt": now}}}}}`)
	for _, yaml := range []string{app, strings.Replace(app, "replicas: 3", "replicas: 4", 1)} {
		for _, c := range compute(t, w, s, yaml, apply()).Changes {
			for _, path := range c.Paths {
				if path.Path != "spec.replicas" {
					t.Errorf("%s: %+v", c.ID, path)
				}
			}
		}
	}
}

func TestALostLabelIsPutBack(t *testing.T) {
	w, s := deployed(t, app)
	w.objects[object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "front"}].SetLabels(nil)
	c := change(t, compute(t, w, s, app, apply()), "ConfigMap/front")
	if c.Action != Update || len(c.Paths) > 0 || c.Reason != "the release's marks are put back" || c.Owner != Ours {
		t.Errorf("%s %q %v", c.Action, c.Reason, c.Paths)
	}
}

func TestAnObjectThatIsGoingIsWaitedFor(t *testing.T) {
	w, s := deployed(t, app)
	id := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "front"}
	now := metav1.Now()
	w.objects[id].SetDeletionTimestamp(&now)
	c := change(t, compute(t, w, s, app, apply()), "ConfigMap/front")
	if c.Action != Create || c.Live == nil || c.Steps[0].UID != "" || c.Reason != "is being deleted; waits until it is gone" {
		t.Errorf("%+v", c)
	}
}

func TestAJobThatEndedIsUnchangedThoughGone(t *testing.T) {
	const job = "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {template: {spec: {image: x}}}}"
	w, s := deployed(t, job)
	id := object.ID{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"}
	entry := s.Inventory[id]
	entry.Done = true
	s.Inventory[id] = entry
	now := metav1.Now()
	w.objects[id].SetDeletionTimestamp(&now)
	if p := compute(t, w, s, job, apply()); !p.Empty() || p.Changes[0].Live != nil {
		t.Errorf("while it goes: %v", actions(p))
	}
	delete(w.objects, id)
	if p := compute(t, w, s, job, apply()); !p.Empty() {
		t.Errorf("%v", actions(p))
	}
	if p := compute(t, w, s, strings.Replace(job, "image: x", "image: y", 1), apply()); actions(p)["Job.batch/migrate"] != Create {
		t.Errorf("another manifest: %v", actions(p))
	}
}

func TestCustomResourcesOfANewKindAreNotAskedAbout(t *testing.T) {
	const widget = `
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec: {group: example.com, scope: Namespaced, names: {kind: Widget, plural: widgets}, versions: [{name: v1, served: true}]}
`
	w := newWorld(t)
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	p := compute(t, w, newState(), widget, apply())
	c := change(t, p, "Widget.example.com/w")
	if c.Kind.Resource != "widgets" || c.ID.Namespace != "shop" || !strings.HasSuffix(c.Unchecked, "is created by this plan") {
		t.Errorf("%+v", c)
	}
	want := []Edge{{Before: 1, After: 0, Need: "established", Why: "apiVersion"}}
	if d := cmp.Diff(want, p.Order); d != "" {
		t.Error(d)
	}
	if crd := change(t, p, "CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com"); !crd.Shared || crd.Merged.GetLabels() != nil {
		t.Error("a CRD must not carry the release's label: it is shared")
	}
	if p := compute(t, w, newState(), strings.Replace(widget, "example.com/v1\n", "example.com/v2\n", 1), apply()); len(p.Refused) != 1 || p.Refused[0].Code != RefusedInput {
		t.Errorf("a version that the CRD does not serve: %s", refusal(p))
	}
}

func TestANamespaceOnAClusterScopedObjectIsDroppedWithAWarning(t *testing.T) {
	w := newWorld(t)
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	p := compute(t, w, newState(), "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r, namespace: shop}}", apply())
	want := []string{"shop.yaml:1: ClusterRole.rbac.authorization.k8s.io/r: is cluster-scoped; its namespace shop is left out"}
	if d := cmp.Diff(want, p.Warnings); d != "" {
		t.Error(d)
	}
}

func TestDeleteRemovesWhatTheReleaseMade(t *testing.T) {
	w, s := deployed(t, app)
	p, err := Compute(context.Background(), w, s, nil, Options{Op: OpDelete, Target: shop, MaxDelete: -1})
	if err != nil {
		t.Fatal(err)
	}
	if p.Counts()[Delete] != 3 || len(p.Refused) > 0 {
		t.Errorf("%v %s", actions(p), refusal(p))
	}
	var order []string
	for _, e := range p.Order {
		order = append(order, p.Changes[e.Before].ID.In("shop")+" before "+p.Changes[e.After].ID.In("shop")+", "+string(e.Need))
	}
	if d := cmp.Diff([]string{"Deployment.apps/front before ServiceAccount/front, gone"}, order); d != "" {
		t.Error(d)
	}
}

func TestPlansAreTheSameIfTheirRequestsAre(t *testing.T) {
	w, s := deployed(t, app)
	changed := strings.Replace(app, "front:1", "front:2", 1)
	p := compute(t, w, s, changed, apply())
	id := object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "front"}
	w.objects[id].SetResourceVersion("999")
	if !p.Same(compute(t, w, s, changed, apply())) {
		t.Error("not the same, although only a resourceVersion moved")
	}
	w.objects[id].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].(map[string]any)["image"] = "front:0"
	if p.Same(compute(t, w, s, changed, apply())) {
		t.Error("the same, although somebody changed what would be overwritten")
	}
	if p.Same(compute(t, w, s, strings.Replace(app, "front:1", "front:3", 1), apply())) {
		t.Error("the same, although another image is sent")
	}
	w.objects[id].SetUID("another")
	entry := s.Inventory[id]
	entry.UID = "another"
	s.Inventory[id] = entry
	if p.Same(compute(t, w, s, changed, apply())) {
		t.Error("the same, although the object was replaced")
	}
	if p.Same(compute(t, w, s, app, apply())) || p.Same(nil) {
		t.Error("the same as an empty plan, or none")
	}
	var again Plan
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if !p.Same(&again) {
		t.Error("not the same after it was saved and read")
	}
}
