package object

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Normalize returns a copy of a manifest without what must not be sent to the
// server, because owning it does harm: nulls, empty labels and annotations,
// status, creationTimestamp and managedFields. A Secret's stringData is folded
// into data, so that removing a key removes it.
func Normalize(u *unstructured.Unstructured) *unstructured.Unstructured {
	body, _ := dropNulls(u.Object).(map[string]any)
	n := &unstructured.Unstructured{Object: body}
	delete(body, "status")
	if meta, ok := body["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
		delete(meta, "managedFields")
		for _, field := range []string{"labels", "annotations"} {
			if m, ok := meta[field].(map[string]any); ok && len(m) == 0 {
				delete(meta, field)
			}
		}
	}
	if n.GroupVersionKind().GroupKind() == SecretKind {
		foldStringData(body)
	}
	return n
}

func foldStringData(body map[string]any) {
	plain, ok := body["stringData"].(map[string]any)
	if !ok {
		return
	}
	data, ok := body["data"].(map[string]any)
	if !ok {
		if body["data"] != nil {
			return // the server says best what is wrong with it
		}
		data = map[string]any{}
	}
	for key, value := range plain {
		text, ok := value.(string)
		if !ok {
			return // as above
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	if len(data) > 0 {
		body["data"] = data
	}
	delete(body, "stringData")
}

// dropNulls copies a JSON value without the null members of its maps.
func dropNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			if item != nil {
				m[key] = dropNulls(item)
			}
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = dropNulls(item)
		}
		return l
	default:
		return v
	}
}

// Hash returns a 64-bit hash of a JSON value that does not depend on the order
// of map keys.
func Hash(v any) uint64 {
	h := fnv.New64a()
	// encoding/json sorts map keys; what unstructured holds cannot fail.
	if err := json.NewEncoder(h).Encode(v); err != nil {
		return 0
	}
	return h.Sum64()
}
