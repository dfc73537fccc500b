package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

const recreated = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, annotations: {belay.sh/on-immutable: recreate}},
  spec: {replicas: 2, selector: {matchLabels: {app: w}}, template: {metadata: {labels: {app: w}}}}}`

var recreatedID = object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "w"}

// selectorRefused is how a server answers when a Deployment's selector changes.
func selectorRefused() error {
	return invalid("w", metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: "spec.selector", Message: "field is immutable"})
}

func TestWhatIsRecreatedKeepsTheReplicasThatItsAutoscalerSet(t *testing.T) {
	w, s := deployed(t, recreated)
	w.put("autoscaler", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, namespace: shop}, spec: {replicas: 7}}")
	w.kinds[hpaKind] = object.Kind{GroupVersionKind: hpaKind.WithVersion("v2"), Resource: "horizontalpodautoscalers", Namespaced: true}
	w.put("kubectl", "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: w, namespace: shop}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: w}}}")
	w.refuse[recreatedID.String()] = selectorRefused()
	p := compute(t, w, s, strings.ReplaceAll(recreated, "app: w", "app: x"), apply())
	c := change(t, p, "Deployment.apps/w")
	if c.Action != Recreate || len(c.Steps) != 2 {
		t.Fatalf("%s %+v\n%s", c.Action, c.Steps, refusal(p))
	}
	if n, _, _ := unstructured.NestedInt64(c.Steps[1].Body.Object, "spec", "replicas"); n != 7 {
		t.Errorf("it is created with %d replicas; the autoscaler had set 7", n)
	}
	for _, path := range c.Paths {
		if within(path.Path, "spec.replicas") {
			t.Errorf("the plan says that its replicas change: %+v", path)
		}
	}
}

func TestARollbackMayRecreateWhatTheLiveObjectAllows(t *testing.T) {
	tests := map[string]struct {
		live        string // the annotation's value
		propagation string // empty: refused
	}{
		"the revision that is left allowed it": {"recreate", "Foreground"},
		"and its dependents lived on":          {"orphan", "Orphan"},
		"it says nothing":                      {"", ""},
		"it forbids it":                        {"fail", ""},
		"nobody understands what it says":      {"perhaps", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// The revision gone back to never said a word about it.
			old := strings.Replace(recreated, "annotations: {belay.sh/on-immutable: recreate}", "labels: {a: b}", 1)
			w, s := deployed(t, strings.ReplaceAll(old, "app: w", "app: x"))
			live := w.objects[recreatedID]
			live.SetAnnotations(map[string]string{object.NamespaceAnnotation: "shop", "belay.sh/on-immutable": test.live})
			w.refuse[recreatedID.String()] = selectorRefused()
			o := apply()
			o.Op = OpRollback
			p := compute(t, w, s, old, o)
			c := change(t, p, "Deployment.apps/w")
			if test.propagation == "" {
				want := `4 refused: immutable fields of 1 object would have to change; nothing was changed
  Deployment.apps/w  spec.selector is immutable (shop.yaml:1)
