package render_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

const openshift = `# A template
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: app}
message: "Log in as ${USER_NAME}"
labels: {app: "${NAME}"}
objects:
- apiVersion: v1
  kind: Secret
  metadata: {name: "${NAME}-login", namespace: fixed}
  stringData: {user: "${USER_NAME}", password: "${PASSWORD}", other: "${UNKNOWN} ${{COUNT}} x"}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: "${NAME}", namespace: "${SPACE}", labels: {own: "yes"}}
  spec: {replicas: "${{COUNT}}", paused: "${{PAUSED}}"}
parameters:
- {name: NAME, required: true}
- {name: SPACE, value: here}
- {name: USER_NAME, value: admin}
- {name: COUNT, value: "2"}
- {name: PAUSED, value: "false"}
- {name: PASSWORD, generate: expression, from: 'a-[\w]{12}[0-9]{3}'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
`

func process(text string, o render.Options) (*render.Wanted, error) {
	b := &bundle.Bundle{Type: bundle.Plain, Path: "t.yaml", Files: []bundle.File{{Name: "t.yaml", Data: []byte(text)}}}
	if o.Entropy == nil {
		o.Entropy = strings.NewReader(strings.Repeat("entropy", 100))
	}
	w, _, err := render.Render(b, o)
	return w, err
}

