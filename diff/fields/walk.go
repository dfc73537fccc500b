package fields

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Point is one path of a set, met on a walk over two objects.
type Point struct {
	// Path is for people; Keys are the keys of the set that lead here.
	Path string
	Keys []string
	// A and B are the values there; nil where there is none.
	A, B any
}

// Walk calls fn for the members of s, in the order of the objects: fields by
// name, items in the order of b's list, then a's. When fn is called for a node
// that is more than a leaf, whole is false.
func Walk(s Set, a, b any, fn func(p Point, whole bool)) {
	walk(s, Point{A: a, B: b}, func(p Point, sub Set) bool {
		if sub.self() {
			fn(p, sub.leaf())
		}
		return true
	})
}

// walk visits all nodes below s; visit says whether to go deeper.
func walk(s Set, p Point, visit func(Point, Set) bool) {
	for _, c := range children(s, p.A, p.B) {
		sub, _ := s.node(c.key)
		next := Point{A: c.a, B: c.b}
		next.Path = extend(p, c, next)
		next.Keys = append(p.Keys[:len(p.Keys):len(p.Keys)], c.key)
		if visit(next, sub) {
			walk(sub, next, visit)
		}
	}
}

// child is a child of a node and its values in two objects.
type child struct {
	key   string
	a, b  any
	place int            // in the lists
	item  map[string]any // the keys of a list item
}

// children returns the children of a node as the objects have them: fields by
// name, items in the order of b's list, then a's.
func children(s Set, a, b any) []child {
	keys := s.keys()
	all := make([]child, len(keys))
	listA, isA := a.([]any)
	listB, isB := b.([]any)
	mapA, _ := a.(map[string]any)
	mapB, _ := b.(map[string]any)
	for i, key := range keys {
		c := &all[i]
		c.key = key
		if name, ok := strings.CutPrefix(key, "f:"); ok {
			c.a, c.b = mapA[name], mapB[name]
			continue
		}
		c.item, _ = itemKey(key)
		c.place = len(listA) + len(listB)
		if j := c.index(listA); j >= 0 {
			c.a, c.place = listA[j], len(listB)+j
		}
		if j := c.index(listB); j >= 0 {
			c.b, c.place = listB[j], j
		}
	}
	if isA || isB {
		sort.SliceStable(all, func(i, j int) bool { return all[i].place < all[j].place })
	}
	return all
}

func (c *child) index(list []any) int {
	switch {
	case len(list) == 0:
		return -1
	case c.item != nil:
		return find(list, c.item)
	case strings.HasPrefix(c.key, "v:"):
		return member(list, c.key)
	}
	return -1
}

// extend writes the path one key longer.
func extend(parent Point, c child, p Point) string {
	switch {
	case strings.HasPrefix(c.key, "f:"):
		return field(parent, c.key[2:], p)
	case strings.HasPrefix(c.key, "v:"):
		return parent.Path + "[" + strings.Trim(c.key[2:], `"`) + "]"
	default:
		return parent.Path + "[" + itemName(c.item, p) + "]"
	}
}

func field(parent Point, name string, p Point) string {
	switch {
	case parent.Path == "":
		return name
	case plain(name), flat(parent.Path, p):
		return parent.Path + "." + name
	default:
		return parent.Path + "[" + name + "]"
	}
}

// plain says that a name cannot be mistaken for several.
func plain(name string) bool { return name != "" && !strings.ContainsAny(name, "./[] ") }

// flat says that the parent is the data of a ConfigMap or Secret: a map of
// strings, below which nothing else can be, so that dots in names do no harm.
func flat(parent string, p Point) bool {
	if parent != "data" && parent != "binaryData" && parent != "stringData" {
		return false
	}
	_, a := p.A.(string)
	_, b := p.B.(string)
	return a || b
}

// itemName names a list item: by its one key, else by its name, else by all keys.
func itemName(fields map[string]any, p Point) string {
	if len(fields) == 1 {
		for _, v := range fields {
			return scalar(v)
		}
	}
	for _, v := range []any{p.B, p.A} {
		m, _ := v.(map[string]any)
		if name, ok := m["name"].(string); ok && name != "" {
			return name
		}
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	var parts []string
	for _, name := range names {
		if def, ok := keyDefault(name); !ok || !Equal(def, fields[name]) {
			parts = append(parts, scalar(fields[name]))
		}
	}
	return strings.Join(parts, "/")
}

func scalar(v any) string {
	if f, ok := v.(float64); ok && f == math.Trunc(f) {
		return strconv.FormatInt(int64(f), 10)
	}
	return fmt.Sprint(v)
}

// Equal compares two JSON values; 1 and 1.0 are equal.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for key, v := range a {
			other, ok := m[key]
			if !ok || !Equal(v, other) {
				return false
			}
		}
		return true
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !Equal(a[i], l[i]) {
				return false
			}
		}
		return true
	case int64:
		switch b := b.(type) {
		case int64:
			return a == b
		case float64:
			return float64(a) == b
		}
		return false
	case float64:
		switch b := b.(type) {
		case int64:
			return a == float64(b)
		case float64:
			return a == b
		}
		return false
	default:
		switch b.(type) {
		case map[string]any, []any:
			return false
		}
		return a == b
	}
}
