package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// named is an application under a name of its own.
func named(name string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata:
      labels: {app: %[1]s}
      annotations: {playground.belay.sh/behavior: slow-start=2s}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "registry.example/main:1"}]
`, name)
}

// happening is something that a watch told.
type happening struct {
	version int
	kind    string
	name    string
	gone    bool
	object  *unstructured.Unstructured
}

// film watches collections of a namespace, and gives what happened in the order of
// the API server's revisions, which are one sequence for all kinds.
func (e *Env) film(collections map[string]string) (develop func() []happening) {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	e.t.Cleanup(stop)
	var all []happening
	var mu sync.Mutex
	var watching sync.WaitGroup
	for kind, path := range collections {
		var list struct {
			Metadata struct{ ResourceVersion string } `json:"metadata"`
		}
		if err := e.API.Do("GET", path, "", nil, &list); err != nil {
			e.t.Fatal(err)
		}
		watching.Go(func() {
			_ = e.API.Watch(ctx, path, list.Metadata.ResourceVersion, func(event string, u *unstructured.Unstructured) bool { // ends with ctx
				version, err := strconv.Atoi(u.GetResourceVersion())
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					all = append(all, happening{version, kind, u.GetName(), event == "DELETED", u})
				}
				return false
			})
		})
	}
	return func() []happening {
		stop()
		watching.Wait()
		slices.SortStableFunc(all, func(a, b happening) int { return cmp.Compare(a.version, b.version) })
		return all
	}
}

func TestARenameLeavesNoMomentWithoutAReadyWorkload(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("app.yaml", named("old"))
	e.Must(0, "apply", path, "-r", "app", "-n", e.NS)
	develop := e.film(map[string]string{
		"Deployment": "/apis/apps/v1/namespaces/" + e.NS + "/deployments",
		"Service":    "/api/v1/namespaces/" + e.NS + "/services",
		"Slice":      "/apis/discovery.k8s.io/v1/namespaces/" + e.NS + "/endpointslices",
	})
	e.Write("app.yaml", named("new"))
	r := e.Run(Run{Args: []string{"apply", path, "-r", "app", "-n", e.NS}, Unchecked: true})
	if r.Exit != 0 {
		t.Fatal(r)
	}
	there := map[string]bool{"Deployment old": true, "Service old": true}
	ready, served := false, false // the new Deployment, the new Service
	seen := develop()
	for _, h := range seen {
		switch {
		case h.kind == "Deployment" && h.name == "new":
			available, _, _ := unstructured.NestedFloat64(h.object.Object, "status", "availableReplicas")
			ready = available == 1
		case h.kind == "Slice" && h.object.GetLabels()["kubernetes.io/service-name"] == "new":
			served = servesSomebody(h.object)
		case h.kind != "Slice":
			there[h.kind+" "+h.name] = !h.gone
		}
		if !there["Deployment old"] && !ready || !there["Service old"] && !(there["Service new"] && served) {
			t.Fatalf("at revision %d the old is gone and the new not ready:\n%v", h.version, r)
		}
	}
	if there["Deployment old"] || there["Service old"] || !ready || !served {
		t.Errorf("the watches saw %d events and no rename: %v, ready %v, served %v\n%v", len(seen), there, ready, served, r)
	}
}

// servesSomebody says whether an EndpointSlice has a ready endpoint.
func servesSomebody(u *unstructured.Unstructured) bool {
	endpoints, _, _ := unstructured.NestedSlice(u.Object, "endpoints")
	return slices.ContainsFunc(endpoints, func(raw any) bool {
		m, _ := raw.(map[string]any)
		up, _, _ := unstructured.NestedBool(m, "conditions", "ready")
		return up
	})
}
