package e2e

import (
	"strings"
	"testing"
)

func TestAnEnvironmentRefusesAnyOtherCluster(t *testing.T) {
	t.Parallel()
	e := New(t)
	system, err := e.API.Get("/api/v1/namespaces/kube-system")
	if err != nil {
		t.Fatal(err)
	}
	e.Write("shop/templates/web.yaml", web)
	e.Write("shop/bundle.yaml", `{apiVersion: belay.sh/v1alpha1, kind: Bundle, name: shop, version: 1.0.0, environments: {
  right: {cluster: {uid: `+string(system.GetUID())+`, context: test}},
  uid: {cluster: {uid: 00000000-0000-0000-0000-000000000000}},
  context: {cluster: {context: prod-eu}},
  server: {cluster: {server: "https://prod.example:6443"}}}}`)
	bundle := strings.TrimSuffix(e.Write("shop/values.yaml", "{}"), "/values.yaml")
	e.Must(2, "diff", bundle, "-e", "right")
	for environment, want := range map[string]string{
		"uid":     "refused: environment uid is the cluster with uid 00000000-0000-0000-0000-000000000000; context test (",
		"context": "refused: environment context is context prod-eu; this is context test (",
		"server":  "refused: environment server is https://prod.example:6443; context test is ",
	} {
		r := e.Must(4, "apply", bundle, "-e", environment)
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("lacks %q:\n%v", want, r)
		}
		// It is refused before anything else is asked.
		for _, request := range r.Requests {
			if !strings.HasSuffix(request.Path, "/kube-system") {
				t.Errorf("asked before the cluster was known:\n%v", r)
			}
		}
	}
	r := e.Must(4, "apply", bundle, "-e", "right", "--as", "nobody")
	if !strings.Contains(r.Stderr, "name its cluster by server: instead") {
		t.Errorf("no way out:\n%v", r)
	}
}
