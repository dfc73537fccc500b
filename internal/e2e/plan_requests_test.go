package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// discovered counts requests that ask what is served: the lists of groups, and
// groups one by one.
func discovered(requests proxy.Requests) int {
	n := 0
	for _, r := range requests {
		parts := strings.Split(strings.Trim(r.Path, "/"), "/")
		if parts[0] == "api" && len(parts) <= 2 || parts[0] == "apis" && len(parts) <= 3 {
			n++
		}
	}
	return n
}

func TestNothingChangedCostsAFewRequests(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.SameServer = true
	var docs []string
	for i := range 100 {
		docs = append(docs, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: c%[1]d}, data: {a: "%[1]d"}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: s%[1]d}}
---
{apiVersion: v1, kind: Service, metadata: {name: s%[1]d}, spec: {clusterIP: None, selector: {app: s%[1]d}, ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d%[1]d}, spec: {replicas: 0, selector: {matchLabels: {app: d%[1]d}}, template: {metadata: {labels: {app: d%[1]d}}, spec: {containers: [{name: a, image: x}]}}}}
`, i))
	}
	bundle := e.Write("many.yaml", strings.Join(docs, "---\n"))
	e.Run(Run{Args: []string{"apply", bundle, "-r", "many", "-n", e.NS, "--no-wait", "-q"}, Unchecked: true})
	for _, args := range [][]string{
		{"diff", bundle, "-r", "many", "-n", e.NS}, {"apply", bundle, "-r", "many", "-n", e.NS}, {"drift", "many", "-n", e.NS},
	} {
		r := e.start(Run{Args: args})
		if r.Exit != 0 || len(r.Requests) > 12 || len(r.Requests.Mutating()) > 0 {
			t.Errorf("%d requests, want at most 12:\n%v", len(r.Requests), r)
		}
	}
}

func TestDiscoveryIsNotRepeated(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.SameServer = true
	kinds := 20
	if soaking() {
		kinds = 1000
	}
	group := e.NS + ".example"
	for i := range kinds {
		crd := fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: w%[1]ds.%[2]s}, spec: {group: %[2]s, scope: Namespaced,
  names: {kind: W%[1]d, plural: w%[1]ds, singular: w%[1]d, listKind: W%[1]dList}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}]}}`, i, group)
		path := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
		if err := e.API.Create(path, []byte(crd)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.API.Delete(path + fmt.Sprintf("/w%ds.%s", i, group)) })
	}
	e.Until("the last kind is served", func() (bool, error) {
		_, err := e.API.Get("/apis/" + group + "/v1/namespaces/default/w" + fmt.Sprint(kinds-1) + "s")
		return err == nil, nil
	})
	var docs []string
	for i := range 5 {
		docs = append(docs, fmt.Sprintf(`{apiVersion: %[2]s/v1, kind: W%[1]d, metadata: {name: a}, spec: {a: 1}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c%[1]d}, data: {a: "1"}}
`, i, group))
	}
	bundle := e.Write("ten.yaml", strings.Join(docs, "---\n"))
	diff := []string{"diff", bundle, "-r", "ten", "-n", e.NS}
	cold := e.Must(2, diff...)
	if n := discovered(cold.Requests); n > 10 {
		t.Errorf("%d requests to discover, cold:\n%v", n, cold)
	}
	// Definitions of other tests come and go, and may make what is known out of date.
	var warm *Result
	e.Until("nothing is discovered again", func() (bool, error) {
		warm = e.Must(2, diff...)
		return discovered(warm.Requests) == 0, nil
	})
	indices := 0
	for _, r := range warm.Requests {
		if r.Path == "/openapi/v3" {
			indices++
		}
	}
	if indices != 1 {
		t.Errorf("%d requests about schemas, want 1:\n%v", indices, warm)
	}
}
