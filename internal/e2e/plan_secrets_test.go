package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsAreInNoOutput puts a value wherever one may end up, and goes through
// what belay says of it, in every form, with all that it can say. The harness looks
// for the value in all output.
func TestSecretsAreInNoOutput(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.SameServer = true
	secret := func(value string) string { return base64.StdEncoding.EncodeToString([]byte(e.Secret(value))) }
	first, second, old := "s3ntinel-0ne-aaaa", "s3ntinel-tw0-bbbb", "s3ntinel-0ld-cccc"
	with := func(value string) string {
		return `apiVersion: v1
kind: Secret
metadata: {name: key}
data: {p: ` + secret(value) + `}
stringData: {q: "before ` + value + ` after"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fed}
data: {url: "db://user:` + value + `@host", plain: "` + value + `"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {copied: "` + value + `"}}
    spec: {containers: [{name: a, image: x, env: [{name: P, value: "` + value + `"}]}]}
`
	}
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	// Somebody's kubectl has left the value in an annotation.
	err := e.API.Create("/api/v1/namespaces/"+e.NS+"/secrets?fieldManager=kubectl-client-side-apply", []byte(`apiVersion: v1
kind: Secret
metadata:
  name: key
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"p":"`+secret(old)+`"},"stringData":{"x":"`+old+`"}}'}
data: {p: `+secret(old)+`}
`))
	if err != nil {
		t.Fatal(err)
	}
	at := func(args ...string) []string { return append(args, "-n", e.NS, "-vv") }
	one := e.Write("1.yaml", with(first))
	e.Must(4, at("diff", one, "-r", "web")...)
	e.Must(2, at("diff", one, "-r", "web", "--adopt", "--full")...)
	e.Run(Run{Args: at("apply", one, "-r", "web", "--adopt"), Unchecked: true})
	e.Must(0, at("diff", one, "-r", "web", "--fresh")...)

	// The server repeats what it refuses, and belay does not.
	wrong := e.Write("wrong.yaml", strings.Replace(with(second), "stringData: {q: \"before "+second+" after\"}", "stringData: {q: {r: "+second+"}}", 1))
	e.Must(3, at("apply", wrong, "-r", "web")...)
	odd := e.Write("odd.yaml", strings.Replace(with(second), "data: {p:", "immutable: "+second+"\ndata: {p:", 1))
	e.Must(3, at("apply", odd, "-r", "web")...)

	two := e.Write("2.yaml", with(second))
	plan := filepath.Join(t.TempDir(), "web.plan")
	for _, format := range []string{"text", "json", "yaml", "name", "markdown", "plan=" + plan} {
		e.Must(2, at("diff", two, "-r", "web", "-o", format, "--full")...)
	}
	if info, err := os.Stat(plan); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the plan: %v, %v", info, err)
	}
	e.merge("/api/v1/namespaces/"+e.NS+"/secrets/key", "kubectl-edit", `{"data":{"q":"`+secret("s3ntinel-by-hand")+`"}}`)
	e.merge("/api/v1/namespaces/"+e.NS+"/configmaps/fed", "kubectl-edit", `{"data":{"plain":"s3ntinel-by-hand"}}`)
	e.Must(4, at("apply", two, "-r", "web")...)
	for _, format := range []string{"text", "json", "markdown"} {
		e.Must(2, at("drift", "web", "-o", format)...)
	}
	e.Must(4, at("apply", "--plan", plan)...)
	e.Run(Run{Args: at("apply", two, "-r", "web", "--force-conflicts", "-o", "events"), Unchecked: true})
	e.Must(0, "status", "web", "-n", e.NS, "-o", "json")
	e.Must(0, "history", "web", "-n", e.NS)
	e.Must(0, at("rollback", "web", "-o", "json")...)
	e.Must(0, at("delete", "web", "-o", "json")...)
}
