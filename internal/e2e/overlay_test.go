package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestAnOverlayIsAppliedWithTheBundle(t *testing.T) {
	t.Parallel()
	e := New(t)
	dir := strings.TrimSuffix(e.Write("overlay/kustomization.yaml", `
namespace: `+e.NS+`
labels: [{pairs: {tier: overlaid}}]
configMapGenerator: [{name: extra, literals: [a=b]}]
patches:
- target: {kind: Deployment, name: front}
  patch: '[{"op": "add", "path": "/metadata/annotations/overlaid", "value": "yes"}]'
`), "/kustomization.yaml")
	e.Must(0, "apply", "examples/microservices", "-n", e.NS, "--overlay", dir)
	front, err := e.API.Get("/apis/apps/v1/namespaces/" + e.NS + "/deployments/front")
	if err != nil {
		t.Fatal(err)
	}
	if front.GetLabels()["tier"] != "overlaid" || front.GetAnnotations()["overlaid"] != "yes" {
		t.Errorf("front has %v and %v", front.GetLabels(), front.GetAnnotations())
	}
	// Without the overlay, what it brought goes.
	r := e.Must(0, "apply", "examples/microservices", "-n", e.NS)
	if !strings.Contains(r.Stderr, "extra-") {
		t.Errorf("the generated ConfigMap stays:\n%v", r)
	}
}

func TestRandomValuesStayUntilTheyAreMadeAnew(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("random/templates/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: random}\n{{- $ca := genCA \"random\" 365 }}\nstringData: {password: {{ randAlphaNum 24 | quote }}, ca: {{ $ca.Cert | quote }}, key: {{ $ca.Key | quote }}}\n")
	e.Write("random/templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: random}\ndata: {a: {{ .Values.a | quote }}}\n")
	e.Write("random/values.yaml", "a: b\n")
	dir := strings.TrimSuffix(e.Write("random/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: random\n"), "/bundle.yaml")
	password := func() string { // all of the Secret's bytes
		secret, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/secrets/random")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(secret.Object["data"])
	}
	e.Must(0, "apply", dir, "-n", e.NS)
	first := password()
	r := e.Must(0, "apply", dir, "-n", e.NS, "--set", "a=c")
	if password() != first || strings.Contains(r.Stderr, "Secret/random") {
		t.Errorf("the password changed with something else:\n%v", r)
	}
	e.Must(3, "diff", dir, "-n", e.NS, "--regenerate=templates/config.yaml")
	// A second run with the flag makes yet another one, so it is not checked to change nothing.
	anew := Run{Args: []string{"apply", dir, "-n", e.NS, "--set", "a=c", "--regenerate=templates/secret.yaml"}, Unchecked: true}
	if r := e.Run(anew); r.Exit != 0 {
		t.Fatal(r)
	}
	if password() == first {
		t.Error("--regenerate made no new password")
	}
	second := password()
	e.Must(0, "apply", dir, "-n", e.NS, "--set", "a=c")
	if password() != second {
		t.Error("the new password did not stay")
	}
}
