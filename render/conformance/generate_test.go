package conformance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// generator makes random charts. The names of values are few, so that charts,
// subcharts and users mean the same ones.
type generator struct {
	*rand.Rand
	dir   string
	count map[string]int
}

func (g *generator) did(feature string) { g.count[feature]++ }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) write(name, text string) {
	full := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		panic(err)
	}
}

func (g *generator) yaml(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

var keys = []string{"a", "b", "c", "d", "enabled"}

// scalar makes a value that is no mapping, often an awkward one.
func (g *generator) scalar(nulls bool) any {
	if nulls && g.chance(15) {
		g.did("null")
		return nil
	}
	switch g.IntN(8) {
	case 0:
		g.did("number formatting")
		return pick(g, 1000000.0, 0.5, 12345678.0, 1e21, 1e-7, 3.0, -0.25)
	case 1:
		return g.IntN(100000000)
	case 2:
		return g.chance(50)
	case 3:
		return []any{g.IntN(9), pick(g, "x", "y"), map[string]any{"k": "v"}}
	case 4:
		g.did("tpl")
		return pick(g, "{{ .Values.a | toJson }}", "{{ .Release.Name }}-{{ include \"name\" . }}", `{{ define "inner" }}in{{ .Chart.Name }}{{ end }}{{ include "inner" . }}`, "plain", `{{ tpl "{{ .Values.b }}" . }}`)
	case 5:
		return pick(g, "", "yes", "0777", "1e3", "null", "a: b", "multi\nline\n", "é\u2028", "{x", "trailing ")
	}
	return pick(g, "one", "two", "three")
}

// tree makes a mapping of values.
func (g *generator) tree(depth int, nulls bool) map[string]any {
	m := map[string]any{}
	for _, key := range keys[:4] {
		switch {
		case g.chance(35):
		case depth > 0 && g.chance(45):
			m[key] = g.tree(depth-1, nulls)
		default:
			m[key] = g.scalar(nulls)
		}
	}
	if g.chance(30) {
		m["enabled"] = g.chance(60)
	}
	return m
}

// values makes a chart's values: its own, global ones, and those of subcharts.
func (g *generator) values(subs []string, nulls bool) map[string]any {
	m := g.tree(2, nulls)
	if g.chance(60) {
		g.did("globals")
		m["global"] = g.tree(2, nulls)
	}
	for _, sub := range subs {
		if g.chance(70) {
			m[sub] = g.values(nil, nulls)
		}
	}
	if g.chance(30) {
		m["tags"] = map[string]any{"t1": g.chance(50), "t2": g.chance(50)}
	}
	return m
}

// chart writes a chart and its subcharts at a place, and returns its name.
func (g *generator) chart(at, name string, depth int) {
	v1 := g.chance(20)
	meta := map[string]any{
		"apiVersion": "v2", "name": name, "version": pick(g, "1.2.3", "0.1.0", "2.0.0-rc.1"),
		"appVersion": pick(g, "1", "v2.0"), "description": "made for a test", "keywords": []string{"x", "y"},
		"maintainers": []any{map[string]any{"name": "somebody", "email": "a@b.c"}}, "annotations": map[string]any{"n/o": "p"},
	}
	if g.chance(20) {
		meta["kubeVersion"] = pick(g, ">=1.20.0-0", "<2", "^1.30")
		g.did("kubeVersion")
	}
	if g.chance(10) {
		meta["deprecated"] = true
		g.did("deprecated")
	}
	var dependencies []any
	var subs []string
	if depth > 0 {
		for i := range g.IntN(4) {
			sub := fmt.Sprintf("sub%d", i)
			g.chart(filepath.Join(at, "charts", sub), sub, depth-1)
			g.did("subcharts")
			if g.chance(15) {
				g.did("unlisted subchart")
				subs = append(subs, sub)
				continue
			}
			names := 1
			if g.chance(25) {
				names = 2
			}
			for j := range names {
				d, called := g.dependency(sub, j, names)
				dependencies = append(dependencies, d)
				subs = append(subs, called)
			}
		}
	}
	if len(dependencies) > 0 {
		if v1 {
			meta["apiVersion"] = "v1"
			g.write(filepath.Join(at, "requirements.yaml"), g.yaml(map[string]any{"dependencies": dependencies}))
			g.did("requirements.yaml")
		} else {
			meta["dependencies"] = dependencies
		}
	}
	if depth == 0 && g.chance(15) {
		meta["type"] = "library"
		g.did("library chart")
	}
	g.write(filepath.Join(at, "Chart.yaml"), g.yaml(meta))
	vals := g.values(subs, true)
	if g.chance(40) {
		vals["exports"] = map[string]any{"data": g.tree(1, false)}
	}
	g.write(filepath.Join(at, "values.yaml"), g.yaml(vals))
	g.files(at, name)
}

// dependency makes an entry of Chart.yaml for a subchart.
func (g *generator) dependency(sub string, j, names int) (map[string]any, string) {
	d := map[string]any{"name": sub, "version": pick(g, "*", ">=0.0.0-0", "1.x || 2.x-0 || 0.x"), "repository": ""}
	called := sub
	if names > 1 || g.chance(20) {
		called = fmt.Sprintf("%s-as%d", sub, j)
		d["alias"] = called
		g.did("alias")
	}
	if g.chance(40) {
		d["condition"] = pick(g, called+".enabled", "enabled", called+".a,enabled", "global.enabled", "missing.path,"+called+".enabled")
		g.did("condition")
	}
	if g.chance(30) {
		d["tags"] = pick(g, []string{"t1"}, []string{"t1", "t2"}, []string{"t2"})
		g.did("tags")
	}
	if g.chance(35) {
		d["import-values"] = pick(g, []any{"data"}, []any{map[string]any{"child": "a", "parent": "b"}},
			[]any{map[string]any{"child": "c", "parent": "."}, "data"}, []any{map[string]any{"child": "b", "parent": "d.x"}})
		g.did("import-values")
	}
	return d, called
}

// files writes a chart's templates and other files.
func (g *generator) files(at, name string) {
	g.write(filepath.Join(at, "templates", "_helpers.tpl"), fmt.Sprintf(`{{- define "name" -}}%s{{ .Chart.Name }}{{- end }}
{{- define "%s.full" -}}{{ .Release.Name }}-{{ template "name" . }}{{- end }}
`, pick(g, "", "x-", "y-"), name))
	g.did("helpers")
	for i := range 1 + g.IntN(3) {
		g.write(filepath.Join(at, "templates", fmt.Sprintf("%s%d.yaml", pick(g, "a", "m", "z"), i)), g.template(name, i))
	}
	if g.chance(40) {
		g.write(filepath.Join(at, "templates", "NOTES.txt"), "notes of {{ .Chart.Name }} {{ .Values.a }} {{ .Values.none }}\n")
		g.did("notes")
	}
	if g.chance(40) {
		g.write(filepath.Join(at, "conf", "one.txt"), "line 1\nline 2\n")
		g.write(filepath.Join(at, "conf", "deep", "two.yaml"), "a: 1\n")
		g.write(filepath.Join(at, "templates", "files.yaml"), g.filesTemplate(name))
		g.did(".Files")
	}
	if g.chance(20) {
		g.write(filepath.Join(at, "crds", "c.yaml"), crd(strings.ReplaceAll(at, "/", "-")))
		g.did("crds")
	}
	if g.chance(20) {
		g.write(filepath.Join(at, ".helmignore"), pick(g, "*.txt\n", "conf/\n", "# none\n/conf/deep/*\n", "z*.yaml\n"))
		g.did(".helmignore")
	}
	if g.chance(15) {
		g.write(filepath.Join(at, "values.schema.json"), pick(g,
			`{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"enabled":{"type":"boolean"}}}`,
			`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"not":{"type":"array"}}}}`,
			`{"properties":{"b":{"type":["string","number","object","boolean","array","null"]}}}`))
		g.did("schema")
	}
}

func crd(name string) string {
	return fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %ss.example.com}
spec: {group: example.com, scope: Namespaced, names: {kind: X, plural: %ss}, versions: []}
`, name, name)
}

func (g *generator) filesTemplate(name string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: %s-files-{{ sha256sum .Template.Name | trunc 12 }}}
data:
  config: {{ (.Files.Glob "%s").AsConfig | quote }}
  secret: {{ (.Files.Glob "conf/**").AsSecrets | quote }}
  get: {{ .Files.Get "conf/one.txt" | quote }}
  none: {{ .Files.Get "none" | quote }}
  lines: {{ .Files.Lines "conf/one.txt" | toJson | quote }}
`, name, pick(g, "conf/*", "conf/**", "**.txt", "{conf,x}/*"))
}

