package diff

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestConflictsAreRefusedAllAtOnce(t *testing.T) {
	w, s := deployed(t, app+`---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: hunter2}
`)
	w.put("kubectl-edit", `{apiVersion: v1, kind: ConfigMap, metadata: {name: front, namespace: shop}, data: {a: "9"}}`)
	w.put("kubectl-scale", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: front, namespace: shop}, spec: {replicas: 5}}`)
	w.put("kubectl-patch", `{apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}, data: {password: c2VzYW1l}}`)
	yaml := app + "---\n{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {password: hunter2}}"
	o := apply()
	p := compute(t, w, s, yaml, o)
	got := refusal(p)
	for _, want := range []string{
		"4 refused: 3 conflicts; nothing was changed",
		"ConfigMap/front        data.a", "bundle 1 (shop.yaml:2) · live 9, set by kubectl-edit 0s ago",
		"Deployment.apps/front  spec.replicas", "Secret/key", "bundle ‹hidden› (shop.yaml:18) · live ‹hidden›, set by kubectl-patch",
		"--force-conflicts=kubectl-edit,kubectl-patch,kubectl-scale",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	noLeak(t, p.Refused, "hunter2", "sesame", "c2VzYW1l")

	o.ForceConflicts = []string{"kubectl-*"}
	p = compute(t, w, s, yaml, o)
	if len(p.Refused) > 0 || !change(t, p, "ConfigMap/front").Steps[0].Force || !change(t, p, "ConfigMap/front").Conflicts[0].Forced {
		t.Errorf("not forced: %s", refusal(p))
	}
	if step := change(t, p, "Secret/key").Steps[0]; step.Version == "" {
		t.Error("a forced write has no resourceVersion: it could override what nobody has seen")
	}
	w.carryOut(p, s)
	if p := compute(t, w, s, yaml, apply()); !p.Empty() {
		t.Errorf("the next plan is not empty: %v", actions(p))
	}
	o.ForceConflicts = []string{"helm"}
	w.put("kubectl-edit", `{apiVersion: v1, kind: ConfigMap, metadata: {name: front, namespace: shop}, data: {a: "8"}}`)
	if p := compute(t, w, s, yaml, o); len(p.Refused) != 1 || change(t, p, "ConfigMap/front").Steps[0].Force {
		t.Error("a conflict with another manager than the one named is forced")
	}
}

func TestEqualValuesOfOthersAreNoConflict(t *testing.T) {
	w, s := deployed(t, app)
	w.put("kubectl-edit", `{apiVersion: v1, kind: ConfigMap, metadata: {name: front, namespace: shop}, data: {a: "9"}}`)
	p := compute(t, w, s, strings.Replace(app, `a: "1"`, `a: "9"`, 1), apply())
	if len(p.Refused) > 0 || change(t, p, "ConfigMap/front").Steps[0].Force {
		t.Error(refusal(p))
	}
}

func TestMistakesAreReportedAllAtOnceWithFileAndLine(t *testing.T) {
	w, s := deployed(t, app)
	w.refuse["Deployment.apps/shop/front"] = invalid("front", metav1.StatusCause{Field: "spec.replicas", Message: "Invalid value: -1", Type: "FieldValueInvalid"})
	w.asNew["Deployment.apps/shop/front"] = invalid("front")
	w.refuse["Secret/shop/key"] = invalid("key: hunter2", metav1.StatusCause{Field: "data[x y]", Message: "Invalid value: hunter2", Type: "FieldValueInvalid"})
	yaml := app + `---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: front}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: far, namespace: nowhere}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {"x y": hunter2}
`
	p := compute(t, w, s, strings.Replace(yaml, "replicas: 3", "replicas: -1", 1), apply())
	want := `3 5 objects are invalid; nothing was changed
  shop.yaml:18: Widget.example.com/w: the server knows no kind Widget in example.com/v1
  shop.yaml:22: ConfigMap/front: is defined twice, first at shop.yaml:2
  shop.yaml:7: Deployment.apps/front: spec.replicas: Invalid value: -1
  shop.yaml:26: ConfigMap/nowhere/far: namespace nowhere does not exist, and the bundle does not bring it
  shop.yaml:30: Secret/key: data[x y]: FieldValueInvalid (the server's words are hidden, they may hold values)
hint: add the CustomResourceDefinition to the bundle, or install what brings the kind first
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
	noLeak(t, p.Refused, "hunter2")
}

func TestRightsThatLackAreReportedAllAtOnce(t *testing.T) {
	w, s := deployed(t, app)
	for _, right := range []string{"patch deployments", "delete configmaps", "update secrets"} {
		w.forbid[right] = true
	}
	yaml := strings.Replace(app, "front:1", "front:2", 1)
	yaml = yaml[strings.Index(yaml, "---"):]
	p := compute(t, w, s, yaml+"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}", apply())
	want := `5 not permitted: ci lacks 3 rights in namespace shop; nothing was changed
  delete  configmaps        for ConfigMap/front
  patch   deployments.apps  for Deployment.apps/front
  update  secrets           for Secret/belay.shop
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
}

func TestWithoutTheRightToListObjectsAreReadOneByOne(t *testing.T) {
	w, s := deployed(t, app)
	w.forbid["list configmaps"] = true
	p := compute(t, w, s, app, apply())
	if !p.Empty() || w.calls["get"] != 1 || len(p.Refused) > 0 {
		t.Errorf("%v, %d GETs, %s", actions(p), w.calls["get"], refusal(p))
	}
}

func TestATerminatingNamespaceIsRefused(t *testing.T) {
	w := newWorld(t)
	id := w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	now := metav1.Now()
	w.objects[id].SetDeletionTimestamp(&now)
	p := compute(t, w, newState(), app, apply())
	if len(p.Refused) != 1 || !strings.Contains(refusal(p), "4 refused: namespace shop is being deleted; nothing was changed") {
		t.Error(refusal(p))
	}
}

// noLeak demands that secret values are nowhere in what people see.
func noLeak(t *testing.T, v any, secrets ...string) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(data), secret) {
			t.Errorf("%q leaks: %s", secret, data)
		}
	}
}
