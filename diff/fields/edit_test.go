package fields

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestRemovingAFieldTakesEmptyMapsWithItAndLeavesTheManifestAlone(t *testing.T) {
	body := map[string]any{"spec": map[string]any{
		"list": []any{map[string]any{"name": "a", "limits": map[string]any{"memory": "1"}}},
	}}
	keys := []string{"f:spec", "f:list", `k:{"name":"a"}`, "f:limits", "f:memory"}
	want := map[string]any{"spec": map[string]any{"list": []any{map[string]any{"name": "a"}}}}
	if d := cmp.Diff(want, Remove(body, keys)); d != "" {
		t.Error(d)
	}
	if At(body, keys) != "1" {
		t.Error("the manifest was changed")
	}
	set, ok := SetAt(want, keys, "2")
	if !ok || At(set, keys) != "2" || At(want, keys) != nil {
		t.Error("setting it again:", set, ok)
	}
}

func TestClaimTakesOnlyWhatNobodyOwnsInABranchThatWasLeft(t *testing.T) {
	live := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"strategy":  map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"max": int64(1)}},
			"probe":     map[string]any{"httpGet": map[string]any{"port": int64(80), "path": "/"}},
			"defaulted": "x",
		},
		"metadata": map[string]any{"managedFields": []any{
			map[string]any{"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": map[string]any{
				"f:spec": map[string]any{"f:probe": map[string]any{"f:httpGet": map[string]any{"f:port": map[string]any{}}}},
			}},
		}},
	}}
	manifest := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"strategy": map[string]any{"type": "Recreate"},
		"probe":    map[string]any{"exec": map[string]any{"command": []any{"x"}}},
	}}}
	claimed := Claim(live, manifest, "m")
	if claimed == nil {
		t.Fatal("nothing was claimed")
	}
	e, _ := Applied(claimed, "m")
	for _, keys := range [][]string{
		{"f:spec", "f:strategy", "f:rollingUpdate", "f:max"}, {"f:spec", "f:probe", "f:httpGet", "f:path"}, {"f:spec", "f:probe", "f:httpGet", "f:port"},
	} {
		if !Owns(e.Fields, keys) {
			t.Errorf("%v is not ours", keys)
		}
	}
	for _, keys := range [][]string{{"f:spec", "f:defaulted"}, {"f:spec", "f:strategy", "f:type"}} {
		if Owns(e.Fields, keys) {
			t.Errorf("%v became ours", keys)
		}
	}
	if Claim(live, live, "m") != nil {
		t.Error("claimed something of a manifest that leaves nothing")
	}
}
