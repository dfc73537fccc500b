package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chart writes a chart with a subchart, a helper, and random values in a Secret.
func (e *Env) chart(name string) string {
	e.t.Helper()
	for file, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n" +
			"dependencies:\n- {name: side, version: 1.x.x, alias: helper, condition: helper.enabled}\n",
		"values.yaml":             "replicas: 1\nimage: registry.example/web:1\nnote: first\nhelper: {enabled: true, text: one}\n",
		"charts/side/Chart.yaml":  "apiVersion: v2\nname: side\nversion: 1.2.3\n",
		"charts/side/values.yaml": "text: none\n",
		"charts/side/templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n" +
			"data:\n  text: {{ tpl .Values.text . | quote }}\n",
		"templates/_helpers.tpl": "{{- define \"web.name\" -}}{{ .Release.Name }}-web{{- end -}}\n",
		"templates/NOTES.txt":    "{{ include \"web.name\" . }} listens.\n",
		"templates/secret.yaml": `apiVersion: v1
kind: Secret
metadata:
  name: {{ include "web.name" . }}
{{- $ca := genCA "web" 365 }}
data:
  password: {{ randAlphaNum 24 | b64enc }}
  ca.crt: {{ $ca.Cert | b64enc }}
  ca.key: {{ $ca.Key | b64enc }}
`,
		"templates/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.name" . }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {note: {{ .Values.note }}}
    spec:
      containers:
      - name: web
        image: {{ .Values.image }}
        envFrom: [{secretRef: {name: {{ include "web.name" . }}}}]
`,
	} {
		e.Write(name+"/"+file, text)
	}
	return filepath.Dir(e.Write(name+"/.helmignore", "*.bak\n"))
}

func (e *Env) secretData(name string) map[string]any {
	e.t.Helper()
	u, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/secrets/" + name)
	if err != nil {
		e.t.Fatal(err)
	}
	data, _ := u.Object["data"].(map[string]any)
	return data
}

func TestAChartIsDeployedUpgradedAndRolledBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	apply := []string{"apply", e.chart("web"), "-r", "shop", "-n", e.NS}
	if r := e.Must(0, apply...); !strings.Contains(r.Stderr, "shop-web listens.") {
		t.Errorf("the notes are not shown:\n%v", r)
	}
	first := e.Settled().Of("shop").Stored(e.NS)
	secret := e.secretData("shop-web")

	r := e.Must(0, append(apply, "--set", "note=second", "--set-literal", "helper.text={{ .Release.Name }} two")...)
	if strings.Contains(r.Stderr, "Secret/shop-web") {
		t.Errorf("the plan mentions a Secret whose values are remembered:\n%v", r)
	}
	if d := cmp.Diff(secret, e.secretData("shop-web")); d != "" {
		t.Error("the Secret's bytes changed, because something else did")
	}
	if d := cmp.Diff(first, e.Settled().Of("shop").Stored(e.NS)); !strings.Contains(d, "shop two") {
		t.Errorf("the upgrade did not reach the subchart's object (-first +now):\n%s", d)
	}

	e.Must(0, "rollback", "shop", "-n", e.NS)
	if d := cmp.Diff(first, e.Settled().Of("shop").Stored(e.NS)); d != "" {
		t.Errorf("the rollback did not restore what was deployed (-first +now):\n%s", d)
	}

	e.Must(0, append(apply, "--set", "helper.enabled=false")...)
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/shop-helper"); err == nil {
		t.Error("the object of a subchart that is disabled was not pruned")
	}
}

func TestRegenerateChangesOnlyAChartsRandomValues(t *testing.T) {
	t.Parallel()
	e := New(t)
	apply := []string{"apply", e.chart("web"), "-r", "shop", "-n", e.NS}
	e.Must(0, apply...)
	before := e.secretData("shop-web")

	plan := e.Must(2, append([]string{"diff"}, append(apply[1:], "--regenerate")...)...)
	if !strings.Contains(plan.Stdout, "Secret/shop-web") || strings.Contains(plan.Stdout, "shop-helper") {
		t.Errorf("the plan should change the Secret and what reads it:\n%v", plan)
	}
	// The same command again would make new ones again.
	if r := e.Run(Run{Args: append(apply, "--regenerate=templates/secret.yaml"), Unchecked: true}); r.Exit != 0 {
		t.Fatalf("regenerating: %v", r)
	}
	after := e.secretData("shop-web")
	for _, key := range []string{"password", "ca.crt", "ca.key"} {
		if before[key] == after[key] {
			t.Errorf("%s is the same after --regenerate", key)
		}
	}
	e.Must(0, append(apply, "--set", "note=later")...)
	if d := cmp.Diff(after, e.secretData("shop-web")); d != "" {
		t.Error("what was made anew is not remembered")
	}
}

func TestLookupAsksTheClusterOnlyWhenItMay(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("look/Chart.yaml", "apiVersion: v2\nname: look\nversion: 1.0.0\n")
	chart := filepath.Dir(e.Write("look/values.yaml", ""))
	const template = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  found: {{ dig "data" "word" "nothing" (lookup "v1" "ConfigMap" .Release.Namespace "there") }}
  served: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
`
	e.Write("look/templates/config.yaml", template)
	e.Write("bundle/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: look\n")
	own := filepath.Dir(filepath.Dir(e.Write("bundle/templates/config.yaml", template)))
	there := e.Write("there.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\ndata: {word: hello}\n")
	e.Must(0, "apply", there, "-r", "there", "-n", e.NS)

	for release, bundle := range map[string]string{"chart": chart, "own": own} {
		r := e.Must(0, "render", bundle, "-n", e.NS)
		if !strings.Contains(r.Stdout, "found: nothing") || !strings.Contains(r.Stderr, "templates/config.yaml:5") || len(r.Requests) > 0 {
			t.Errorf("render should ask nobody, and say where it would:\n%v", r)
		}
		r = e.Must(0, "render", bundle, "-n", e.NS, "--lookup-from", there)
		if !strings.Contains(r.Stdout, "found: hello") || len(r.Requests) > 0 {
			t.Errorf("manifests should answer, and nobody else:\n%v", r)
		}
		r = e.Must(0, "render", bundle, "-n", e.NS, "--live")
		if !strings.Contains(r.Stdout, "found: hello") || !strings.Contains(r.Stdout, `served: "true"`) {
			t.Errorf("--live should ask the cluster:\n%v", r)
		}
		e.Must(0, "apply", bundle, "-r", release, "-n", e.NS)
		u, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/" + release)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"found": "hello", "served": "true"}
		if d := cmp.Diff(want, u.Object["data"]); d != "" {
			t.Errorf("apply should ask the cluster (-want +got):\n%s", d)
		}
	}
}
