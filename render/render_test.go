package render_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

const defaults = `front:
  image: {name: nginx, tag: "1.4"}
  replicas: 2
  resources: {}
password: hunter2
`

const front = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
spec:
  replicas: {{ .Values.front.replicas }}
  template:
    spec:
      containers:
      - name: nginx
        image: "{{ .Values.front.image.name }}:{{ .Values.front.image.tag }}"
---
apiVersion: v1
kind: Service
metadata: {name: front}
`

// shop makes a bundle of files, given as name and content.
func shop(files ...string) *bundle.Bundle {
	b := &bundle.Bundle{Type: bundle.Belay, Path: "shop", Spec: bundle.Spec{
		Name: "shop", Version: "1.4.0", KubeVersion: ">=1.28", History: 4,
		Environments: map[string]bundle.Environment{"prod": {Namespace: "shop", Values: []string{"env/prod.yaml"}}},
		Rollout:      bundle.Rollout{Timeout: time.Minute, FailAfter: time.Second, MaxRestarts: 7},
	}}
	for i := 0; i < len(files); i += 2 {
		b.Files = append(b.Files, bundle.File{Name: files[i], Data: []byte(files[i+1])})
	}
	return b
}

func options(layers ...values.Layer) render.Options {
	return render.Options{
		Release: render.Release{Name: "web", Namespace: "ns", Revision: 3}, Layers: layers,
		KubeVersion: "v1.31.2", APIVersions: []string{"v1", "apps/v1", "apps/v1/Deployment"},
		Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func set(text string) values.Layer { return values.Layer{Kind: values.Set, Name: text} }

func describe(objs []object.Object) []string {
	var all []string
	for _, o := range objs {
		line := fmt.Sprintf("%s %s", o.Source, o.ID())
		if o.Source.Via != "" {
			line += " via " + o.Source.Via
		}
		all = append(all, line)
	}
	return all
}

func TestRenderMakesObjectsOfABundle(t *testing.T) {
	b := shop("env/prod.yaml", "front: {replicas: 5}\n", "values.yaml", defaults,
		"templates/NOTES.txt", "{{ .Release.Name }} {{ .Bundle.Name }} {{ .Environment }} rev {{ .Release.Revision }}\n",
		"templates/_helpers.tpl", `{{ define "x" }}{{ end }}`, "templates/front.yaml", front,
		"templates/z.yaml", "{{ if .Values.front.off }}\napiVersion: v1\n{{ end }}\n")
	o := options(set("front.image.tag=2"))
	o.Environment = "prod"
	w, warnings, err := render.Render(b, o)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := []string{"templates/front.yaml:1 Deployment.apps/front via --set front.image.tag", "templates/front.yaml:13 Service/front"}
	if d := cmp.Diff(want, describe(w.Objects)); d != "" {
		t.Error(d)
	}
	spec := w.Objects[0].Body.Object["spec"].(map[string]any)
	if spec["replicas"] != int64(5) {
		t.Error(spec)
	}
	if w.Notes != "web shop prod rev 3\n" {
		t.Error(w.Notes)
	}
	if d := cmp.Diff(policy.Rules{Timeout: time.Minute, FailAfter: time.Second, MaxRestarts: 7, History: 4, RestartOnConfigChange: true}, w.Rules); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(render.Origin{Bundle: "shop", Version: "1.4.0", Environment: "prod", Path: "shop"}, w.Origin); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{
		"front":    map[string]any{"image": map[string]any{"name": "nginx", "tag": int64(2)}, "replicas": int64(5), "resources": map[string]any{}},
		"password": "hunter2",
	}, w.Values); d != "" {
		t.Error(d)
	}
}

func TestRenderReportsAllMistakesWithTheirPlace(t *testing.T) {
	b := shop("values.yaml", defaults,
		"templates/_helpers.tpl", "{{ define \"labels\" }}\n  app: {{ .Values.app }}\n{{ end }}",
		"templates/a.yaml", strings.Replace(front, "image.tag", "imgae.tag", 1),
		"templates/b.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: b\n  labels: {{ include \"labels\" . }}\n",
		"templates/c.yaml", "a: {{ if }}\n",
		"templates/d.yaml", `apiVersion: v1
