package fields

import (
	"encoding/json"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Claim returns a copy of a live object in which a manager's apply entry also
// holds what the manifest leaves behind: values that nobody owns, because the
// server filled them in beside ours, in a branch that the manifest no longer
// takes (the port of a probe that becomes a command, the pace of a rolling update
// that becomes a recreation). It is nil when there is nothing of the kind.
func Claim(live, manifest *unstructured.Unstructured, manager string) *unstructured.Unstructured {
	entry, ok := Applied(live, manager)
	if !ok {
		return nil
	}
	others := Set{}
	for _, e := range Entries(live) {
		if e.Manager != manager || e.Operation != "Apply" {
			others = Union(others, e.Fields)
		}
	}
	more := left(live.Object, manifest.Object, entry.Fields, others)
	if len(more) == 0 {
		return nil
	}
	data, err := json.Marshal(Union(entry.Fields, more))
	if err != nil {
		return nil
	}
	claimed := live.DeepCopy()
	var rest, ours []metav1.ManagedFieldsEntry
	for _, e := range claimed.GetManagedFields() {
		if e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			e.FieldsV1 = metav1.NewFieldsV1(string(data))
			ours = append(ours, e)
			continue
		}
		rest = append(rest, e)
	}
	claimed.SetManagedFields(append(rest, ours...)) // the last one: apply counts on it
	return claimed
}

// Grant returns a copy of an object in which a manager's apply entry also holds
// paths, which are written as Point.Keys.
func Grant(u *unstructured.Unstructured, manager string, paths [][]string) *unstructured.Unstructured {
	entry, ok := Applied(u, manager)
	if !ok {
		return u
	}
	all := entry.Fields
	for _, keys := range paths {
		path := Set{}
		for i := len(keys) - 1; i >= 0; i-- {
			path = Set{keys[i]: path}
		}
		all = Union(all, path)
	}
	data, err := json.Marshal(all)
	if err != nil {
		return u
	}
	granted := u.DeepCopy()
	entries := granted.GetManagedFields()
	for i, e := range entries {
		if e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			entries[i].FieldsV1 = metav1.NewFieldsV1(string(data))
		}
	}
	granted.SetManagedFields(entries)
	return granted
}

// left collects the branches of a live value that the manifest has left.
func left(live, want any, ours, others Set) Set {
	found := Set{}
	switch live := live.(type) {
	case map[string]any:
		m, ok := want.(map[string]any)
		if !ok {
			return found
		}
		for name, value := range live {
			key := "f:" + name
			mine, owned := ours.node(key)
			theirs, foreign := others.node(key)
			if wanted, there := m[name]; there {
				if sub := left(value, wanted, mine, theirs); len(sub) > 0 {
					found[key] = sub
				}
				continue
			}
			if !foreign && (owned || excluded(name, live, m)) {
				found[key] = every(value, mine)
			}
		}
	case []any:
		list, _ := want.([]any)
		names := keyNames(ours)
		if names == nil {
			return found
		}
		for _, item := range live {
			key, ok := keyOf(item, names)
			if i := index(list, key); ok && i >= 0 {
				mine, _ := ours.node(key)
				theirs, _ := others.node(key)
				if sub := left(item, list[i], mine, theirs); len(sub) > 0 {
					found[key] = sub
				}
			}
		}
	}
	return found
}

// every is the set of all that a value holds, with keys as far as they are known.
func every(v any, like Set) Set {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return Set{}
	}
	s := Set{".": Set{}}
	for name, item := range m {
		sub, _ := like.node("f:" + name)
		if _, isList := item.([]any); isList && len(sub) > 0 {
			s["f:"+name] = maps.Clone(sub)
			continue
		}
		s["f:"+name] = every(item, sub)
	}
	return s
}

// excluded says whether a field of a live value cannot stand beside what the
// manifest says: it belongs to the type that the value had (type: RollingUpdate,
// rollingUpdate: …), or is one of two ways to say the same.
func excluded(name string, live, want map[string]any) bool {
	was, _ := live["type"].(string)
	is, said := want["type"].(string)
	switch {
	case said && was != is && was != "" && name == strings.ToLower(was[:1])+was[1:]:
		return true
	case name == "value":
		return want["valueFrom"] != nil
	case name == "valueFrom":
		return want["value"] != nil
	}
	return false
}
