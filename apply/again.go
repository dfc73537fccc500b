package apply

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// holdsAll says whether an object has all values of another, lists as they are:
// then applying that once more changes no value.
func holdsAll(live, wanted map[string]any) bool {
	for key, want := range wanted {
		have, there := live[key]
		if !there {
			return false
		}
		inner, isMap := want.(map[string]any)
		if !isMap {
			if !reflect.DeepEqual(have, want) {
				return false
			}
			continue
		}
		if m, ok := have.(map[string]any); !ok || !holdsAll(m, inner) {
			return false
		}
	}
	return true
}

// withoutVersion is a body without its precondition.
func withoutVersion(body *unstructured.Unstructured) map[string]any {
	u := body.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "metadata", "resourceVersion")
	return u.Object
}
