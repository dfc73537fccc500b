package conformance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/belay-sh/belay/render/chart"
	belayvalues "github.com/belay-sh/belay/render/values"
)

// manifest starts a manifest whose data follow.
const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n"

const head = "apiVersion: v2\nname: app\nversion: 1.0.0\n"

// written are charts made for one rule each: pairs of a file's name and content.
var written = map[string]struct {
	files   []string
	setting setting
	// refused is true where both must find a mistake.
	refused bool
}{
	"the smallest chart": {files: []string{"templates/a.yaml", manifest + "  a: b\n"}},
	"documents and comments": {files: []string{"templates/a.yaml", "# nothing\n---\n---  \n# c\n" + manifest + "  a: |\n    ---\n    x\n--- # more\n" +
		strings.Replace(manifest, "name: x", "name: w", 1) + "  b: |-\n    ---\n    x"}},
	"a block scalar at the end":    {files: []string{"templates/a.yaml", manifest + "  a: |\n    x", "templates/b.yaml", strings.Replace(manifest, "x", "w", 1) + "  a: |+\n    x\n\n"}},
	"a hook with a block scalar":   {files: []string{"templates/a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {helm.sh/hook: test}}\nspec: |\n  x"}},
	"lists":                        {files: []string{"templates/a.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n"}},
	"the order of kinds":           {files: []string{"templates/a.yaml", kinds("ValidatingWebhookConfiguration", "Zebra", "Service", "Namespace", "Apple", "CustomResourceDefinition", "Ingress", "Role", "Job", "Secret")}},
	"equal keys":                   {files: []string{"templates/a.yaml", manifest + "  a: b\n  a: c\n"}},
	"YAML 1.1":                     {files: []string{"templates/a.yaml", manifest + "  a: [yes, off, Y, n, 0777, 0o17, 1_000, 0x1F, 0b11, 1e3, .5, 12:30, 2021-01-01, ~, '', 1.0, 9223372036854775808]\n  1: x\n  true: y\n"}},
	"anchors":                      {files: []string{"templates/a.yaml", manifest + "  a: &a {b: 1}\n  c: *a\n  d: {<<: *a, e: 2}\n"}},
	"broken YAML":                  {files: []string{"templates/a.yaml", manifest + "  a: b: c\n"}, refused: true},
	"a broken template":            {files: []string{"templates/a.yaml", "{{ if }}"}, refused: true},
	"an unknown function":          {files: []string{"templates/a.yaml", "{{ env \"HOME\" }}"}, refused: true},
	"fail":                         {files: []string{"templates/a.yaml", `{{ fail "no" }}`}, refused: true},
	"required":                     {files: []string{"templates/a.yaml", `{{ required "no" .Values.x }}`}, refused: true},
	"nothing to look into":         {files: []string{"templates/a.yaml", `{{ .Values.x.y }}`}, refused: true},
	"an include that never ends":   {files: []string{"templates/a.yaml", `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`}, refused: true},
	"a missing include":            {files: []string{"templates/a.yaml", `{{ include "x" . }}`}, refused: true},
	"numbers":                      {files: []string{"values.yaml", "i: 1000000\nf: 1.5\nb: 12345678901234567890\ns: \"007\"\no: 0777\n", "templates/a.yaml", manifest + "  a: \"{{ .Values.i }} {{ .Values.f }} {{ .Values.b }} {{ .Values.s }} {{ .Values.o }} {{ int .Values.i }}\"\n  b: {{ toYaml .Values | quote }}\n"}},
	"no value":                     {files: []string{"templates/a.yaml", manifest + "  a: \"{{ .Values.none }}|{{ .Values.none | quote }}|{{ tpl \"{{ .Values.x }}\" . }}\"\n"}},
	"definitions in tpl":           {files: []string{"values.yaml", "t: '{{ define \"own\" }}inner{{ end }}{{ include \"outer\" . }}'\n", "templates/_h.tpl", `{{ define "own" }}file{{ end }}{{ define "outer" }}[{{ include "own" . }}]{{ end }}`, "templates/a.yaml", manifest + "  a: \"{{ tpl .Values.t . }} {{ include \"outer\" . }} {{ tpl .Values.t . }}\"\n"}},
	"tpl in tpl":                   {files: []string{"values.yaml", "t: '{{ define \"a\" }}A{{ end }}{{ tpl .Values.u . }}'\nu: '{{ include \"a\" . }}{{ define \"b\" }}B{{ end }}{{ include \"b\" . }}'\n", "templates/a.yaml", manifest + "  a: \"{{ tpl .Values.t . }}\"\n"}},
	"a parent's definition wins":   {files: []string{"templates/_h.tpl", `{{ define "n" }}parent{{ end }}`, "templates/a.yaml", manifest + "  a: {{ include \"n\" . }}\n", "charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n", "charts/s/templates/_h.tpl", `{{ define "n" }}child{{ end }}`, "charts/s/templates/a.yaml", strings.Replace(manifest, "x", "s", 1) + "  a: {{ include \"n\" . }}\n"}},
	"values that templates change": {files: []string{"values.yaml", "a: 1\n", "templates/a.yaml", `{{ $_ := set .Values "a" 2 }}`, "templates/z.yaml", `{{ $_ := set .Values "a" 3 }}`, "templates/m.yaml", manifest + "  a: \"{{ .Values.a }}\"\n"}},
	"a library":                    {files: []string{"Chart.yaml", head + "type: library\n", "templates/a.yaml", manifest}, refused: true},
	"a dependency that is missing": {files: []string{"Chart.yaml", head + "dependencies: [{name: s, version: 1.x, repository: 'https://x'}]\n"}, refused: true},
	"a version that does not fit":  {files: []string{"Chart.yaml", head + "dependencies: [{name: s, version: 2.x, repository: ''}]\n", "charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n", "charts/s/templates/a.yaml", manifest + "  a: b\n"}},
	"a bad kubeVersion":            {files: []string{"Chart.yaml", head + "kubeVersion: '>=9'\n"}, refused: true},
	"a provider's version":         {files: []string{"Chart.yaml", head + "kubeVersion: '>=1.29.0'\n", "templates/a.yaml", manifest + "  a: \"{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.KubeVersion.GitVersion }}\"\n"}, setting: setting{kubeVersion: "v1.29.3-eks-1"}},
	"API versions":                 {files: []string{"templates/a.yaml", manifest + "  a: \"{{ .Capabilities.APIVersions }}\"\n"}, setting: setting{apis: []string{"a/v1", "b/v1/C"}}},
	"several documents of values":  {files: []string{"values.yaml", "a: 1\nb: {c: 1}\n--- # two\nb: {d: 2}\n", "templates/a.yaml", manifest + "  a: {{ toJson .Values | quote }}\n"}},
	"values that are a list":       {files: []string{"values.yaml", "- a\n"}, refused: true},
	"a subchart's null":            {files: []string{"Chart.yaml", head, "values.yaml", "s: null\n", "charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n", "charts/s/values.yaml", "a: 1\n", "charts/s/templates/a.yaml", manifest + "  a: {{ toJson .Values | quote }}\n"}},
	"a schema that is not met":     {files: []string{"values.yaml", "a: x\n", "values.schema.json", `{"properties":{"a":{"type":"integer"}}}`}, refused: true},
	"a subchart's schema":          {files: []string{"values.yaml", "s: {a: x}\n", "charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n", "charts/s/values.schema.json", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"type":"integer"}}}`}, refused: true},
	"a schema's odd reference":     {files: []string{"values.yaml", "a: 1\nb: x\n", "values.schema.json", `{"$schema":"http://json-schema.org/draft-07/schema","definitions":{"config":{"route":{"type":"integer"}}},"properties":{"a":{"$ref":"#/definitions/config/route"}}}`}},
	"one that is not met":          {files: []string{"values.yaml", "a: x\n", "values.schema.json", `{"definitions":{"config":{"route":{"type":"integer"}}},"properties":{"a":{"$ref":"#/definitions/config/route"}}}`}, refused: true},
	"flags by family": {files: []string{"templates/a.yaml", manifest + "  a: {{ toJson .Values | quote }}\n"}, setting: setting{flags: []flag{
		{belayvalues.SetLiteral, "a=literal"}, {belayvalues.Set, "a=1,b={x,2},c.d[2]=z,e=TRUE,f=+5,g=null,h=0"}, {belayvalues.SetString, "a=s,b=true"}, {belayvalues.SetJSON, `a={"x":1},i=[1.5,null]`},
	}}},
	"a flag without a value":   {files: nil, setting: setting{flags: []flag{{belayvalues.Set, "a"}}}, refused: true},
	"an index out of bounds":   {files: nil, setting: setting{flags: []flag{{belayvalues.Set, "a[99999]=1"}}}, refused: true},
	"another kind of path":     {files: nil, setting: setting{flags: []flag{{belayvalues.Set, "a=1,a.b=2"}}}, refused: true},
	"files outside of folders": {files: []string{"LICENSE", "x", "ci/a.yaml", "a: 1", ".hidden", "h", "templates/.hidden.yaml", manifest, "templates/sub/b.yaml", manifest + "  a: {{ range $n, $_ := .Files }}{{ $n }} {{ end }}\n", "charts/_ignored/x", "", "charts/README.md", "no chart"}, refused: true},
}

func kinds(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("---\napiVersion: v1\nkind: " + name + "\nmetadata: {name: a}\n---\napiVersion: v1\nkind: " + name + "\nmetadata: {name: b}\n")
	}
	return b.String()
}

func TestWrittenCharts(t *testing.T) {
	for name, tt := range written {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "app")
			files := tt.files
			if !slices.Contains(files, "Chart.yaml") {
				files = append([]string{"Chart.yaml", head}, files...)
			}
			for i := 0; i < len(files); i += 2 {
				full := filepath.Join(dir, files[i])
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(full, []byte(files[i+1]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := helm(dir, tt.setting)
			if (err != nil) != tt.refused {
				t.Errorf("Helm says %v", err)
			}
			if _, d := differs(dir, tt.setting); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOfflineCapabilitiesAreHelms(t *testing.T) {
	c, err := chart.NewCapabilities(kubeVersion, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string(common.DefaultVersionSet), []string(c.APIVersions)); d != "" {
		t.Errorf("put these into render/chart/versions.go: %q\n%s", common.DefaultVersionSet, d)
	}
}