// expressions are what the values of a generated manifest are made of.
var expressions = []struct{ feature, text string }{
	{"values", `.Values | toJson`},
	{"values", `.Values.a`},
	{"values", `.Values.global | toJson`},
	{"Subcharts", `.Subcharts | keys | sortAlpha | join ","`},
	{"Chart", `.Chart | toJson`},
	{"Release", `.Release | toJson`},
	{"Template", `.Template.Name`},
	{"Capabilities", `.Capabilities.KubeVersion`},
	{"Capabilities", `.Capabilities.APIVersions.Has "apps/v1"`},
	{"Capabilities", `.Capabilities.APIVersions.Has "extra/v1"`},
	{"include", `include "name" .`},
	{"include", `include "name" . | upper | trunc 5`},
	{"tpl", `tpl (toString (default "x" .Values.b)) .`},
	{"tpl", `tpl "{{ .Values.c | toYaml }}" $`},
	{"required", `required "b is needed" (default "fallback" .Values.b)`},
	{"lookup", `lookup "v1" "Secret" "ns" "none" | toJson`},
	{"toYaml", `.Values | toYaml`},
	{"toYaml", `.Values.c | toYamlPretty`},
	{"fromYaml", `fromYaml "a: 1\nb: [1, 2.5, yes]" | toJson`},
	{"fromYaml", `fromYamlArray "- 1\n- x" | toJson`},
	{"fromYaml", `fromYaml "a: [" | toJson`},
	{"toToml", `dict "a" 1 "b" (dict "c" "x") | toToml`},
	{"toToml", `fromToml "a = 1" | toJson`},
	{"toJson", `fromJson "{\"a\": 1.50}" | toJson`},
	{"sprig", `dict "k" .Values.a "l" (list 1 2 .Values.b) | toRawJson`},
	{"sprig", `.Values.d | kindOf`},
	{"sprig", `semverCompare ">=1.20-0" .Capabilities.KubeVersion.Version`},
	{"sprig", `(merge (dict "z" 1) .Values) | keys | sortAlpha | join "-"`},
	{"sprig", `dig "none" "b" "default" .Values.AsMap`},
	{"sprig", `sha256sum (toString .Values.c)`},
	{"number formatting", `printf "%v %s %d" .Values.a .Values.b 3`},
	{"number formatting", `int64 12345678 | mul 2`},
	{"missing", `.Values.none`},
	{"missing", `.Values.none | default .Values.a | toString`},
	{"duration", `durationSeconds "1h30m"`},
}

