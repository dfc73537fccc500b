package fields

// Difference is one path at which two states of an object differ, or at which
// only its ownership does.
type Difference struct {
	Path string
	// From and To are nil where there is no value.
	From, To any
	// Ownership is true when the values are equal.
	Ownership bool
	// Given is true when the value is not the owner's any more: the server's.
	Given bool
}

// Diff compares two states of an object at the paths that are owned before or
// after. A list item that comes or goes is one difference, less what is not owned.
func Diff(before, after Set, live, merged map[string]any) []Difference {
	var found []Difference
	walk(Union(before, after), Point{A: live, B: merged}, func(p Point, s Set) bool {
		item := p.Keys[len(p.Keys)-1][0] != 'f'
		switch {
		case p.A == nil && p.B == nil:
			return false
		case s.leaf() || mismatch(p.A, p.B) || item && (p.A == nil || p.B == nil):
			if !Equal(p.A, p.B) {
				found = append(found, Difference{Path: p.Path, From: project(p.A, s), To: project(p.B, s), Given: p.B != nil && !has(after, p.Keys)})
			} else if has(before, p.Keys) != has(after, p.Keys) {
				found = append(found, Difference{Path: p.Path, From: p.A, To: p.B, Ownership: true})
			}
			return false
		}
		return true
	})
	return found
}

// mismatch says that two values cannot be walked together.
func mismatch(a, b any) bool {
	return a != nil && b != nil && shape(a) != shape(b)
}

func shape(v any) int {
	switch v.(type) {
	case map[string]any:
		return 1
	case []any:
		return 2
	default:
		return 0
	}
}

// has says whether the path is a member of the set.
func has(s Set, keys []string) bool {
	for _, key := range keys {
		sub, ok := s.node(key)
		if !ok {
			return false
		}
		s = sub
	}
	return s.self()
}

// project cuts a value down to what is in the set.
func project(v any, s Set) any {
	if s.leaf() {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for name, item := range v {
			if sub, ok := s.node("f:" + name); ok {
				m[name] = project(item, sub)
			}
		}
		return m
	case []any:
		list := []any{}
		for _, c := range children(s, nil, v) {
			if c.b != nil {
				sub, _ := s.node(c.key)
				list = append(list, project(c.b, sub))
			}
		}
		return list
	default:
		return v
	}
}

// Put sets the value at a path of a manifest; false when the path is not there.
// The manifest is changed in place.
func Put(body map[string]any, keys []string, value any) bool {
	var v any = body
	for i, key := range keys {
		if i < len(keys)-1 {
			if v = at(v, key); v == nil {
				return false
			}
			continue
		}
		m, ok := v.(map[string]any)
		if !ok || key[0] != 'f' {
			return false
		}
		if _, there := m[key[2:]]; !there {
			return false
		}
		m[key[2:]] = value
	}
	return len(keys) > 0
}
