// Package refs knows what objects refer to: one table, pure. diff turns the
// references between changes into the order in which apply carries them out.
package refs

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// Need is what must hold of an object before one that refers to it may start.
type Need string

// The needs, weakest first. Gone is the need of deletions.
const (
	Exists      Need = "exists"
	Established Need = "established"
	Ready       Need = "ready"
	Gone        Need = "gone"
)

// Ref says that From refers to To and needs it.
type Ref struct {
	From, To object.ID
	// Path is the field that refers, for people.
	Path string
	Need Need
	// Optional references order, but never close a cycle.
	Optional bool
}

// Scan returns what the objects refer to, object by object. Objects that are
// referred to by name need not be among objs; those that are found by a selector
// are. Namespaced objects must name their namespace.
func Scan(objs []object.Object) []Ref { return ScanServed(objs, nil) }

// ScanServed is Scan for who knows by which resources the server serves kinds
// ("policies"); those of others are guessed.
func ScanServed(objs []object.Object, resources map[schema.GroupKind]string) []Ref {
	var found []Ref
	crds := definitions(objs)
	pods := workloads(objs)
	services := selectors(objs)
	for _, o := range objs {
		id := o.ID()
		if id.Namespace != "" {
			found = append(found, Ref{From: id, To: object.ID{Kind: "Namespace", Name: id.Namespace}, Path: "metadata.namespace", Need: Exists})
		}
		if crd, ok := crds[id.GroupKind()]; ok {
			found = append(found, Ref{From: id, To: crd, Path: "apiVersion", Need: Established})
		}
		found = append(found, named(o)...)
		found = append(found, selected(o, pods)...)
		found = append(found, called(o, services, pods)...)
	}
	found = append(found, bindings(objs, pods)...)
	found = append(found, guards(objs, pods)...)
	return append(found, serving(objs, resources)...)
}

// named reads the references by name that the table knows.
func named(o object.Object) []Ref {
	id := o.ID()
	var found []Ref
	for _, r := range table[id.GroupKind()] {
		found = append(found, follow(id, o.Body.Object, "", r)...)
	}
	if prefix, ok := podSpec(id.GroupKind()); ok {
		spec, _ := lookup(o.Body.Object, prefix).(map[string]any)
		for _, r := range podTable {
			found = append(found, follow(id, spec, prefix+".", r)...)
		}
	}
	return append(found, special(o)...)
}

// follow reads one rule of the table from an object.
func follow(from object.ID, root map[string]any, prefix string, r rule) []Ref {
	var found []Ref
	each(root, strings.Split(r.path, "."), "", func(value any, path string, parent map[string]any) {
		to := object.ID{Group: r.to.Group, Kind: r.to.Kind}
		switch v := value.(type) {
		case string:
			to.Name = v
		case map[string]any:
			to = typed(v, r.to)
		}
		if to.Name == "" || to.Kind == "" {
			return
		}
		if !r.cluster && to.Namespace == "" && !clusterKinds(to.GroupKind()) {
			to.Namespace = from.Namespace
		}
		optional, _ := parent["optional"].(bool)
		found = append(found, Ref{From: from, To: to, Path: prefix + path, Need: Exists, Optional: r.optional || optional})
	})
	return found
}

// typed reads a reference that names its kind: {apiVersion or apiGroup or group,
// kind, name, namespace}.
func typed(v map[string]any, fallback schema.GroupKind) object.ID {
	text := func(key string) string { s, _ := v[key].(string); return s }
	id := object.ID{Group: fallback.Group, Kind: fallback.Kind, Namespace: text("namespace"), Name: text("name")}
	if kind := text("kind"); kind != "" {
		id.Kind = kind
		id.Group = text("apiGroup") + text("group")
		if gv, err := schema.ParseGroupVersion(text("apiVersion")); err == nil && id.Group == "" {
			id.Group = gv.Group
		}
	}
	return id
}

// each calls fn for every value at a path; "[]" after a name goes through a list.
func each(v any, path []string, at string, fn func(value any, at string, parent map[string]any)) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	name, list := strings.CutSuffix(path[0], "[]")
	value, ok := m[name]
	if !ok {
		return
	}
	if at != "" {
		at += "."
	}
	at += name
	if !list {
		if len(path) == 1 {
			fn(value, at, m)
		} else {
			each(value, path[1:], at, fn)
		}
		return
	}
	items, _ := value.([]any)
	for _, item := range items {
		in := at
		if m, ok := item.(map[string]any); ok {
			if name, ok := m["name"].(string); ok {
				in += "[" + name + "]"
			}
		}
		if len(path) == 1 {
			fn(item, in, m)
		} else {
			each(item, path[1:], in, fn)
		}
	}
}

func lookup(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}
