package render_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/values"
)

func TestGivenValuesThatNobodyReadsAreWarnedAbout(t *testing.T) {
	b := shop("values.yaml", defaults, "templates/a.yaml", "{{ $x := .Values.front.image }}{{ $y := .Values.tls | default 1 }}")
	_, warnings, err := render.Render(b, options(
		set("front.imgae.tag=1"), set("front.image.tag=1"), set("front.image.pull=x"), set("tls=1"), set("password=x"),
		values.Layer{Kind: values.File, Name: "prod.yaml", Data: []byte("x: 1\nfront:\n  replicsa: 3\n")},
	))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.Source.String()+": "+w.Message)
	}
	want := []string{
		"--set front.imgae.tag: front.imgae.tag is read by no template; the nearest is front.image.tag",
		"prod.yaml:3: front.replicsa is read by no template; the nearest is front.replicas",
		"prod.yaml:1: x is read by no template",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestViaNamesFlagsOfWhatWasRead(t *testing.T) {
	in := `{{ define "img" }}{{ .Values.front.image.tag }}{{ end -}}
apiVersion: v1
kind: Service
metadata: {name: a, labels: {x: "{{ include "img" . }}"}}
---
apiVersion: v1
kind: Service
metadata: {name: b, labels: {x: "{{ .Values.front.replicas }}"}}
---
apiVersion: v1
kind: Service
metadata: {name: c}
spec: {{ toYaml .Values.front | nindent 2 }}
`
	w, _, err := render.Render(shop("values.yaml", defaults, "templates/a.yaml", in), options(set("front.image.tag=5"), set("front.replicas=3")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"templates/a.yaml:2 Service/a via --set front.image.tag", "templates/a.yaml:6 Service/b via --set front.replicas",
		"templates/a.yaml:10 Service/c via --set front.image.tag, --set front.replicas",
	}
	if d := cmp.Diff(want, describe(w.Objects)); d != "" {
		t.Error(d)
	}
}

func TestValuesAreCheckedAgainstTheSchema(t *testing.T) {
	schema := `{"$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": false, "required": ["name"],
"definitions": {"t": {"type": "string"}},
"properties": {"front": {"type": "object", "properties": {"replicas": {"type": "integer"}, "image": {"$ref": "#/definitions/t"},
"size": {"maximum": 10}, "half": {"minimum": 1.5}, "password": {"minLength": 10}, "mode": {"enum": ["slow", "big"]}, "code": {"pattern": "^x"},
"either": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}}},
"hosts": {"items": {"type": "string"}}, "deep": {"additionalProperties": {"properties": {"b": {"const": 2}}}}}}`
	text := `front:
  replicas: many
  image: 5
  size: 50
  half: 1
  password: hunter2
  mode: hunter2
  code: hunter2
  either: hunter2
hosts: [a, 1, b]
extra: 1
deep: {a: {b: 1}}
`
	_, _, err := render.Render(shop("values.yaml", text, "values.schema.json", schema, "templates/a.yaml", "{{/* nothing */}}"), options(set("front.replicas=hunter2")))
	want := `--set front.replicas: front.replicas: it is of type string; the schema wants integer (values.schema.json)
values.schema.json: the values: unexpected additional properties ["extra"] (values.schema.json)
values.yaml:3: front.image: it is of type integer; the schema wants string (values.schema.json)
values.yaml:4: front.size: it is greater than 10 (values.schema.json)
values.yaml:5: front.half: it is less than 1.5 (values.schema.json)
values.yaml:6: front.password: it is shorter than 10 characters (values.schema.json)
values.yaml:7: front.mode: it is none of [slow big] (values.schema.json)
values.yaml:8: front.code: it does not match "^x" (values.schema.json)
values.yaml:9: front.either: it does not fit what the schema says under anyOf (values.schema.json)
values.yaml:10: hosts[1]: it is of type integer; the schema wants string (values.schema.json)
values.yaml:12: deep.a.b: it does not equal 2 (values.schema.json)`
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Error(d)
	}
}