func TestOpenShiftTemplatesAreProcessed(t *testing.T) {
	w, err := process(openshift, render.Options{Parameters: []render.Parameter{
		{Name: "NAME", Value: "file", From: "p.env:1"}, {Name: "NAME", Value: "web", From: "--param"}, {Name: "COUNT", Value: "3"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := object.Encode(&text, w.Objects); err != nil {
		t.Fatal(err)
	}
	password := regexp.MustCompile(`a-\w{12}[0-9]{3}`)
	got := password.ReplaceAllString(text.String(), "PASSWORD")
	want := `---
# source: t.yaml:8
apiVersion: v1
kind: Secret
metadata:
  labels:
    app: web
  name: web-login
stringData:
  other: ${UNKNOWN} ${{COUNT}} x
  password: PASSWORD
  user: admin
---
# source: t.yaml:12
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: web
    own: "yes"
  name: web
  namespace: here
spec:
  paused: false
  replicas: 3
---
# source: t.yaml:24
apiVersion: v1
kind: ConfigMap
metadata:
  name: plain
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if w.Notes != "Log in as admin" {
		t.Error(w.Notes)
	}

	again, err := process(openshift, render.Options{
		Random: w.Random, Parameters: []render.Parameter{{Name: "NAME", Value: "web"}, {Name: "COUNT", Value: "3"}},
		Entropy: strings.NewReader("nothing is asked of it"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w.Objects, again.Objects); d != "" {
		t.Error(d)
	}
}

func TestMistakesInParametersAreReportedAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		given []render.Parameter
		want  string
	}{
		"required ones": {openshift + "---\n" + strings.ReplaceAll(openshift, "{name: USER_NAME, value: admin}", "{name: OTHER, required: true}"), nil,
			"t.yaml:17: parameter NAME is required: give it with --param NAME=…\n" +
				"t.yaml:44: parameter NAME is required: give it with --param NAME=…\n" +
				"t.yaml:46: parameter OTHER is required: give it with --param OTHER=…"},
		"unknown ones": {openshift, []render.Parameter{{Name: "NAME", Value: "x"}, {Name: "COUTN", From: "p.env:3"}},
			"p.env:3: there is no parameter COUTN; the nearest is COUNT"},
		"a backwards range": {strings.ReplaceAll(openshift, "[0-9]{3}", "[9-0]{3}"), []render.Parameter{{Name: "NAME", Value: "x"}},
			"t.yaml:22: parameter PASSWORD: the range 9-0 is backwards"},
		"a length too long": {strings.ReplaceAll(openshift, "[0-9]{3}", "[0-9]{3000}"), []render.Parameter{{Name: "NAME", Value: "x"}},
			"t.yaml:22: parameter PASSWORD: [0-9]{3000}: a length from 1 to 255 is expected"},
		"letters of many bytes": {strings.ReplaceAll(openshift, "[0-9]{3}", "[äö]{3}"), []render.Parameter{{Name: "NAME", Value: "x"}},
			"t.yaml:22: parameter PASSWORD: [äö]: only printable ASCII characters can be chosen from"},
		"one that is like no other": {openshift, []render.Parameter{{Name: "NAME", Value: "x"}, {Name: "ZZZZZZZ", From: "--param"}},
			"--param: there is no parameter ZZZZZZZ; there are: COUNT, NAME, PASSWORD, PAUSED, SPACE, USER_NAME"},
		"no template": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", []render.Parameter{{Name: "A"}},
			"t.yaml: parameters were given, and no manifest is an OpenShift Template"},
		"an object that is none": {strings.ReplaceAll(openshift, `  metadata: {name: "${NAME}-login", namespace: fixed}`, "  metadata: {}"), []render.Parameter{{Name: "NAME", Value: "x"}},
			"t.yaml:8: metadata.name is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := process(tt.text, render.Options{Parameters: tt.given})
			if got := fmt.Sprint(err); !strings.HasPrefix(got, tt.want) {
				t.Errorf("want %s\ngot %s", tt.want, got)
			}
		})
	}
}

func TestExpressionsOfParametersMakeWhatTheyDescribe(t *testing.T) {
	for from, want := range map[string]string{
		`[a-zA-Z0-9]{16}`:        `[a-zA-Z0-9]{16}`,
		`[\w]{40}`:               `[a-zA-Z0-9_]{40}`,
		`[\d]{40}`:               `[0-9]{40}`,
		`[\a]{40}`:               `[a-zA-Z0-9]{40}`,
		`[\A]{40}`:               `[^a-zA-Z0-9 ]{40}`,
		`user-[0-1]{8}x[A-F]{4}`: `user-[01]{8}x[A-F]{4}`,
		`[a-cX\d]{30}`:           `[a-cX0-9]{30}`,
		`[a]{3}`:                 `aaa`,
		`[a-]{9}`:                `[a-]{9}`,
		`plain`:                  `plain`,
		`0x[A-F0-9]{4}`:          `0x[A-F0-9]{4}`,
	} {
		text := strings.ReplaceAll(openshift, `a-[\w]{12}[0-9]{3}`, from)
		w, err := process(text, render.Options{Parameters: []render.Parameter{{Name: "NAME", Value: "x"}}})
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		got, _, _ := unstructured.NestedString(w.Objects[0].Body.Object, "stringData", "password")
		if !regexp.MustCompile(`^` + want + `$`).MatchString(got) {
			t.Errorf("%s made %q", from, got)
		}
	}
}

func TestGeneratedValuesBelongToTheirTemplate(t *testing.T) {
	given := []render.Parameter{{Name: "NAME", Value: "x"}, {Name: "SPACE", Value: "here"}}
	second := strings.ReplaceAll(strings.ReplaceAll(openshift, "${NAME}", "second-${NAME}"), "name: plain}", "name: other}")
	both := openshift + "---\n" + second
	entropy := strings.NewReader("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + strings.Repeat("x", 200))
	first, err := process(both, render.Options{Parameters: given, Entropy: entropy})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Random) != 2 {
		t.Errorf("two Templates of one name made %d values", len(first.Random))
	}
	b := &bundle.Bundle{Type: bundle.Plain, Path: "-", Files: []bundle.File{{Name: "stdin", Data: []byte(both)}}}
	again, _, err := render.Render(b, render.Options{Parameters: given, Random: first.Random, Entropy: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range first.Objects {
		if d := cmp.Diff(o.Body.Object, again.Objects[i].Body.Object); d != "" {
			t.Errorf("the same Templates from elsewhere make others: %s", d)
		}
	}
}

func FuzzOpenShiftTemplates(f *testing.F) {
	f.Add(openshift)
	f.Add(strings.ReplaceAll(openshift, "objects:", "objects: 1\nx:"))
	f.Add(strings.ReplaceAll(openshift, `[\w]{12}`, `[\A-\w]{255}`))
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = process(text, render.Options{Parameters: []render.Parameter{{Name: "NAME", Value: "${NAME}"}}})
	})
}
