package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatATemplateGeneratesStaysWhereverItIsReadFrom(t *testing.T) {
	t.Parallel()
	e := New(t)
	template := `apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: login}
objects:
- {apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {password: "${PASSWORD}"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: login}, data: {size: "${SIZE}"}}
parameters:
- {name: PASSWORD, generate: expression, from: "[a-zA-Z0-9]{24}"}
- {name: SIZE, required: true}
`
	first, second := e.Write("login.yaml", template), e.Write("other/renamed.yaml", template)
	params := e.Write("params.env", "SIZE=\"1\" # of the file\n")
	secret := func() string {
		o, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/secrets/login")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(o.Object["data"])
	}
	e.Must(0, "apply", first, "-r", "login", "-n", e.NS, "--param-file", params)
	password := secret()
	r := e.Must(0, "apply", second, "-r", "login", "-n", e.NS, "--param-file", params, "-p", "SIZE=2")
	if secret() != password || strings.Contains(r.Stderr, "Secret/login") || !strings.Contains(r.Stderr, "ConfigMap/login") {
		t.Errorf("the password changed with the file's name:\n%v", r)
	}
	anew := Run{Args: []string{"apply", second, "-r", "login", "-n", e.NS, "-p", "SIZE=2", "--regenerate=login"}, Unchecked: true}
	if r := e.Run(anew); r.Exit != 0 || secret() == password {
		t.Errorf("--regenerate made no new password: %v", r)
	}
}

func TestDependenciesComeAndGoWithTheBundle(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("cache/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: cache\n")
	e.Write("cache/values.yaml", "size: 1\n")
	e.Write("cache/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cache}\ndata: {size: {{ .Values.size | quote }}}\n")
	e.Write("side/Chart.yaml", "apiVersion: v2\nname: side\nversion: 1.0.0\n")
	e.Write("side/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}-side\"}\n")
	e.Write("app/values.yaml", "cache: {enabled: true, size: 2}\n")
	e.Write("app/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")
	dir := strings.TrimSuffix(e.Write("app/bundle.yaml", `apiVersion: belay.sh/v1alpha1
kind: Bundle
name: app
dependencies:
- {name: cache, source: ../cache, condition: cache.enabled}
- {name: side, source: ../side}
`), "/bundle.yaml")
	e.Must(0, "apply", dir, "-n", e.NS)
	for name, size := range map[string]string{"app": "", "cache": "2", "app-side": ""} {
		o, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if data, _ := o.Object["data"].(map[string]any); size != "" && data["size"] != size {
			t.Errorf("%s has %v", name, data)
		}
	}
	r := e.Must(0, "apply", dir, "-n", e.NS, "--set", "cache.enabled=false")
	if !strings.Contains(r.Stderr, "- ConfigMap/cache") || strings.Contains(r.Stderr, "ConfigMap/app") {
		t.Errorf("only the dependency that is turned off goes:\n%v", r)
	}
}