// template makes a file of manifests.
func (g *generator) template(name string, number int) string {
	var b strings.Builder
	for i := range 1 + g.IntN(3) {
		kind := pick(g, "ConfigMap", "ConfigMap", "Secret", "Service", "Deployment", "Widget", "Namespace", "Job")
		if g.chance(20) {
			b.WriteString("{{- if .Values." + pick(g, keys...) + " }}\n")
		} else {
			b.WriteString("{{- if true }}\n")
		}
		fmt.Fprintf(&b, "---%s\n# %d\napiVersion: example.com/v1\nkind: %s\nmetadata:\n  name: %s-%d-%d-{{ sha256sum .Template.Name | trunc 12 }}\n",
			pick(g, "", " ", " # comment"), i, kind, name, number, i)
		g.annotations(&b)
		b.WriteString("data:\n")
		for j := range 1 + g.IntN(5) {
			e := pick(g, expressions...)
			g.did(e.feature)
			fmt.Fprintf(&b, "  k%d: {{ %s | %s }}\n", j, e.text, pick(g, "toString | quote", "toJson", "toString | toJson"))
		}
		if g.chance(30) {
			g.did("range")
			b.WriteString("  r:\n  {{- range $k, $v := .Values }}\n  - {{ $k }}={{ kindOf $v }}\n  {{- end }}\n")
		}
		if g.chance(30) {
			g.did("YAML 1.1")
			b.WriteString("  y: " + pick(g, "yes", "off", "0777", "1_000", "0x1F", "1e3", "2021-01-01", "~", "12:30", ".5") + "\n")
		}
		if g.chance(20) {
			g.did("set")
			b.WriteString("{{- $_ := set .Values \"a\" \"changed\" }}\n")
		}
		b.WriteString("{{- end }}\n")
	}
	return b.String()
}

func (g *generator) annotations(b *strings.Builder) {
	if !g.chance(25) {
		return
	}
	g.did("hooks")
	fmt.Fprintf(b, "  annotations:\n    helm.sh/hook: %s\n    helm.sh/hook-weight: %q\n    helm.sh/hook-delete-policy: before-hook-creation\n",
		pick(g, "pre-install", "post-install,post-upgrade", "test", "Pre-Delete , test-success", "unknown"), pick(g, "-5", "0", "x"))
}
