package fields

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Owners returns the managers of a live object that own the path, but for the
// status; except is left out.
func Owners(entries []Entry, keys []string, except string) []Entry {
	var owners []Entry
	for _, e := range entries {
		if e.Subresource == "status" || e.Manager == except && e.Operation == "Apply" {
			continue
		}
		if has(e.Fields, keys) {
			owners = append(owners, e)
		}
	}
	return owners
}

// At returns the value at a path, or nil.
func At(body map[string]any, keys []string) any {
	var v any = body
	for _, key := range keys {
		v = at(v, key)
	}
	return v
}

// Owns says whether the set holds the path.
func Owns(s Set, keys []string) bool { return has(s, keys) }

// IsKey says whether a path, written as Point.Keys, is one of the fields by which
// its list tells items apart.
func IsKey(keys []string) bool {
	if len(keys) < 2 {
		return false
	}
	item, ok := itemKey(keys[len(keys)-2])
	_, is := item[keys[len(keys)-1][2:]]
	return ok && is
}

// Remove returns a copy of a manifest without the value at the path; maps that it
// leaves empty go too, for to own an empty map is to own what others put there.
func Remove(body map[string]any, keys []string) map[string]any {
	out, _ := remove(body, keys).(map[string]any)
	return out
}

func remove(v any, keys []string) any {
	key := keys[0]
	switch v := v.(type) {
	case map[string]any:
		name := key[2:]
		if key[0] != 'f' || v[name] == nil {
			return v
		}
		c := maps.Clone(v)
		if len(keys) > 1 {
			c[name] = remove(v[name], keys[1:])
		}
		if m, isMap := c[name].(map[string]any); len(keys) == 1 || isMap && len(m) == 0 {
			delete(c, name)
		}
		return c
	case []any:
		i := index(v, key)
		if i < 0 {
			return v
		}
		c := append([]any(nil), v...)
		if len(keys) == 1 {
			return append(c[:i], c[i+1:]...)
		}
		c[i] = remove(v[i], keys[1:])
		return c
	}
	return v
}

// SetAt returns a copy of a manifest with the value at the path; maps on the way
// are made, list items are not: then ok is false.
func SetAt(body map[string]any, keys []string, value any) (out map[string]any, ok bool) {
	set, ok := setAt(body, keys, value)
	out, _ = set.(map[string]any)
	return out, ok
}

func setAt(v any, keys []string, value any) (any, bool) {
	if len(keys) == 0 {
		return value, true
	}
	key := keys[0]
	if key[0] == 'f' {
		m, isMap := v.(map[string]any)
		if v != nil && !isMap {
			return v, false
		}
		c := maps.Clone(m)
		if c == nil {
			c = map[string]any{}
		}
		next, ok := setAt(m[key[2:]], keys[1:], value)
		c[key[2:]] = next
		return c, ok
	}
	list, _ := v.([]any)
	i := index(list, key)
	if i < 0 {
		return v, false
	}
	c := append([]any(nil), list...)
	next, ok := setAt(list[i], keys[1:], value)
	c[i] = next
	return c, ok
}

// OwnBut is Own without what is at the paths, which are written as Point.Keys.
func OwnBut(u *unstructured.Unstructured, manager string, paths [][]string) uint64 {
	e, ok := Applied(u, manager)
	if !ok {
		return 0
	}
	s := e.Fields
	for _, keys := range paths {
		s = less(s, keys)
	}
	return ownHash(e.APIVersion, s, u)
}

// less returns a set without a path.
func less(s Set, keys []string) Set {
	sub, ok := s.node(keys[0])
	if !ok {
		return s
	}
	c := maps.Clone(s)
	if len(keys) == 1 {
		delete(c, keys[0])
		return c
	}
	left := less(sub, keys[1:])
	if len(sub) > 0 && len(left.keys()) == 0 {
		delete(c, keys[0]) // only the container was left
		return c
	}
	c[keys[0]] = left
	return c
}
