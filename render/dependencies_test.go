package render_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

const head = "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: "

func config(name, data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {" + data + "}\n"
}

// umbrella are a bundle and what it depends on: a bundle, which has one of its own,
// and a chart.
func umbrella(t *testing.T, more ...string) string {
	t.Helper()
	return filepath.Join(folder(t, append([]string{
		"shop/bundle.yaml", head + "shop\ndependencies:\n- {name: redis, source: ../redis, condition: redis.enabled}\n- {name: db, source: ../chart}\nenvironments:\n  prod: {values: [prod.yaml]}\n",
		"shop/values.yaml", "redis: {size: 2}\nglobal: {zone: a}\ndb: {port: 1}\n",
		"shop/prod.yaml", "redis: {size: 3}\n",
		"shop/templates/a.yaml", config("shop", "size: {{ .Values.redis.size | quote }}, mode: {{ .Values.redis.mode }}, d: {{ include \"d\" . }}"),
		"shop/templates/_d.tpl", `{{ define "d" }}shop's{{ end }}`,
		"redis/bundle.yaml", head + "redis\nversion: 7.0.0\ndependencies: [{name: tool, source: tool}]\nfields: [{kind: Deployment, path: spec.replicas, onConflict: yield}]\n",
		"redis/values.yaml", "size: 1\nmode: fast\n",
		"redis/templates/a.yaml", config("redis", "size: {{ .Values.size | quote }}, zone: {{ .Values.global.zone }}, of: {{ .Bundle.Name }}, d: {{ include \"d\" . }}, r: {{ randAlphaNum 8 | quote }}, m: {{ .Values.mode }}"),
		"redis/templates/_d.tpl", `{{ define "d" }}redis's{{ end }}`,
		"redis/tool/bundle.yaml", head + "tool\n",
		"redis/tool/values.yaml", "level: 1\n",
		"redis/tool/templates/a.yaml", config("tool", "level: {{ .Values.level | quote }}"),
		"chart/Chart.yaml", "apiVersion: v2\nname: database\nversion: 1.0.0\n",
		"chart/values.yaml", "port: 0\nkept: yes\n",
		"chart/templates/a.yaml", config("db", "port: {{ .Values.port | quote }}, kept: {{ .Values.kept | quote }}, zone: {{ .Values.global.zone }}"),
	}, more...)...), "shop")
}

func TestDependenciesAreRenderedWithTheValuesBelowTheirNames(t *testing.T) {
	b, err := bundle.Load(umbrella(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options(values.Layer{Kind: values.Set, Name: "redis.tool.level=4"})
	o.Environment = "prod"
	o.Random = map[string]string{}
	w, warnings, err := render.Render(b, o)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	var got []string
	for _, o := range w.Objects {
		data, _ := o.Body.Object["data"].(map[string]any)
		delete(data, "r")
		got = append(got, fmt.Sprintf("%s %s %v", o.Source, o.ID().Name, data))
	}
	want := []string{
		"redis/tool/templates/a.yaml:1 tool map[level:4]",
		"redis/templates/a.yaml:1 redis map[d:redis's m:fast of:redis size:3 zone:a]",
		"db/templates/a.yaml:1 db map[kept:true port:1 zone:a]",
		"templates/a.yaml:1 shop map[d:shop's mode:fast size:3]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(w.Rules.Fields) != 1 {
		t.Error("the rules of the dependency are not there")
	}
	for site := range w.Random {
		if !strings.HasPrefix(site, "redis/templates/a.yaml") {
			t.Errorf("a random value at %s", site)
		}
	}
	o.Random = w.Random
	again, _, err := render.Render(b, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w.Random, again.Random); d != "" || len(w.Random) != 1 {
		t.Errorf("random values are not remembered: %s", d)
	}
	found, err := render.Inspect(b, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := found.Explain("redis.size")
	if err != nil || strings.Join(all[0].From, " ") != "redis/values.yaml:1 values.yaml:1 prod.yaml:1" {
		t.Error(all, err)
	}
}

func TestDependenciesCanBeTurnedOff(t *testing.T) {
	b, err := bundle.Load(umbrella(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := render.Render(b, options(values.Layer{Kind: values.Set, Name: "redis.enabled=false"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Objects) != 2 {
		t.Errorf("%d objects", len(w.Objects))
	}
	_, _, err = render.Render(b, options(values.Layer{Kind: values.Set, Name: "redis.enabled=often"}))
	if fmt.Sprint(err) != "bundle.yaml: dependency redis: the value redis.enabled must be true or false" {
		t.Error(err)
	}
}

func TestMistakesInDependenciesArePlaced(t *testing.T) {
	b, err := bundle.Load(umbrella(t, "redis/templates/b.yaml", config("b", "x: {{ .Values.sise }}"), "redis/values.schema.json", `{"properties":{"mode":{"enum":["slow"]}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, warnings, err := render.Render(b, options(values.Layer{Kind: values.Set, Name: "redis.moed=x"}))
	var got []string
	for _, e := range object.Errors(err) {
		got = append(got, fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message))
	}
	want := []string{"redis/templates/b.yaml:4: .Values.sise: no such value", "redis/values.yaml:2: mode: it is none of [slow] (values.schema.json)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d, warnings)
	}
	b, err = bundle.Load(umbrella(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, warnings, err = render.Render(b, options(values.Layer{Kind: values.Set, Name: "redis.moed=x,db.prot=2,shpo=1"}))
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, w := range warnings {
		got = append(got, w.Message)
	}
	want = []string{
		"redis.moed is read by no template; the nearest is redis.mode", "db.prot is known to no default, schema or template of the chart; the nearest is port",
		"shpo is read by no template",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDependenciesThatCannotBeAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		dependencies, want string
	}{
		"nothing there":  {"[{name: a, source: ../rdis}]", "bundle.yaml:4: dependency a: there is no ../rdis; the nearest is redis"},
		"itself":         {"[{name: a, source: .}]", "bundle.yaml:4: dependency a: it depends on itself, through ."},
		"no bundle":      {"[{name: a, source: templates}]", "bundle.yaml:4: dependency a: templates is neither a bundle with templates nor a Helm chart"},
		"a name twice":   {"[{name: a, source: ../redis}, {name: a, source: ../chart}]", `bundle.yaml:4: dependencies[1]: the name "a" is taken`},
		"an unknown key": {"[{name: a, sorce: ../redis}]", "bundle.yaml:4: there is no key \"dependencies[0].sorce\"; the nearest is \"source\""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := umbrella(t, "shop/bundle.yaml", head+"shop\ndependencies: "+c.dependencies+"\n", "shop/templates/a.yaml", config("a", "b: c"))
			_, err := bundle.Load(dir, nil)
			if d := cmp.Diff(c.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
		})
	}
}