hint: to delete and create it anew, say so on what is live, and roll back again: kubectl -n shop annotate deployments.apps w --overwrite belay.sh/on-immutable=recreate
`
				if d := cmp.Diff(want, refusal(p)); d != "" {
					t.Error(d)
				}
				return
			}
			if len(p.Refused) > 0 || len(c.Steps) != 2 || c.Steps[0].Propagation != test.propagation {
				t.Errorf("%+v\n%s", c.Steps, refusal(p))
			}
		})
	}
}

func TestAnApplyAsksTheBundleAloneWhatMayBeRecreated(t *testing.T) {
	silent := strings.Replace(recreated, "annotations: {belay.sh/on-immutable: recreate}", "labels: {a: b}", 1)
	w, s := deployed(t, silent)
	w.objects[recreatedID].SetAnnotations(map[string]string{object.NamespaceAnnotation: "shop", "belay.sh/on-immutable": "recreate"})
	w.refuse[recreatedID.String()] = selectorRefused()
	if p := compute(t, w, s, strings.ReplaceAll(silent, "app: w", "app: x"), apply()); len(p.Refused) != 1 || !strings.Contains(refusal(p), "annotate it: belay.sh/on-immutable: recreate") {
		t.Errorf("what is live may not speak for the bundle:\n%s", refusal(p))
	}
}

func TestAnImmutableFieldIsOneWhateverElseTheServerMinds(t *testing.T) {
	const job = "{apiVersion: batch/v1, kind: Job, metadata: {name: m, annotations: {belay.sh/on-immutable: recreate}}, spec: {template: {metadata: {annotations: {a: b}}, spec: {image: x}}}}"
	w, s := deployed(t, job)
	id := object.ID{Group: "batch", Kind: "Job", Namespace: "shop", Name: "m"}
	// So it is where the template's metadata goes, and with it the labels that the server
	// had put there.
	w.refuse[id.String()] = invalid("m",
		metav1.StatusCause{Type: metav1.CauseTypeFieldValueRequired, Field: "spec.template.metadata.labels[job-name]", Message: "Required value: must be 'm'"},
		metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: "spec.template", Message: `Invalid value: {"Spec":{}}: field is immutable`})
	p := compute(t, w, s, strings.Replace(job, "image: x", "image: y", 1), apply())
	c := change(t, p, "Job.batch/m")
	if c.Action != Recreate || c.Reason != "spec.template is immutable" || len(p.Refused) > 0 {
		t.Errorf("%s %q\n%s", c.Action, c.Reason, refusal(p))
	}
}

func TestThePlanSaysWhatBecomesOfOrphans(t *testing.T) {
	orphan := strings.Replace(recreated, "on-immutable: recreate", "on-immutable: orphan", 1)
	orphan = strings.Replace(orphan, "labels: {app: w}", "labels: {app: w, tier: t}", 1)
	tests := map[string]struct{ next, impact string }{
		"the new selector finds them":         {strings.Replace(orphan, "matchLabels: {app: w}", "matchLabels: {app: w, tier: t}", 1), "what depends on it lives on"},
		"the new selector does not find them": {strings.ReplaceAll(orphan, "app: w", "app: x"), "what depends on it lives on and is nobody's then, for the new selector does not match it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, orphan)
			w.refuse[recreatedID.String()] = selectorRefused()
			p := compute(t, w, s, test.next, apply())
			if d := cmp.Diff([]string{test.impact}, change(t, p, "Deployment.apps/w").Impact); d != "" {
				t.Errorf("%s\n%s", d, refusal(p))
			}
		})
	}
}

func TestTemplatesOfClaimsShowOnlyWhatChanges(t *testing.T) {
	const db = `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, annotations: {belay.sh/on-immutable: "%"}},
	  spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}, volumeClaimTemplates: [{metadata: {name: d}, spec: {size: 1}}]}}`
	for how, impact := range map[string][]string{
		"recreate": {"stops 1 pod", "its claims stay as they are"},
		"orphan":   {"what depends on it lives on", "its claims stay as they are"},
	} {
		t.Run(how, func(t *testing.T) {
			manifest := strings.Replace(db, "%", how, 1)
			w, s := deployed(t, manifest)
			id := object.ID{Group: "apps", Kind: "StatefulSet", Namespace: "shop", Name: "db"}
			filled := map[string]any{
				"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "d"},
				"spec": map[string]any{"size": int64(1), "volumeMode": "Filesystem"}, "status": map[string]any{"phase": "Pending"},
			}
			spec := w.objects[id].Object["spec"].(map[string]any)
			spec["volumeClaimTemplates"] = []any{filled}
			w.refuse[id.String()] = invalid("db", metav1.StatusCause{Type: "FieldValueForbidden", Field: "spec", Message: "updates to statefulset spec are forbidden"})
			p := compute(t, w, s, strings.Replace(manifest, "size: 1", "size: 2", 1), apply())
			c := change(t, p, "StatefulSet.apps/db")
			after := map[string]any{
				"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "d"},
				"spec": map[string]any{"size": int64(2), "volumeMode": "Filesystem"}, "status": map[string]any{"phase": "Pending"},
			}
			want := []PathChange{{Path: claimTemplates, From: []any{filled}, To: []any{after}}}
			if d := cmp.Diff(want, c.Paths); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(impact, c.Impact); d != "" {
				t.Error(d)
			}
			sent, _, _ := unstructured.NestedSlice(c.Steps[1].Body.Object, "spec", "volumeClaimTemplates")
			if d := cmp.Diff([]any{map[string]any{"metadata": map[string]any{"name": "d"}, "spec": map[string]any{"size": int64(2)}}}, sent); d != "" {
				t.Errorf("what is shown is sent: %s", d)
			}
		})
	}
}

func TestAPodTemplateThatOthersSpoilIsNotImmutable(t *testing.T) {
	w, s := deployed(t, recreated)
	w.put("kubectl-edit", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, namespace: shop}, spec: {template: {spec: {probe: {exec: x}}}}}")
	w.refuse[recreatedID.String()] = invalid("w", metav1.StatusCause{
		Type: "FieldValueForbidden", Field: "spec.template.spec.containers[0].livenessProbe.tcpSocket", Message: "Forbidden: may not specify more than 1 handler type",
	}, metav1.StatusCause{
		Type: metav1.CauseTypeFieldValueInvalid, Field: "spec.template.spec.containers[0].env[0].valueFrom", Message: "Invalid value: \"\": may not be specified when `value` is not empty",
	})
	want := `4 refused: 1 object would be invalid together with what others set on it; nothing was changed
  Deployment.apps/w (shop.yaml:1), set also by kubectl-edit
      spec.template.spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type
      spec.template.spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when ` + "`value`" + ` is not empty
