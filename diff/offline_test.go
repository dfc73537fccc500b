package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
)

const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.e.com}
spec:
  group: e.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1}
              mode: {type: string, enum: [fast, slow]}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
              ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, properties: {port: {type: integer}, protocol: {type: string, default: TCP}}}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              ruled: {type: integer, x-kubernetes-validations: [{rule: "self < 3"}]}
              items: {type: array, items: {type: object, properties: {name: {type: string}}}}
`

func widget(spec string) string {
	return widgets + "---\napiVersion: e.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: " + spec + "\n"
}

func TestCustomResourcesAreCheckedWithTheSchemaThatThePlanBrings(t *testing.T) {
	w, s := deployed(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")
	good := compute(t, w, s, widget("{size: 3, mode: fast, port: http, free: {any: [1]}, labels: {a: b}, items: [{name: a}], ports: [{port: 1}, {port: 1, protocol: UDP}], tags: [a, b]}"), apply())
	if len(good.Refused) > 0 {
		t.Errorf("a good one is refused:\n%s", refusal(good))
	}
	if c := change(t, good, "Widget.e.com/w"); !strings.HasSuffix(c.Unchecked, "is created by this plan") {
		t.Errorf("it is not marked: %+v", c)
	}
	if c := change(t, compute(t, w, s, widget("{size: 3, ruled: 7}"), apply()), "Widget.e.com/w"); !strings.HasSuffix(c.Unchecked, "is created by this plan; rules in CEL are left to the server") {
		t.Errorf("nobody says that its rules are not evaluated: %s", c.Unchecked)
	}
	bad := compute(t, w, s, widget("{size: 0, mode: odd, sise: 1, labels: {a: 1}, items: [{nome: a}], ports: [{port: 1}, {port: 1, protocol: TCP}], tags: [a, b, a]}"), apply())
	text := refusal(bad)
	for _, want := range []string{
		"3 1 object is invalid", "spec.sise: there is no such field", "spec.items[0].nome: there is no such field", "spec.size", "spec.mode", "spec.ports[1]: the same as item 0", "spec.tags[2]: the same as item 0", "spec.labels.a", "by the schema of CustomResourceDefinition",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}

func TestStrictPreviewRefusesWhatTheServerCouldNotValidate(t *testing.T) {
	w, s := deployed(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")
	o := apply()
	o.StrictPreview = true
	p := compute(t, w, s, widget("{size: 3}"), o)
	if text := refusal(p); !strings.Contains(text, "4 refused: the server could not validate 1 object, and --strict-preview") || !strings.Contains(text, "Widget.e.com/w") {
		t.Error(text)
	}
}

func TestANarrowedDefinitionSaysWhatItNoLongerTakes(t *testing.T) {
	crd := func(yaml string) *Change {
		return &Change{Live: manifests(t, widgets)[0].Body, Merged: manifests(t, yaml)[0].Body}
	}
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"the same":           {widgets, nil},
		"a field more":       {strings.Replace(widgets, "mode:", "extra: {type: string}\n              mode:", 1), nil},
		"a field less":       {strings.Replace(widgets, "              port: {x-kubernetes-int-or-string: true}\n", "", 1), []string{"narrows the schema of v1: spec.port is dropped"}},
		"another type":       {strings.Replace(widgets, "size: {type: integer", "size: {type: string", 1), []string{"narrows the schema of v1: spec.size becomes string"}},
		"fewer values":       {strings.Replace(widgets, "[fast, slow]", "[fast]", 1), []string{"narrows the schema of v1: spec.mode takes fewer values"}},
		"more required":      {strings.Replace(widgets, "[size]", "[size, mode]", 1), []string{"narrows the schema of v1: spec.mode is required"}},
		"a version unserved": {strings.Replace(widgets, "served: true", "served: false", 1), []string{"stops serving version v1"}},
		"a version less":     {strings.Replace(widgets, "- name: v1", "- name: v2", 1), []string{"removes version v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			change := crd(c.yaml)
			if d := cmp.Diff(c.want, narrowed(change.Live, change.Merged)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDeletionsSayWhatGoesWithThem(t *testing.T) {
	set := `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, namespace: shop}, spec: {replicas: 2, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}}}`
	live := manifests(t, set)[0].Body
	want := []string{"stops 2 pods", "deletes its claims and their data"}
	if d := cmp.Diff(want, stops(&Change{ID: object.IDOf(live), Live: live})); d != "" {
		t.Error(d)
	}
}
