package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func owned(data map[string]any, entries ...any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": data,
		"metadata": map[string]any{"name": "c", "managedFields": entries},
	}}
}

func entry(manager, operation string, fields map[string]any) map[string]any {
	return map[string]any{"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
}

func managers(u *unstructured.Unstructured) []string {
	var names []string
	for _, e := range u.GetManagedFields() {
		names = append(names, e.Manager)
	}
	return names
}

func TestAHandOverIsRepeatedOnWhatTheObjectBecame(t *testing.T) {
	some := map[string]any{"f:data": map[string]any{"f:a": map[string]any{}}}
	live := owned(nil, entry("helm", "Update", some), entry("operator", "Update", some))
	planned := owned(nil, entry("operator", "Update", some), entry("belay/n/r", "Apply", some))
	now := owned(nil, entry("helm", "Update", some), entry("operator", "Update", some), entry("new", "Update", some))
	again := owned(nil)
	again.SetManagedFields(handedOver(live, planned, now))
	// The old tool goes, those who came since stay, and ours is as planned.
	if d := cmp.Diff([]string{"operator", "new", "belay/n/r"}, managers(again)); d != "" {
		t.Error(d)
	}
}

func TestFieldsAreLeftAgainAsTheyAreAtTheWrite(t *testing.T) {
	a := map[string]any{"f:data": map[string]any{"f:a": map[string]any{}}}
	body := owned(map[string]any{"a": "1", "b": "2"})
	keys := [][]string{{"f:data", "f:a"}}
	for name, c := range map[string]struct {
		now  *unstructured.Unstructured
		want map[string]any
	}{
		"still ours, with another value": {owned(map[string]any{"a": "5"}, entry("m", "Apply", a)), map[string]any{"a": "5", "b": "2"}},
		"somebody's by now":              {owned(map[string]any{"a": "5"}, entry("hpa", "Update", a)), map[string]any{"b": "2"}},
	} {
		got, err := yieldAgain(body, c.now, "m", keys)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got.Object["data"]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if body.Object["data"].(map[string]any)["a"] != "1" { //nolint:forcetypeassert // made above
		t.Error("the plan's body was changed")
	}
}
