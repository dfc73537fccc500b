package object_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
)

func TestMaskerGivesEqualSecretsEqualNumbers(t *testing.T) {
	objs, err := object.Decode([]byte(`apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"data":{"a":"aHVudGVyMg=="}}', other: seen}
data: {a: aHVudGVyMg==, b: b3RoZXI=}
stringData: {c: hunter2}
`), "f")
	if err != nil {
		t.Fatal(err)
	}
	var m object.Masker
	masked := m.Object(objs[0].Body)
	want := map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{"name": "s", "annotations": map[string]any{object.LastApplied: "‹hidden #3›", "other": "seen"}},
		"data":     map[string]any{"a": "‹hidden #1›", "b": "‹hidden #2›"}, "stringData": map[string]any{"c": "‹hidden #1›"},
	}
	if d := cmp.Diff(want, masked.Object); d != "" {
		t.Error(d)
	}
	if v, _ := objs[0].Body.Object["stringData"].(map[string]any); v["c"] != "hunter2" {
		t.Error("the original was masked")
	}
	if got := m.Change("aHVudGVyMg==", "b3RoZXI="); got != "‹hidden #1→#2›" {
		t.Error(got)
	}
	if got := m.Change(nil, "new"); strings.Contains(got, "new") || got != "‹hidden #4›" {
		t.Error(got)
	}
}

func TestIsSecretPath(t *testing.T) {
	secret := object.ID{Kind: "Secret", Name: "s"}
	for path, want := range map[string]bool{
		"data.password": true, "data": true, "data[tls.key]": true, ".data.x": true, "stringData.a": true, "": true,
		"metadata.annotations[" + object.LastApplied + "]": true, "metadata.annotations": true,
		"type": false, "dataX": false, "metadata.labels.data": false,
	} {
		if got := object.IsSecretPath(secret, path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if object.IsSecretPath(object.ID{Kind: "ConfigMap"}, "data.a") {
		t.Error("a ConfigMap's data is no secret")
	}
}
