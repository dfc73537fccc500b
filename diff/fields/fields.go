// Package fields reads managedFields: what a manager owns, whether an object is
// still as our last apply left it, what an apply changes at the fields it owns,
// and which fields others would lose by it. It is pure; diff plans with it, apply
// records with it.
package fields

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Entry is one entry of an object's managedFields.
type Entry struct {
	Manager string
	// Operation is Apply or Update.
	Operation   string
	APIVersion  string
	Subresource string
	// Time is the manager's last write to any of its fields (RFC 3339); some
	// entries have none.
	Time   string
	Fields Set
}

// Entries reads an object's managedFields. It shares memory with the object.
func Entries(u *unstructured.Unstructured) []Entry {
	meta, _ := u.Object["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	entries := make([]Entry, 0, len(list))
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		set, _ := m["fieldsV1"].(map[string]any)
		entries = append(entries, Entry{
			Manager:     text(m, "manager"),
			Operation:   text(m, "operation"),
			APIVersion:  text(m, "apiVersion"),
			Subresource: text(m, "subresource"),
			Time:        text(m, "time"),
			Fields:      set,
		})
	}
	return entries
}

// Applied finds the entry that a manager's server-side applies left.
func Applied(u *unstructured.Unstructured, manager string) (Entry, bool) {
	for _, e := range Entries(u) {
		if e.Manager == manager && e.Operation == "Apply" && e.Subresource == "" {
			return e, true
		}
	}
	return Entry{}, false
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
