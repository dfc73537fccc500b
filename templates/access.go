package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"github.com/belay-sh/belay/internal/nearest"
)

// field follows a chain of names. What does not exist is reported, and rendering
// goes on with an empty string, so that the file's other mistakes are found too.
func (r *renderer) field(number int, v any, args ...any) (any, error) {
	s := &r.set.sites[number]
	pos := s.first
	for i, name := range s.fields {
		last := i == len(s.fields)-1
		if v == nil {
			if i == 0 && s.asking {
				return nil, nil
			}
			return r.absent(s, pos, -1, "there is nothing to look into", "")
		}
		next, found, err := r.member(v, name, last, args)
		if err != nil {
			return nil, s.source.callError(r, pos+1, name, err)
		}
		if !found || next == nil {
			_, hasMembers := mapping(v)
			if last && s.asking && hasMembers {
				return nil, nil
			}
			message, note := "no such value", r.members(s, i, v)
			if !hasMembers {
				message, note = "no such value: "+s.before(i)+" is "+kindWord(v), ""
			} else if found {
				message, note = "the value is null", ""
			}
			return r.absent(s, pos+1, i, message, note)
		}
		v = next
		pos += parse.Pos(len(name) + 1)
	}
	return v, nil
}

// before writes a chain up to its i-th name, for people.
func (s *site) before(i int) string {
	if i == 0 {
		if dot := strings.LastIndex(s.name, "."+s.fields[0]); dot > 0 && len(s.fields) == 1 {
			return s.name[:dot]
		}
		return "."
	}
	return s.fields[i-1]
}

// absent reports that the i-th name of a chain stands for nothing.
func (r *renderer) absent(s *site, pos parse.Pos, i int, message, note string) (any, error) {
	width := 1
	if i >= 0 && i < len(s.fields) {
		width = utf8.RuneCountInString(s.fields[i])
	}
	e := s.source.errorAt(max(0, pos), width, "%s: %s", s.name, message)
	e.Note = note
	r.missing++
	r.report(r.traced(e))
	return "", nil
}

func (s *source) callError(r *renderer, pos parse.Pos, name string, err error) error {
	return r.traced(s.errorAt(pos, utf8.RuneCountInString(name), "%s: %s", name, err))
}

// member looks one name up: a mapping's key, else a method, which is called, or
// a field of a struct.
func (r *renderer) member(v any, name string, last bool, args []any) (any, bool, error) {
	if m, ok := v.(map[string]any); ok {
		value, found := m[name]
		if found && last && r.options.Read != nil {
			r.options.Read(r.name, m, name, r.top.rendered())
		}
		if len(args) > 0 && last {
			return nil, true, errors.New("it is a value, and takes no arguments")
		}
		return value, found, nil
	}
	rv := reflect.ValueOf(v)
	if method := rv.MethodByName(name); method.IsValid() {
		if !last {
			args = nil
		}
		out, err := call(method, args)
		return out, true, err
	}
	if rv.Kind() == reflect.Struct {
		if f := rv.FieldByName(name); f.IsValid() && f.CanInterface() {
			return f.Interface(), true, nil
		}
		return nil, false, nil
	}
	if rv.Kind() == reflect.Map && rv.Type().Key().Kind() == reflect.String {
		item := rv.MapIndex(reflect.ValueOf(name).Convert(rv.Type().Key()))
		if item.IsValid() {
			return item.Interface(), true, nil
		}
	}
	return nil, false, nil
}

// mapping lists the names that a value has.
func mapping(v any) ([]string, bool) {
	if m, ok := v.(map[string]any); ok {
		return slices.Sorted(maps.Keys(m)), true
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Map:
		var names []string
		for _, key := range rv.MapKeys() {
			names = append(names, fmt.Sprint(key.Interface()))
		}
		slices.Sort(names)
		return names, true
	case reflect.Struct:
		var names []string
		for i := range rv.NumField() {
			if rv.Type().Field(i).IsExported() {
				names = append(names, rv.Type().Field(i).Name)
			}
		}
		return names, true
	}
	return nil, false
}

// maxMembers bounds the names that a note lists.
const maxMembers = 8

// members writes what there is instead of a chain's i-th name: "front has:
// image, replicas (values.yaml:3)".
func (r *renderer) members(s *site, i int, v any) string {
	names, ok := mapping(v)
	if !ok {
		return ""
	}
	owner, place := "this", ""
	if i > 0 {
		owner = s.fields[i-1]
	} else if variable, _, ok := strings.Cut(s.name, "."); ok && len(variable) > 1 && variable[0] == '$' {
		owner = variable
	}
	if m, isMap := v.(map[string]any); isMap {
		if r.options.Locate != nil {
			var path string
			path, place = r.options.Locate(m)
			if i == 0 && path != "" {
				owner = path
			}
		}
	}
	return listing(owner, s.fields[i], names, place)
}

func listing(owner, wanted string, names []string, place string) string {
	var out string
	switch {
	case len(names) == 0:
		out = owner + " is empty"
	case len(names) <= maxMembers:
		out = owner + " has: " + strings.Join(names, ", ")
	default:
		like := slices.Clone(names)
		slices.SortStableFunc(like, func(a, b string) int { return nearest.Distance(wanted, a) - nearest.Distance(wanted, b) })
		out = fmt.Sprintf("%s has: %s, … (%d)", owner, strings.Join(like[:maxMembers-1], ", "), len(names))
	}
	if place != "" {
		out += " (" + place + ")"
	}
	return out
}

// index is text/template's, but what does not exist is an error.
func (r *renderer) index(number int, v any, keys ...any) (any, error) {
	s := &r.set.sites[number]
	for i, key := range keys {
		if v == nil {
			return nil, errors.New("nothing to look into")
		}
		next, found, err := r.item(v, key)
		if err != nil {
			return nil, err
		}
		if !found || next == nil {
			if i == len(keys)-1 && s.asking {
				return nil, nil
			}
			names, _ := mapping(v)
			place := ""
			if m, ok := v.(map[string]any); ok && r.options.Locate != nil {
				_, place = r.options.Locate(m)
			}
			e := s.source.errorAt(s.pos, len("index"), "index %q: no such value", fmt.Sprint(key))
			e.Note = listing("it", fmt.Sprint(key), names, place)
			r.missing++
			r.report(r.traced(e))
			return "", nil
		}
		v = next
	}
	return v, nil
}

func (r *renderer) item(v, key any) (any, bool, error) {
	if m, ok := v.(map[string]any); ok {
		name, isText := key.(string)
		if !isText {
			name = fmt.Sprint(key)
		}
		if r.options.Read != nil {
			r.options.Read(r.name, m, name, r.top.rendered())
		}
		value, found := m[name]
		return value, found, nil
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array, reflect.String:
		n, ok := integer(key)
		if !ok {
			return nil, false, errors.New("a list is indexed by a whole number")
		}
		if n < 0 || n >= rv.Len() {
			return nil, false, fmt.Errorf("%d is outside a list of %d", n, rv.Len())
		}
		return rv.Index(n).Interface(), true, nil
	case reflect.Map:
		k := reflect.ValueOf(key)
		if !k.IsValid() || !k.Type().ConvertibleTo(rv.Type().Key()) {
			return nil, false, nil
		}
		if item := rv.MapIndex(k.Convert(rv.Type().Key())); item.IsValid() {
			return item.Interface(), true, nil
		}
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("%s cannot be indexed", kindWord(v))
}

// kindWord says what a value is in the words of YAML.
func kindWord(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "a string"
	}
	return "a number"
}
