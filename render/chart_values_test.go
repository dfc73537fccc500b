package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

// valued is a chart with a subchart, both with values.
func valued() *bundle.Bundle {
	b := &bundle.Bundle{Type: bundle.Chart, Path: "c", Spec: bundle.Spec{
		Name: "c", Environments: map[string]bundle.Environment{"prod": {Values: []string{"prod.yaml"}}},
	}}
	for name, text := range map[string]string{
		"Chart.yaml":                   "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: db, version: '*', repository: '', alias: store, condition: store.on}]\n",
		"values.yaml":                  "# hidden: why not\nfront: {replicas: 1, image: {tag: \"1\"}}\nextra: {}\nglobal: {zone: a}\nstore: {size: 2}\nforgotten: 1\n",
		"prod.yaml":                    "front: {replicas: 3}\nregion: eu\n",
		"templates/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: {{ .Values.front.replicas | quote }}\n  b: {{ toJson .Values.extra | quote }}\n  c: {{ with .Values.front.image }}{{ .tag | quote }}{{ end }}\n",
		"charts/db/Chart.yaml":         "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"charts/db/values.yaml":        "size: 1\nengine: x\nunread: {deep: 1}\n",
		"charts/db/templates/a.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: {{ .Values.size | quote }}, b: {{ .Values.engine }}, c: {{ .Values.global.zone }}}\n",
		"charts/db/values.schema.json": `{"properties":{"flavour":{"type":"string"}}}`,
	} {
		b.Files = append(b.Files, bundle.File{Name: name, Data: []byte(text)})
	}
	return b
}

func TestImportedValuesAreExplained(t *testing.T) {
	b := &bundle.Bundle{Type: bundle.Chart, Path: "c", Spec: bundle.Spec{Name: "c"}}
	for name, text := range map[string]string{
		"Chart.yaml":                    "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: a, version: '*', repository: '', import-values: [data, {child: own, parent: got}]}]\n",
		"values.yaml":                   "got: {x: 2}\n",
		"charts/a/Chart.yaml":           "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: b, version: '*', repository: '', import-values: [{child: deep, parent: own}]}]\n",
		"charts/a/values.yaml":          "exports: {data: {top: 1}}\n\nown: {x: 1, w: 1}\n",
		"charts/a/charts/b/Chart.yaml":  "apiVersion: v2\nname: b\nversion: 1.0.0\n",
		"charts/a/charts/b/values.yaml": "\n\ndeep: {z: 1}\n",
	} {
		b.Files = append(b.Files, bundle.File{Name: name, Data: []byte(text)})
	}
	found, err := render.Inspect(b, options())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"top":   "charts/a/values.yaml:1",
		"got.x": "charts/a/values.yaml:3 → values.yaml:1",
		"got.w": "charts/a/values.yaml:3",
		"got.z": "charts/a/charts/b/values.yaml:3",
	} {
		all, err := found.Explain(path)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", path, all, err)
		} else if got := strings.Join(all[0].From, " → "); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
}

func TestValuesOfChartsAreExplained(t *testing.T) {
	o := options(
		values.Layer{Kind: values.Set, Name: "store.size=5,front.image.tag=2"},
		values.Layer{Kind: values.File, Name: "my.yaml", Data: []byte("store: {size: 4}\n")},
	)
	o.Environment = "prod"
	found, err := render.Inspect(valued(), o)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"store.size":        "store.size 5: charts/store/values.yaml:1 → values.yaml:5 → my.yaml:1 → --set store.size",
		"front.replicas":    "front.replicas 3: values.yaml:2 → prod.yaml:1",
		"store.global.zone": "store.global.zone a: values.yaml:4",
		"region":            "region eu: prod.yaml:2",
	} {
		all, err := found.Explain(path)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", path, all, err)
			continue
		}
		if got := fmt.Sprintf("%s %v: %s", all[0].Path, all[0].Value, strings.Join(all[0].From, " → ")); got != want {
			t.Error(cmp.Diff(want, got))
		}
	}
	if _, err := found.Explain("front.replica"); err == nil || err.Error() != "there is no value front.replica; the nearest is front.replicas" {
		t.Error(err)
	}
}

func TestValuesThatNoTemplateOfAChartNamesAreListed(t *testing.T) {
	unread, err := render.Unread(valued(), options())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range unread {
		got = append(got, e.Path+" "+strings.Join(e.From, " "))
	}
	want := []string{"forgotten values.yaml:6", "store.unread.deep charts/store/values.yaml:3"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestGivenValuesThatAChartKnowsNothingOfAreWarnedAbout(t *testing.T) {
	for set, want := range map[string]string{
		"front.replica=2":  "--set front.replica: front.replica is known to no default, schema or template of the chart; the nearest is front.replicas",
		"stoer.size=2":     "--set stoer.size: stoer is known to no default, schema or template of the chart; the nearest is store",
		"store.enginn=y":   "--set store.enginn: store.enginn is known to no default, schema or template of the chart; the nearest is store.engine",
		"front.replicas=2": "", "extra.any.thing=1": "", "hidden=1": "", "store.flavour=a": "", "store.on=true": "", "global.zone=b": "",
	} {
		_, warnings, err := render.Render(valued(), options(values.Layer{Kind: values.Set, Name: set}))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range warnings {
			got += w.Source.String() + ": " + w.Message
		}
		if got != want {
			t.Errorf("%s: %q", set, got)
		}
	}
}
