package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

func TestImmutableFields(t *testing.T) {
	const job = "{apiVersion: batch/v1, kind: Job, metadata: {name: m}, spec: {template: {spec: {image: x}}}}"
	const claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: m}, spec: {template: x}}"
	ended := []any{map[string]any{"type": "Complete", "status": "True"}}
	tests := map[string]struct {
		manifest   string
		conditions []any
		policy     policy.OnImmutable
		asNew      error
		action     Action
		refused    string
	}{
		"a Job that ended":              {job, ended, "", nil, Recreate, ""},
		"a Job that runs":               {job, nil, "", nil, Recreate, "Job.batch/m  is running; spec.template is immutable"},
		"a Job that runs, by policy":    {job, nil, policy.ImmutableRecreate, nil, Recreate, ""},
		"a Job that ended, not allowed": {job, ended, policy.ImmutableFail, nil, Recreate, "Job.batch/m  spec.template is immutable"},
		"a Job whose pods live on":      {job, nil, policy.ImmutableOrphan, nil, Recreate, ""},
		"a claim, orphaned":             {claim, nil, policy.ImmutableOrphan, nil, Recreate, "PersistentVolumeClaim/m  spec.template is immutable"},
		"a claim, whatever the policy":  {claim, nil, policy.ImmutableRecreate, nil, Recreate, "PersistentVolumeClaim/m  spec.template is immutable"},
		"invalid as a new object too":   {job, ended, "", invalid("m"), Update, "spec.template: field is immutable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.manifest)
			o := manifests(t, test.manifest)[0]
			id := object.ID{Group: o.ID().Group, Kind: o.ID().Kind, Namespace: "shop", Name: "m"}
			if test.conditions != nil {
				w.objects[id].Object["status"] = map[string]any{"conditions": test.conditions}
			}
			w.refuse[id.String()] = invalid("m", metav1.StatusCause{Field: "spec.template", Message: "field is immutable"})
			if test.asNew != nil {
				w.asNew[id.String()] = test.asNew
			}
			yaml := strings.Replace(strings.Replace(test.manifest, "image: x", "image: y", 1), "template: x", "template: y", 1)
			if test.policy != "" {
				yaml = strings.Replace(yaml, "{name: m}", "{name: m, annotations: {belay.sh/on-immutable: "+string(test.policy)+"}}", 1)
			}
			p := compute(t, w, s, yaml, apply())
			c := &p.Changes[0]
			if c.Action != test.action {
				t.Errorf("%s", c.Action)
			}
			got := refusal(p)
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
			}
			if test.refused != "" {
				return
			}
			live := w.objects[id]
			if c.Reason != "spec.template is immutable" || len(c.Steps) != 2 {
				t.Fatalf("%q %+v", c.Reason, c.Steps)
			}
			want := Step{Verb: VerbDelete, UID: string(live.GetUID()), Version: live.GetResourceVersion(), Propagation: "Foreground"}
			if test.policy == policy.ImmutableOrphan {
				want.Propagation = "Orphan"
			}
			if d := cmp.Diff(want, c.Steps[0]); d != "" {
				t.Error(d)
			}
			if create := c.Steps[1]; create.Verb != VerbApply || create.UID != "" || create.Body.GetUID() != "" || create.Body.GetResourceVersion() != "" {
				t.Errorf("the create has preconditions: %+v", create)
			}
		})
	}
}

func TestAPortThatSomebodyMovedIsAConflict(t *testing.T) {
	const svc = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{name: http, port: 80}]}}"
	w, s := deployed(t, svc)
	id := object.ID{Kind: "Service", Namespace: "shop", Name: "s"}
	live := w.objects[id]
	live.Object["spec"] = map[string]any{"ports": []any{map[string]any{"name": "http", "port": int64(8080), "protocol": "TCP"}}}
	entries := live.Object["metadata"].(map[string]any)
	entries["managedFields"] = append(entries["managedFields"].([]any), map[string]any{
		"manager": "kubectl-patch", "operation": "Update", "apiVersion": "v1", "fieldsV1": map[string]any{
			"f:spec": map[string]any{"f:ports": map[string]any{`k:{"port":8080,"protocol":"TCP"}`: map[string]any{".": map[string]any{}}}},
		}})
	w.refuse[id.String()] = invalid("s", metav1.StatusCause{Field: "spec.ports[1].name", Message: "Duplicate value"})
	p := compute(t, w, s, svc, apply())
	want := `4 refused: 1 conflict; nothing was changed
  Service/s  spec.ports[http].port
      bundle 80 (shop.yaml:1) · live 8080, set by kubectl-patch
hint: put it back first, it cannot be taken over: kubectl -n shop edit services s
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
}

func TestAnObjectThatOthersMakeInvalidIsNotImmutable(t *testing.T) {
	w, s := deployed(t, one)
	id := w.put("kubectl-edit", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {b: y}}")
	w.refuse[id.String()] = invalid("c", metav1.StatusCause{Type: metav1.CauseTypeFieldValueRequired, Field: "data.c", Message: "Required value"})
	p := compute(t, w, s, strings.Replace(one, "a: x", "a: y", 1), apply())
	want := `4 refused: 1 object would be invalid together with what others set on it; nothing was changed
  ConfigMap/c (shop.yaml:1), set also by kubectl-edit
      data.c: Required value
hint: take off what they set: kubectl -n shop edit configmaps c
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
}
