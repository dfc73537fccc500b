package fields

import (
	"encoding/json"
	"sort"
	"strings"
)

// Set is a set of field paths as FieldsV1 writes it, decoded: a tree whose keys
// are "f:name" (a field), "k:{…}" (the list item with these keys), "v:…" (the
// member of a set) and "." (the node itself, where it has children too). A node
// without children is a member: its whole value is meant. Keys are compared as
// text, for the server writes them in one canonical form.
type Set map[string]any

// node returns the subtree under key.
func (s Set) node(key string) (Set, bool) {
	v, ok := s[key]
	if !ok {
		return nil, false
	}
	m, _ := v.(map[string]any)
	if m == nil {
		m, _ = v.(Set)
	}
	return m, true
}

// leaf says that the node means its whole value.
func (s Set) leaf() bool {
	if len(s) == 0 {
		return true
	}
	_, self := s["."]
	return self && len(s) == 1
}

// self says that the node itself is a member.
func (s Set) self() bool {
	if len(s) == 0 {
		return true
	}
	_, self := s["."]
	return self
}

// keys returns the keys of the children, sorted.
func (s Set) keys() []string {
	keys := make([]string, 0, len(s))
	for key := range s {
		if key != "." {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// Union returns the paths that are in a or in b.
func Union(a, b Set) Set {
	u := make(Set, len(a)+len(b))
	for key := range a {
		sub, _ := a.node(key)
		if other, both := b.node(key); both && key != "." {
			u[key] = join(sub, other)
		} else {
			u[key] = sub
		}
	}
	for key := range b {
		if _, done := u[key]; !done {
			u[key], _ = b.node(key)
		}
	}
	return u
}

// join is Union for nodes, where being empty means being a member.
func join(a, b Set) Set {
	if len(a) == 0 && len(b) == 0 {
		return Set{}
	}
	u := Union(a, b)
	if a.self() || b.self() {
		u["."] = Set{}
	}
	return u
}

// Minus returns the paths of a that are not in b.
func Minus(a, b Set) Set {
	rest := Set{}
	for key := range a {
		if key == "." {
			continue
		}
		sub, _ := a.node(key)
		other, both := b.node(key)
		switch {
		case !both:
			rest[key] = sub
		case len(sub) == 0:
			if !other.self() {
				rest[key] = Set{}
			}
		default:
			left := Minus(sub, other)
			if sub.self() && !other.self() {
				left["."] = Set{}
			}
			if len(left) > 0 {
				rest[key] = left
			}
		}
	}
	return rest
}

// Without returns s less what is at the path, which consists of field names.
// s is not changed.
func (s Set) Without(path ...string) Set {
	key := "f:" + path[0]
	sub, ok := s.node(key)
	if !ok {
		return s
	}
	c := make(Set, len(s))
	for k, v := range s {
		c[k] = v
	}
	if len(path) == 1 {
		delete(c, key)
		return c
	}
	less := sub.Without(path[1:]...)
	if len(sub) > 0 && len(less.keys()) == 0 {
		delete(c, key) // nothing but the container was left
	} else {
		c[key] = less
	}
	return c
}

// Of guesses the set that an apply of a manifest would own, where the server
// cannot be asked. like tells which of its lists have keys and which of its maps
// are owned whole; lists that it does not know are taken whole.
func Of(v any, like Set) Set {
	return guess(v, like, len(like) > 0)
}

func guess(v any, like Set, known bool) Set {
	s := Set{}
	if known && like.leaf() {
		return s
	}
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			sub, known := like.node("f:" + name)
			s["f:"+name] = guess(item, sub, known)
		}
		if len(s) > 0 {
			s["."] = Set{}
		}
	case []any:
		names := keyNames(like)
		if names == nil {
			return s
		}
		for _, item := range v {
			key, ok := keyOf(item, names)
			if !ok {
				return Set{}
			}
			sub, known := like.node(key)
			s[key] = guess(item, sub, known)
		}
	}
	return s
}

// keyNames returns the names of the fields that key the list's items, or nil.
func keyNames(s Set) []string {
	for key := range s {
		if fields, ok := itemKey(key); ok {
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			sort.Strings(names)
			return names
		}
	}
	return nil
}

// keyOf writes the key of a list item as FieldsV1 does.
func keyOf(item any, names []string) (string, bool) {
	m, ok := item.(map[string]any)
	if !ok {
		return "", false
	}
	key := make(map[string]any, len(names))
	for _, name := range names {
		v, ok := m[name]
		if !ok {
			if v, ok = keyDefault(name); !ok {
				return "", false
			}
		}
		key[name] = v
	}
	data, err := json.Marshal(key)
	return "k:" + string(data), err == nil
}

// keyDefault is the value that the server gives a key field left out: of the
// built-in kinds only ports have one.
func keyDefault(name string) (any, bool) {
	if name == "protocol" {
		return "TCP", true
	}
	return nil, false
}

// itemKey reads "k:{…}".
func itemKey(key string) (map[string]any, bool) {
	data, ok := strings.CutPrefix(key, "k:")
	if !ok {
		return nil, false
	}
	var m map[string]any
	if name, value, ok := simpleKey(data); ok {
		return map[string]any{name: value}, true
	}
	err := json.Unmarshal([]byte(data), &m)
	return m, err == nil
}

// simpleKey reads {"name":"value"}, which most keys are, without a JSON decoder.
func simpleKey(data string) (name, value string, ok bool) {
	data, ok = strings.CutPrefix(data, `{"`)
	if !ok {
		return "", "", false
	}
	name, value, ok = strings.Cut(data, `":"`)
	if !ok {
		return "", "", false
	}
	value, ok = strings.CutSuffix(value, `"}`)
	if !ok || strings.ContainsAny(name, `"\`) || strings.ContainsAny(value, `"\`) {
		return "", "", false
	}
	return name, value, true
}

// find returns the index of the item with the key, or -1.
func find(list []any, key map[string]any) int {
	for i, item := range list {
		m, ok := item.(map[string]any)
		if ok && hasKey(m, key) {
			return i
		}
	}
	return -1
}

func hasKey(m, key map[string]any) bool {
	for name, want := range key {
		got, ok := m[name]
		if !ok {
			got, _ = keyDefault(name)
		}
		if !Equal(got, want) {
			return false
		}
	}
	return true
}

// member returns the index of a set's member "v:…", or -1.
func member(list []any, key string) int {
	var want any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(key, "v:")), &want); err != nil {
		return -1
	}
	for i, item := range list {
		if Equal(item, want) {
			return i
		}
	}
	return -1
}

// at returns the value under a key of a set, or nil.
func at(v any, key string) any {
	switch {
	case strings.HasPrefix(key, "f:"):
		m, _ := v.(map[string]any)
		return m[key[2:]]
	case strings.HasPrefix(key, "k:"), strings.HasPrefix(key, "v:"):
		list, _ := v.([]any)
		if i := index(list, key); i >= 0 {
			return list[i]
		}
	}
	return nil
}

// index finds the item that a key "k:…" or "v:…" means, or -1.
func index(list []any, key string) int {
	if len(list) == 0 {
		return -1
	}
	if strings.HasPrefix(key, "v:") {
		return member(list, key)
	}
	fields, ok := itemKey(key)
	if !ok {
		return -1
	}
	return find(list, fields)
}
