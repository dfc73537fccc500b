package e2e

import (
	"strings"
	"testing"
)

func TestATypoIsRefusedBeforeItsNamespaceExists(t *testing.T) {
	t.Parallel()
	e := New(t)
	password := e.Secret("c0ld-br3w-tonic")
	typos := e.Write("typos.yaml", `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], sleector: {app: web}}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
immutable: `+password+`
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fine}
data: {a: b}
`)
	r := e.Must(3, "apply", typos, "-r", "typos", "-n", e.NS)
	for _, want := range []string{"2 objects are invalid", "typos.yaml:1: Service/web: .spec.sleector: field not declared in schema", "Secret/key: .immutable: it does not fit the schema"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("lacks %q:\n%v", want, r)
		}
	}
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS); err == nil {
		t.Error("the namespace was made")
	}
}
