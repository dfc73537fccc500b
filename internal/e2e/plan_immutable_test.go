package e2e

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const db = `apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  annotations: {ANNOTATION}
spec:
  serviceName: db
  replicas: 2
  podManagementPolicy: OrderedReady
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: a, image: registry.example/db:1}]}
`

// pods are the UIDs of a namespace's pods by name.
func (e *Env) pods() map[string]string {
	e.t.Helper()
	all := map[string]string{}
	for id, u := range e.All() {
		if id.Kind == "Pod" {
			all[id.Name] = string(u.GetUID())
		}
	}
	return all
}

func TestAStatefulSetIsRecreatedAroundItsPods(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", e.Write("1.yaml", strings.Replace(db, "ANNOTATION", "", 1)), "-r", "db", "-n", e.NS)
	before := e.pods()
	changed := strings.Replace(db, "OrderedReady", "Parallel", 1)
	refused := e.Must(4, "apply", e.Write("2.yaml", strings.Replace(changed, "ANNOTATION", "", 1)), "-r", "db", "-n", e.NS)
	for _, want := range []string{
		"refused: immutable fields of 1 object would have to change; nothing was changed",
		"StatefulSet.apps/db  spec.podManagementPolicy is immutable", "2.yaml:6", "belay.sh/on-immutable: recreate (orphan",
	} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("the refusal lacks %q:\n%v", want, refused)
		}
	}
	orphan := e.Write("3.yaml", strings.Replace(changed, "ANNOTATION", "belay.sh/on-immutable: orphan", 1))
	plan := e.Must(2, "diff", orphan, "-r", "db", "-n", e.NS)
	if !strings.Contains(plan.Stdout, "± StatefulSet.apps/db") || !strings.Contains(plan.Stdout, "spec.podManagementPolicy is immutable") {
		t.Errorf("the plan does not say what it does:\n%v", plan)
	}
	e.Must(0, "apply", orphan, "-r", "db", "-n", e.NS)
	u, err := e.API.Get("/apis/apps/v1/namespaces/" + e.NS + "/statefulsets/db")
	if err != nil {
		t.Fatal(err)
	}
	if policy, _, _ := unstructured.NestedString(u.Object, "spec", "podManagementPolicy"); policy != "Parallel" {
		t.Errorf("the policy is %s", policy)
	}
	if after := e.pods(); len(before) != 2 || text(after) != text(before) {
		t.Errorf("the pods did not live on: %v became %v", before, after)
	}
	// What is invalid is not taken for immutable, and nothing is deleted for it.
	invalid := strings.Replace(changed, "ANNOTATION", "belay.sh/on-immutable: recreate", 1)
	invalid = strings.Replace(invalid, "Parallel", "Sideways", 1)
	wrong := e.Must(3, "apply", e.Write("4.yaml", invalid), "-r", "db", "-n", e.NS)
	if !strings.Contains(wrong.Stderr, "1 object is invalid") || !strings.Contains(wrong.Stderr, "spec.podManagementPolicy") {
		t.Errorf("it does not say what is invalid:\n%v", wrong)
	}
}

// TestALiveScalerOfKEDAKeepsItsReplicas has one that is paused: it has no autoscaler
// of its own then, and set the replicas itself.
func TestALiveScalerOfKEDAKeepsItsReplicas(t *testing.T) {
	t.Parallel()
	e := New(t)
	crds := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	err := e.API.Create(crds, []byte(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: scaledobjects.keda.sh}, spec: {group: keda.sh, scope: Namespaced,
  names: {kind: ScaledObject, plural: scaledobjects, singular: scaledobject, listKind: ScaledObjectList}, versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.API.Delete(crds + "/scaledobjects.keda.sh") })
	e.Must(0, "apply", e.Write("1.yaml", web), "-r", "web", "-n", e.NS)
	scalers := "/apis/keda.sh/v1alpha1/namespaces/" + e.NS + "/scaledobjects"
	e.Until("scalers are served", func() (bool, error) {
		err := e.API.Do(http.MethodGet, scalers, "", nil, nil)
		return err == nil, err
	})
	if err := e.API.Create(scalers, []byte(`{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: queue}, spec: {scaleTargetRef: {name: web}, maxReplicaCount: 9}}`)); err != nil {
		t.Fatal(err)
	}
	e.merge(e.deployment("web")+"/scale", "keda", `{"spec":{"replicas":7}}`)
	next := e.Write("2.yaml", strings.Replace(web, "web:1", "web:2", 1))
	diff := e.Must(2, "diff", next, "-r", "web", "-n", e.NS)
	if want := "spec.replicas is left to ScaledObject.keda.sh/queue (live 7, bundle 2)"; !strings.Contains(diff.Stdout, want) {
		t.Errorf("lacks %q:\n%v", want, diff)
	}
	e.Run(Run{Args: []string{"apply", next, "-r", "web", "-n", e.NS, "--no-wait"}, Unchecked: true})
	if n := e.replicas("web"); n != 7 {
		t.Errorf("the apply made it %d replicas, the scaler 7", n)
	}
}
