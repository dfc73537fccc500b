package object_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

func TestNormalizeDropsWhatMustNotBeSent(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"nulls, empty labels and what the server owns": {
			`{apiVersion: v1, kind: Pod, status: {a: 1}, metadata: {name: a, labels: {}, annotations: {x: null}, creationTimestamp: null, managedFields: []}, spec: {a: null, b: [null, {c: null}], d: {}}}`,
			`{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {b: [null, {}], d: {}}}`},
		"a Secret's stringData is folded into data": {
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: eA==, b: eQ==}, stringData: {b: new, c: x}}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: eA==, b: bmV3, c: eA==}}`},
		"empty stringData leaves nothing": {
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {}}`, `{apiVersion: v1, kind: Secret, metadata: {name: a}}`},
		"a ConfigMap's stringData is none": {
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, stringData: {a: b}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, stringData: {a: b}}`},
	} {
		t.Run(name, func(t *testing.T) {
			in, want := decodeMap(t, tt.in), decodeMap(t, tt.want)
			before := decodeMap(t, tt.in)
			got := object.Normalize(&unstructured.Unstructured{Object: in})
			if d := cmp.Diff(want, got.Object); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(before, in); d != "" {
				t.Error("the original changed: " + d)
			}
			if object.Hash(got.Object) != object.Hash(want) {
				t.Error("equal objects have unequal hashes")
			}
		})
	}
}

func decodeMap(t *testing.T, text string) map[string]any {
	t.Helper()
	m, err := object.DecodeMap(object.Input{Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNormalizeLeavesMalformedSecretsToTheServer(t *testing.T) {
	in := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": "text", "stringData": map[string]any{"a": "b"}}
	if d := cmp.Diff(in, object.Normalize(&unstructured.Unstructured{Object: in}).Object); d != "" {
		t.Error(d)
	}
}

func TestIDsAreWrittenAsPeopleSeeThem(t *testing.T) {
	deployment := object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "front"}
	namespace := object.ID{Kind: "Namespace", Name: "shop"}
	for got, want := range map[string]string{
		deployment.String(): "Deployment.apps/shop/front", deployment.In("shop"): "Deployment.apps/front",
		deployment.In("other"): "Deployment.apps/shop/front", namespace.String(): "Namespace/shop", namespace.In("x"): "Namespace/shop",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	ids := []object.ID{namespace, deployment, {Kind: "Deployment", Name: "z"}, {Group: "apps", Kind: "Deployment", Namespace: "a", Name: "z"}}
	slices.SortFunc(ids, object.ID.Compare)
	want := []object.ID{{Kind: "Deployment", Name: "z"}, {Group: "apps", Kind: "Deployment", Namespace: "a", Name: "z"}, deployment, namespace}
	if d := cmp.Diff(want, ids); d != "" {
		t.Error(d)
	}
}

func TestHashTellsValuesApart(t *testing.T) {
	a := map[string]any{"x": int64(1), "y": []any{"a", nil}}
	for name, b := range map[string]any{
		"another number": map[string]any{"x": int64(2), "y": []any{"a", nil}}, "another type": map[string]any{"x": "1", "y": []any{"a", nil}},
		"another order": map[string]any{"x": int64(1), "y": []any{nil, "a"}}, "nothing": nil,
	} {
		if object.Hash(a) == object.Hash(b) {
			t.Error(name)
		}
	}
}
