package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// certificates is a bundle as certificate managers have it: definitions, an
// operator, a webhook that it serves with a certificate that it injects itself, and
// objects that the webhook must admit.
func certificates(ns, address string, version int) string {
	return fmt.Sprintf(`apiVersion: %[1]s.example.com/v1
kind: Certificate
metadata: {name: one}
spec: {version: %[3]d}
---
apiVersion: %[1]s.example.com/v1
kind: Certificate
metadata: {name: two}
spec: {version: %[3]d}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: certificates.%[1]s.example.com
  failurePolicy: Fail
  timeoutSeconds: 5
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {url: "https://%[2]s/validate"}
  rules:
  - {apiGroups: ["%[1]s.example.com"], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [certificates]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator}
spec:
  selector: {matchLabels: {app: operator}}
  template:
    metadata: {labels: {app: operator}}
    spec:
      serviceAccountName: operator
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "registry.example/operator:%[3]d"}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator}
---
apiVersion: v1
kind: Service
metadata: {name: operator}
spec:
  selector: {app: operator}
  ports: [{port: 443}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: certificates.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  scope: Namespaced
  names: {kind: Certificate, plural: certificates, singular: certificate}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {version: {type: integer}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`, ns, address, version)
}

// operator plays what runs in the operator's pods, while its Deployment has ready
// ones: it serves the webhook, injects its certificate, and sees objects off.
type operator struct {
	e        *Env
	ca       []byte // PEM
	up       atomic.Bool
	admitted atomic.Int64
}

// startOperator listens on the loopback address, where the API server is too.
func (e *Env) startOperator() (o *operator, address string) {
	e.t.Helper()
	o = &operator{e: e}
	address, o.ca = e.serve(http.HandlerFunc(o.admit))
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { o.work(ctx) })
	e.t.Cleanup(func() {
		stop()
		working.Wait()
		_ = e.API.Delete("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + e.NS) // else the namespace cannot go
		_ = e.API.Delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certificates." + e.NS + ".example.com")
	})
	return o, address
}

// admit answers an AdmissionReview, if there is a pod to answer it.
func (o *operator) admit(w http.ResponseWriter, r *http.Request) {
	uid, err := reviewed(r)
	if !o.up.Load() || err != nil {
		http.Error(w, "no pod is ready", http.StatusServiceUnavailable)
		return
	}
	o.admitted.Add(1)
	answer(w, map[string]any{"uid": uid, "allowed": true})
}

func (o *operator) work(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		deployment, err := o.e.API.Get("/apis/apps/v1/namespaces/" + o.e.NS + "/deployments/operator")
		available := 0.0
		if err == nil {
			available, _, _ = unstructured.NestedFloat64(deployment.Object, "status", "availableReplicas")
		}
		o.up.Store(available > 0)
		if available > 0 {
			o.inject()
			o.reconcile()
		}
	}
}

// inject puts the certificate into the webhook's configuration, as its own field.
func (o *operator) inject() {
	path := "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + o.e.NS
	live, err := o.e.API.Get(path)
	if err != nil {
		return // it is not there yet, or no longer
	}
	hooks, _, _ := unstructured.NestedSlice(live.Object, "webhooks")
	if slices.ContainsFunc(hooks, func(h any) bool {
		bundle, _, _ := unstructured.NestedString(h.(map[string]any), "clientConfig", "caBundle")
		return bundle == ""
	}) {
		body := fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: %[1]s, resourceVersion: "%[3]s"},
 webhooks: [{name: certificates.%[1]s.example.com, clientConfig: {caBundle: %[2]s}}]}`, o.e.NS, base64.StdEncoding.EncodeToString(o.ca), live.GetResourceVersion())
		_ = o.e.API.Apply(path, "injector", []byte(body)) // tried again with the next tick
	}
}

// reconcile holds each object with a finalizer and makes it ready; what is deleted
// it lets go.
func (o *operator) reconcile() {
	collection := "/apis/" + o.e.NS + ".example.com/v1/namespaces/" + o.e.NS + "/certificates"
	var list struct{ Items []map[string]any }
	if o.e.API.Do(http.MethodGet, collection, "", nil, &list) != nil {
		return
	}
	for _, item := range list.Items {
		u := &unstructured.Unstructured{Object: item}
		path := collection + "/" + u.GetName()
		patch := func(path, body string) {
			_ = o.e.API.Do(http.MethodPatch, path, "application/merge-patch+json", []byte(body), nil) // tried again with the next tick
		}
		_, isReady, _ := unstructured.NestedSlice(item, "status", "conditions")
		switch {
		case u.GetDeletionTimestamp() != nil && slices.Contains(u.GetFinalizers(), "example.com/certificate"):
			left := slices.DeleteFunc(u.GetFinalizers(), func(f string) bool { return f == "example.com/certificate" })
			body, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": left}})
			if err == nil {
				patch(path, string(body))
			}
		case u.GetDeletionTimestamp() == nil && len(u.GetFinalizers()) == 0:
			patch(path, `{"metadata":{"finalizers":["example.com/certificate"]}}`)
		case !isReady:
			patch(path+"/status", `{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Issued","message":"issued","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
		}
	}
}

func TestACertificateManagerDeploysUpgradesAndGoesInOneRunEach(t *testing.T) {
	t.Parallel()
	e := New(t)
	o, address := e.startOperator()
	path := e.Write("certificates.yaml", certificates(e.NS, address, 1))
	run := []string{"apply", path, "-r", "certificates", "-n", e.NS}
	e.Must(0, run...)
	first := o.admitted.Load()
	if first == 0 {
		t.Error("the webhook admitted nothing")
	}

	e.Write("certificates.yaml", certificates(e.NS, address, 2))
	e.Must(0, run...)
	if o.admitted.Load() == first {
		t.Error("the webhook admitted no update")
	}
	for _, name := range []string{"one", "two"} {
		u, err := e.API.Get("/apis/" + e.NS + ".example.com/v1/namespaces/" + e.NS + "/certificates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if version, _, _ := unstructured.NestedFloat64(u.Object, "spec", "version"); version != 2 {
			t.Errorf("%s has version %v", name, version)
		}
	}

	e.Must(0, "delete", "certificates", "-n", e.NS, "--yes", "--delete-crds", "--timeout", "3m")
	e.mustBeEmpty()
	if _, err := e.API.Get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certificates." + e.NS + ".example.com"); !isNotFound(err) {
		t.Errorf("the definition is still there: %v", err)
	}
}
