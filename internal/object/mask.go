package object

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// LastApplied is the annotation in which kubectl keeps a whole manifest.
const LastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Masker replaces secret values by ‹hidden #1›: equal values have equal numbers
// as long as one Masker is used, which tells whether a value changed and nothing
// else. The zero Masker is ready; it may be used by several goroutines.
type Masker struct {
	mu      sync.Mutex
	numbers map[string]int
}

// Number is the number that stands for a secret value.
func (m *Masker) Number(v any) int {
	key, isText := v.(string)
	if !isText {
		data, err := json.Marshal(v)
		if err != nil {
			data = fmt.Append(nil, v)
		}
		key = "\x00" + string(data)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, known := m.numbers[key]
	if !known {
		if m.numbers == nil {
			m.numbers = map[string]int{}
		}
		n = len(m.numbers) + 1
		m.numbers[key] = n
	}
	return n
}

// Value is what to show in place of a secret value.
func (m *Masker) Value(v any) string { return fmt.Sprintf("‹hidden #%d›", m.Number(v)) }

// Change is what to show in place of a secret value's change; nil is absence.
func (m *Masker) Change(from, to any) string {
	switch {
	case from == nil:
		return m.Value(to)
	case to == nil:
		return m.Value(from)
	}
	return fmt.Sprintf("‹hidden #%d→#%d›", m.Number(from), m.Number(to))
}

// Object returns a copy of an object in which secret values are masked. An
// object that is no Secret is returned as it is.
func (m *Masker) Object(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil || u.GroupVersionKind().GroupKind() != SecretKind {
		return u
	}
	masked := u.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		members, ok := masked.Object[field].(map[string]any)
		if !ok {
			if v := masked.Object[field]; v != nil {
				masked.Object[field] = m.Value(v)
			}
			continue
		}
		for _, key := range sortedKeys(members) {
			v := members[key]
			if text, isText := v.(string); isText && field == "stringData" {
				v = base64.StdEncoding.EncodeToString([]byte(text)) // as data has it
			}
			members[key] = m.Value(v)
		}
	}
	if meta, ok := masked.Object["metadata"].(map[string]any); ok {
		if annotations, ok := meta["annotations"].(map[string]any); ok && annotations[LastApplied] != nil {
			annotations[LastApplied] = m.Value(annotations[LastApplied])
		}
	}
	return masked
}

// IsSecretPath says whether what stands at a path of an object, written as in
// plans (data.password, metadata.annotations[x]), must be masked.
func IsSecretPath(id ID, path string) bool {
	if id.GroupKind() != SecretKind {
		return false
	}
	path = strings.TrimPrefix(path, ".")
	for _, field := range []string{"data", "stringData"} {
		rest, ok := strings.CutPrefix(path, field)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return path == "" || path == "metadata" || path == "metadata.annotations" || strings.Contains(path, LastApplied)
}