kind: Service
metadata:
  name: d
{{- range list 1 2 }}
  labels: {}
{{- end }}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  password: {{ .Values.password }}: x
---
apiVersion: v1
kind: Service
metadata:
  name: x
  annotations: {belay.sh/prun: "x", belay.sh/weight: high}
---
apiVersion: v1
kind: Service
metadata: {name: x, namespace: ns}
`)
	_, _, err := render.Render(b, options())
	want := `templates/_helpers.tpl:2:19: .Values.app: no such value
    1 | {{ define "labels" }}
    2 |   app: {{ .Values.app }}
      |                   ^^^ Values has: front, password
  in include "labels" at templates/b.yaml:5:14
templates/a.yaml:11:65: .Values.front.imgae.tag: no such value
   10 |       - name: nginx
   11 |         image: "{{ .Values.front.image.name }}:{{ .Values.front.imgae.tag }}"
      |                                                                 ^^^^^ front has: image, replicas, resources (values.yaml:1)
templates/c.yaml:1: missing value for if
    1 | a: {{ if }}
      | ^
templates/d.yaml:6: "labels": mapping key already defined at line 6
  rendered:
    5 |   labels: {}
    6 |   labels: {}
      |   ^
templates/d.yaml:13: a second ": " in one line: quote the value, or check the indentation
  rendered:
   11 | stringData:
   12 |   password: ‹hidden›
      |   ^
