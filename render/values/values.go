// Package values merges the layers of values that templates read: the bundle's
// defaults, the environment's files, then -f and --set in the order given. It
// remembers for every value the file and line, or the flag, that it came from.
// It is pure; render calls it.
package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// Kind says how a layer was given.
type Kind string

// The kinds of layers.
const (
	File      Kind = "--values"
	Set       Kind = "--set"
	SetString Kind = "--set-string"
	SetJSON   Kind = "--set-json"
	SetFile   Kind = "--set-file"
)

// MaxSize bounds the bytes of one layer, so that a mistake ends as an error.
const MaxSize = 16 << 20

// Layer is one layer of values as the user gave it.
type Layer struct {
	Kind Kind
	// Name is the file's name, or the text of the flag.
	Name string
	// Data is the content of the file: YAML for File, the raw value for SetFile.
	Data []byte
	// Below are the keys under which a file is merged: those of a subchart.
	Below []string
}

// Place is where a value was set.
type Place struct {
	// Layer is the index of the layer.
	Layer int
	// Name is the file, or the flag without its value: "--set front.image.tag".
	Name string
	// Line is the file's line, 0 for flags.
	Line int
	// Flag is true for --set and its kin.
	Flag bool
	// Removed is true when the place removed the value, by null.
	Removed bool
}

// String writes file:line, or the flag.
func (p Place) String() string {
	if p.Line == 0 {
		return p.Name
	}
	return p.Name + ":" + strconv.Itoa(p.Line)
}

// Merged are the merged values, and where each came from.
type Merged struct {
	// Values may hold json.Number where a number's spelling matters: 1.20.
	Values map[string]any
	// places are those that set a value, oldest first, by path.
	places map[string][]Place
}

// Merge merges layers, later ones over earlier ones: mappings are merged, null
// removes, all else replaces (RFC 7396). All mistakes are reported at once, as a
// join of *object.Error.
func Merge(layers []Layer) (*Merged, error) {
	m := &Merged{Values: map[string]any{}, places: map[string][]Place{}}
	var errs []error
	for i, l := range layers {
		err := l.bounded()
		switch {
		case err != nil:
		case l.Kind == File:
			err = m.file(i, l)
		default:
			err = m.flag(i, l)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return m, errors.Join(errs...)
}

func (l Layer) bounded() error {
	if len(l.Data) > MaxSize {
		return &object.Error{File: l.Name, Message: fmt.Sprintf("it is larger than %d MiB", MaxSize>>20)}
	}
	if l.Kind != File {
		return nil
	}
	if err := Bounded(l.Data); err != nil {
		return &object.Error{File: l.Name, Message: err.Error()}
	}
	return nil
}

// Explain returns the places that set the value at a path ("front.image.tag",
// "hosts[0]"), the one that counts last. A mapping has the places of its own
// lines, not those of its members.
func (m *Merged) Explain(path string) []Place { return slices.Clone(m.places[path]) }

// Below are the values below a key, as a bundle sees them that is a part of this one:
// with the global values, which are the same for all.
func (m *Merged) Below(key string) *Merged {
	own, _ := m.Values[key].(map[string]any)
	part := &Merged{Values: maps.Clone(own), places: map[string][]Place{}}
	if part.Values == nil {
		part.Values = map[string]any{}
	}
	prefix := object.EscapeKey(key) + "."
	for path, places := range m.places {
		if below, ok := strings.CutPrefix(path, prefix); ok {
			part.places[below] = places
		}
	}
	if global, ok := m.Values["global"].(map[string]any); ok {
		under, _ := part.Values["global"].(map[string]any)
		part.Values["global"] = overHelm(under, global)
		for path, places := range m.places {
			if path == "global" || strings.HasPrefix(path, "global.") {
				part.places[path] = append(slices.Clone(part.places[path]), places...)
			}
		}
	}
	return part
}

// Paths lists the paths of all values that are no mappings, sorted.
func (m *Merged) Paths() []string { return Paths(m.Values) }

// Paths lists the paths of all values that are no mappings, sorted.
func Paths(v map[string]any) []string {
	var paths []string
	leaves(v, "", &paths)
	slices.Sort(paths)
	return paths
}

func leaves(v any, path string, paths *[]string) {
	members, ok := v.(map[string]any)
	if !ok || len(members) == 0 && path != "" {
		*paths = append(*paths, path)
		return
	}
	for key, item := range members {
		leaves(item, object.JoinPath(path, object.EscapeKey(key)), paths)
	}
}

// file merges a file of values.
func (m *Merged) file(layer int, l Layer) error {
	lines := map[string]int{}
	in := object.Input{
		File: l.Name, Data: l.Data, Hide: true, Exact: true,
		Visit: func(path string, line int, _ any) { lines[path] = line },
	}
	v, err := object.DecodeMap(in)
	if err != nil {
		return err
	}
	_, hasVersion := v["apiVersion"].(string)
	_, hasKind := v["kind"].(string)
	if hasVersion && hasKind {
		return &object.Error{
			File: l.Name, Message: "this is a manifest, not values",
			Hint: "belay apply " + l.Name + " -r NAME",
		}
	}
	prefix := ""
	for _, key := range slices.Backward(l.Below) {
		v = map[string]any{key: v}
		prefix = object.EscapeKey(key) + "." + prefix
	}
	m.merge(m.Values, v, "", func(path string) Place {
		return Place{Layer: layer, Name: l.Name, Line: lines[strings.TrimPrefix(path, prefix)]}
	})
	return nil
}

// merge merges v into a mapping at path. place tells where a path was set.
func (m *Merged) merge(into, v map[string]any, path string, place func(string) Place) {
	for _, key := range slices.Sorted(maps.Keys(v)) {
		at := object.JoinPath(path, object.EscapeKey(key))
		m.put(into, key, v[key], at, place)
	}
}

// put sets one member of a mapping.
func (m *Merged) put(into map[string]any, key string, v any, at string, place func(string) Place) {
	p := place(at)
	if v == nil {
		m.forget(at, into[key])
		delete(into, key)
		p.Removed = true
		m.places[at] = append(m.places[at], p)
		return
	}
	members, ok := v.(map[string]any)
	if !ok {
		m.forget(at, into[key])
		into[key] = v
		m.places[at] = append(m.places[at], p)
		m.remember(v, at, place)
		return
	}
	old, ok := into[key].(map[string]any)
	if !ok {
		m.forget(at, into[key])
		old = map[string]any{}
		into[key] = old
	}
	if len(m.places[at]) == 0 || !ok {
		m.places[at] = append(m.places[at], p) // a mapping is where it began
	}
	m.merge(old, members, at, place)
}

// remember notes the places of what a list holds.
func (m *Merged) remember(v any, at string, place func(string) Place) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			path := at + "[" + strconv.Itoa(i) + "]"
			m.places[path] = []Place{place(path)}
			m.remember(item, path, place)
		}
	case map[string]any:
		for key, item := range v {
			path := object.JoinPath(at, object.EscapeKey(key))
			m.places[path] = []Place{place(path)}
			m.remember(item, path, place)
		}
	}
}