hint: take off what they set: kubectl -n shop edit deployments.apps w
`
	p := compute(t, w, s, strings.Replace(recreated, "replicas: 2", "replicas: 3", 1), apply())
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
	if c := change(t, p, "Deployment.apps/w"); c.Action != Update || len(c.Steps) > 0 {
		t.Errorf("it would be deleted for that: %s %+v", c.Action, c.Steps)
	}
}

func TestWhatCouldChangeAloneIsNotImmutable(t *testing.T) {
	const budget = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b, annotations: {belay.sh/on-immutable: recreate}}, data: {min: x}}"
	w, s := deployed(t, budget)
	id := w.put("kubectl-patch", "{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: shop}, data: {max: x}}")
	w.refuse[id.String()] = invalid("b", metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: "data", Message: "Invalid value: min and max cannot be both set"})
	next := strings.Replace(budget, "min: x", "min: y", 1)
	if c := change(t, compute(t, w, s, next, apply()), "ConfigMap/b"); c.Action != Recreate {
		t.Errorf("what cannot be told is what it may: %s", c.Action)
	}
	w.alone[id.String()] = true
	want := `4 refused: 1 object would be invalid together with what others set on it; nothing was changed
  ConfigMap/b (shop.yaml:1), set also by kubectl-patch
      data: Invalid value: min and max cannot be both set
hint: take off what they set: kubectl -n shop edit configmaps b
`
	p := compute(t, w, s, next, apply())
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
	if c := change(t, p, "ConfigMap/b"); len(c.Steps) > 0 {
		t.Errorf("it would be deleted for that: %+v", c.Steps)
	}
}

func TestARecreatedObjectLosesWhatOthersSet(t *testing.T) {
	w, s := deployed(t, recreated)
	next := strings.ReplaceAll(recreated, "app: w", "app: x")
	w.refuse[recreatedID.String()] = selectorRefused()
	for _, test := range []struct {
		manager, set string
		impact       []string
	}{
		{"", "", []string{"stops 2 pods"}},
		{"agrees", "spec: {replicas: 2}", []string{"stops 2 pods"}},
		{"kubectl-annotate", "metadata: {name: w, namespace: shop, annotations: {team: blue}}", []string{"stops 2 pods", "loses what kubectl-annotate set"}},
		{"kubectl", "spec: {replicas: 3}", []string{"stops 3 pods", "loses what kubectl, kubectl-annotate set"}},
	} {
		if test.manager != "" {
			if !strings.Contains(test.set, "metadata") {
				test.set += ", metadata: {name: w, namespace: shop}"
			}
			w.put(test.manager, "{apiVersion: apps/v1, kind: Deployment, "+test.set+"}")
		}
		c := change(t, compute(t, w, s, next, apply()), "Deployment.apps/w")
		if d := cmp.Diff(test.impact, c.Impact); d != "" {
			t.Errorf("%s: %s", test.manager, d)
		}
	}
}