templates/d.yaml:15: Service/x: there is no annotation belay.sh/prun; the nearest is belay.sh/prune
templates/d.yaml:15: Service/x: annotation belay.sh/weight: "high" is not a whole number
templates/d.yaml:21: Service/x is already defined at templates/d.yaml:15`
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(fmt.Sprint(err), "\n")); d != "" {
		t.Error(d)
	}
}

func TestRenderRefusesWhatTheBundleIsNotFor(t *testing.T) {
	old := options()
	old.KubeVersion = "v1.27.3"
	elsewhere := options()
	elsewhere.Environment = "staging"
	for name, tt := range map[string]struct {
		b    *bundle.Bundle
		o    render.Options
		want string
	}{
		"an old cluster":           {shop(), old, "bundle.yaml: the bundle needs Kubernetes >=1.28; this is v1.27.3"},
		"an unknown environment":   {shop(), elsewhere, `bundle.yaml: there is no environment "staging"`},
		"values of two mistakes":   {shop("values.yaml", "a: [\n"), options(set("b")), "values.yaml:1: a value is missing, or a bracket is misplaced\n    1 | a: ‹hidden›\n      | ^\n--set b: the key \"b\" has no value"},
		"values for plain objects": {&bundle.Bundle{Type: bundle.Plain, Path: "x"}, options(set("a=1")), "x: plain manifests take no values, and some were given"},
		"nothing":                  {&bundle.Bundle{Type: bundle.Plain, Path: "x", Files: []bundle.File{{Name: "a.yaml", Data: []byte("# x")}}}, options(), "x: there are no manifests in it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := render.Render(tt.b, tt.o)
			if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRenderReadsPlainManifests(t *testing.T) {
	b := &bundle.Bundle{Type: bundle.Plain, Path: "dir", Files: []bundle.File{
		{Name: "a.yaml", Data: []byte("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n")},
		{Name: "b.yaml", Data: []byte("---\n# x\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ no template }}\"}\n")},
	}}
	w, _, err := render.Render(b, options())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a.yaml:4 Service/a", "a.yaml:5 Pod/a", "b.yaml:3 ConfigMap/{{ no template }}"}, describe(w.Objects)); d != "" {
		t.Error(d)
	}
}

func TestTemplatesSeeWhatTheyShould(t *testing.T) {
	for in, want := range map[string]string{
		`{{ .Release.Name }}/{{ .Release.Namespace }} {{ .Release.Service }} {{ .Release.IsInstall }} {{ .Release.IsUpgrade }}`: "web/ns belay false true",
		`{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Major }}.{{ .Capabilities.KubeVersion.Minor }}`:           "v1.31.2 1.31",
		`{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }} {{ .Capabilities.APIVersions.Has "x/v1" }}`:                   "true false",
		`{{ if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}new{{ end }}`:                                       "new",
		`{{ .Bundle.Name }} {{ .Bundle.Version }}`:                                                                              "shop 1.4.0",
		`{{ .Files.Get "conf/a.txt" }}|{{ .Files.Lines "conf/b.txt" | join "+" }}`:                                              "A|x+y",
		`{{ range $name, $data := .Files.Glob "conf/*" }}{{ $name }};{{ end }}`:                                                 "conf/a.txt;conf/b.txt;",
		`{{ (.Files.Glob "**/a.txt").AsConfig }} {{ (.Files.Glob "conf/a*").AsSecrets }}`:                                       "a.txt: A a.txt: QQ==",
		`{{ .Template.Name }}`: "templates/NOTES.txt",
	} {
		w, _, err := render.Render(shop("conf/a.txt", "A", "conf/b.txt", "x\ny\n", "templates/NOTES.txt", in), options())
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if w.Notes != want {
			t.Errorf("%s: %q, want %q", in, w.Notes, want)
		}
	}
	_, _, err := render.Render(shop("conf/a.txt", "A", "templates/NOTES.txt", `{{ .Files.Get "conf/b.txt" }}`), options())
	if got := strings.Split(fmt.Sprint(err), "\n")[0]; got != `templates/NOTES.txt:1:11: Get: there is no file "conf/b.txt"; the nearest is conf/a.txt` {
		t.Error(got)
	}
}

func TestRandomValuesTravelInWanted(t *testing.T) {
	b := shop("templates/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: {{ randAlphaNum 20 | quote }}}\n")
	first, _, err := render.Render(b, options())
	if err != nil || len(first.Random) != 1 {
		t.Fatal(err, len(first.Random))
	}
	o := options()
	o.Random = first.Random
	second, _, err := render.Render(b, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first, second); d != "" {
		t.Error(d)
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	b := shop("values.yaml", defaults, "templates/a.yaml", front, "templates/b.yaml",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n{{- range $k, $v := .Values.front }}\n  {{ $k }}: {{ toJson $v | quote }}\n{{- end }}\n")
	var first string
	for range 20 {
		w, _, err := render.Render(b, options(set("front.replicas=3")))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := object.Encode(&out, w.Objects); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = out.String()
		}
		if out.String() != first {
			t.Fatal("two renders differ")
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add(defaults, front, "front.replicas=3")
	f.Add("a: 1", "apiVersion: v1\nkind: List\nitems: [{{ toJson .Values }}]", "a=null")
	f.Add("a: &x [1]\nb: *x", "{{ range .Values.a }}\n---\na: {{ . }}\n{{ end }}", "a[0]=x")
	f.Fuzz(func(t *testing.T, vals, text, flag string) {
		if strings.Contains(text, "until") || strings.Contains(text, "gen") || strings.Contains(text, "crypt") || strings.Contains(text, "passw") {
			t.Skip("only slow")
		}
		w, _, err := render.Render(shop("values.yaml", vals, "templates/a.yaml", text), options(set(flag)))
		if err != nil {
			return
		}
		for _, o := range w.Objects {
			if o.Source.Line < 1 || o.Source.Line > 1+strings.Count(text, "\n") {
				t.Errorf("line %d", o.Source.Line)
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	files := []string{"values.yaml", defaults, "templates/_helpers.tpl", `{{ define "labels" }}
app.kubernetes.io/name: {{ .Bundle.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}{{ end }}`}
	for i := range 100 {
		files = append(files, fmt.Sprintf("templates/t%d.yaml", i), fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: d%[1]d
  labels: {{- include "labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.front.replicas }}
  selector: {matchLabels: {app: d%[1]d}}
  template:
    metadata:
      labels: {app: d%[1]d}
    spec:
      containers:
      - name: main
        image: "{{ .Values.front.image.name }}:{{ .Values.front.image.tag }}"
        resources: {{- toYaml .Values.front.resources | nindent 10 }}
---
apiVersion: v1
kind: Service
metadata:
  name: d%[1]d
  labels: {{- include "labels" . | nindent 4 }}
spec:
  ports: [{port: 80}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: d%[1]d
data:
  a: {{ .Values.front.replicas | quote }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: d%[1]d
`, i))
	}
	shop := shop(files...)
	b.ReportAllocs()
	for b.Loop() {
		if w, _, err := render.Render(shop, options(set("front.replicas=3"))); err != nil || len(w.Objects) != 400 {
			b.Fatal(err)
		}
	}
}