// forget drops the places of all that is below a path, where old stood.
func (m *Merged) forget(at string, old any) {
	drop := func(path string, item any) {
		delete(m.places, path)
		m.forget(path, item)
	}
	switch old := old.(type) {
	case map[string]any:
		for key, item := range old {
			drop(object.JoinPath(at, object.EscapeKey(key)), item)
		}
	case []any:
		for i, item := range old {
			drop(at+"["+strconv.Itoa(i)+"]", item)
		}
	}
}

// flag applies --set and its kin.
func (m *Merged) flag(layer int, l Layer) error {
	settings, err := parse(l)
	if err != nil {
		key, _, _ := strings.Cut(l.Name, "=")
		return &object.Error{File: fmt.Sprintf("%s %s", l.Kind, key), Message: err.Error()}
	}
	var errs []error
	for _, s := range settings {
		name := strings.TrimSpace(fmt.Sprintf("%s %s", l.Kind, s.key()))
		place := func(string) Place { return Place{Layer: layer, Name: name, Flag: true} }
		if err := m.set(s, place); err != nil {
			errs = append(errs, &object.Error{File: name, Message: err.Error()})
		}
	}
	return errors.Join(errs...)
}

// set applies one setting.
func (m *Merged) set(s setting, place func(string) Place) error {
	if len(s.path) == 0 {
		members, ok := s.value.(map[string]any)
		if !ok {
			return errors.New("a mapping is expected")
		}
		m.merge(m.Values, members, "", place)
		return nil
	}
	_, err := m.descend(m.Values, s.path, s.value, "", place)
	return err
}

// descend sets a value below in, which it returns changed.
func (m *Merged) descend(in any, path []any, v any, at string, place func(string) Place) (any, error) {
	if index, ok := path[0].(int); ok {
		return m.descendList(in, index, path, v, at, place)
	}
	key, _ := path[0].(string)
	members, ok := in.(map[string]any)
	if !ok {
		if in != nil {
			return nil, fmt.Errorf("%s is %s, not a mapping%s", at, object.Describe(in), m.from(at))
		}
		members = map[string]any{}
	}
	below := object.JoinPath(at, object.EscapeKey(key))
	if len(path) == 1 {
		m.put(members, key, v, below, place)
		return members, nil
	}
	child, err := m.descend(members[key], path[1:], v, below, place)
	if err != nil {
		return nil, err
	}
	if members[key] == nil {
		m.places[below] = append(m.places[below], place(below))
	}
	members[key] = child
	return members, nil
}

func (m *Merged) descendList(in any, index int, path []any, v any, at string, place func(string) Place) (any, error) {
	list, ok := in.([]any)
	if !ok && in != nil {
		return nil, fmt.Errorf("%s is %s, not a list%s", at, object.Describe(in), m.from(at))
	}
	if index > len(list) {
		return nil, fmt.Errorf("index %d is outside a list of %d%s; [%d] appends", index, len(list), m.from(at), len(list))
	}
	if index == len(list) {
		list = append(slices.Clone(list), nil)
	}
	below := fmt.Sprintf("%s[%d]", at, index)
	if len(path) == 1 {
		m.forget(below, list[index])
		list[index] = v
		m.places[below] = append(m.places[below], place(below))
		m.remember(v, below, place)
		return list, nil
	}
	child, err := m.descend(list[index], path[1:], v, below, place)
	if err != nil {
		return nil, err
	}
	list[index] = child
	return list, nil
}

// from writes where a value was set, for messages.
func (m *Merged) from(path string) string {
	if places := m.places[path]; len(places) > 0 {
		return " (" + places[len(places)-1].String() + ")"
	}
	return ""
}

// Copy copies a value deeply.
func Copy(v any) any { return walk(v, func(n json.Number) any { return n }) }

// Plain copies a value deeply into what JSON can hold: a number that JSON spells
// otherwise (0777, 0x1F) becomes the number that it is.
func Plain(v any) any {
	return walk(v, func(n json.Number) any {
		if json.Valid([]byte(n)) {
			return n
		}
		if plain, ok := object.Scalar(string(n), false); ok {
			return plain
		}
		return string(n)
	})
}

func walk(v any, number func(json.Number) any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v)
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = walk(item, number)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = walk(item, number)
		}
		return l
	}
	return v
}
