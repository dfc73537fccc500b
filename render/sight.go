package render

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/values"
)

// sight knows where values came from, and what templates look at.
type sight struct {
	merged *values.Merged
	// values is the copy that templates are given; paths finds its mappings.
	values map[string]any
	paths  map[uintptr]string
	// given is the first layer that is not the bundle's own.
	given int
	// flags are the paths that --set and its kin set, and how.
	flags map[string]values.Place
	// strangers are the given values that the bundle's own layers know nothing of.
	strangers map[string]values.Place
	reads     map[string][]read
	// below is where the values stand among those of the bundle that was asked for;
	// others are the keys of what it depends on, dependencies the sights of those that
	// are rendered with it.
	below        string
	others       []string
	dependencies []*sight
	// watched notes all that is read, whatever was given.
	watched bool
}

// maxTold bounds the warnings of one sort.
const maxTold = 20

// read is one look at a value, while a line of output was written.
type read struct {
	path string
	line int
}

func newSight(merged *values.Merged, given int) *sight {
	s := &sight{
		merged: merged, given: given, paths: map[uintptr]string{},
		flags: map[string]values.Place{}, strangers: map[string]values.Place{}, reads: map[string][]read{},
	}
	s.values, _ = values.Copy(merged.Values).(map[string]any)
	s.index(s.values, "")
	for _, path := range merged.Paths() {
		s.sort(path)
	}
	return s
}

func (s *sight) index(v any, path string) {
	switch v := v.(type) {
	case map[string]any:
		s.paths[reflect.ValueOf(v).Pointer()] = path
		for key, item := range v {
			s.index(item, object.JoinPath(path, object.EscapeKey(key)))
		}
	case []any:
		for i, item := range v {
			s.index(item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

// sort notes a value that was given on the command line.
func (s *sight) sort(path string) {
	places := s.merged.Explain(path)
	if len(places) == 0 {
		return
	}
	last := places[len(places)-1]
	if last.Flag {
		s.flags[path] = last
	}
	if places[0].Layer >= s.given {
		s.strangers[path] = last
	}
}

// locate names a mapping of the values for error notes.
func (s *sight) locate(m map[string]any) (path, place string) {
	path, known := s.paths[reflect.ValueOf(m).Pointer()]
	if !known {
		return "", ""
	}
	if path == "" {
		return "Values", ""
	}
	for at := path; at != ""; at = parent(at) {
		if places := s.merged.Explain(at); len(places) > 0 {
			return path, places[len(places)-1].String()
		}
	}
	return path, ""
}

// parent is the path that a path is directly below; "" for the values themselves.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if (path[i] == '.' || path[i] == '[') && path[i-1] != '\\' {
			return path[:i]
		}
	}
	return ""
}

// reader notes what templates look at; nil when nobody will ask.
func (s *sight) reader() func(file string, m map[string]any, key string, line int) {
	if len(s.flags) == 0 && len(s.strangers) == 0 && !s.watched {
		return nil
	}
	return func(file string, m map[string]any, key string, line int) {
		if base, known := s.paths[reflect.ValueOf(m).Pointer()]; known {
			s.reads[file] = append(s.reads[file], read{object.JoinPath(base, object.EscapeKey(key)), line})
			return
		}
		if v, ok := m[key].(map[string]any); ok && key == "Values" && reflect.ValueOf(v).Pointer() == reflect.ValueOf(s.values).Pointer() {
			s.reads[file] = append(s.reads[file], read{"", line})
		}
	}
}

// within says whether a path is another one, or below it.
func within(path, above string) bool {
	if above == "" || path == above {
		return true
	}
	return len(path) > len(above) && strings.HasPrefix(path, above) && (path[len(above)] == '.' || path[len(above)] == '[')
}

// inOrder sorts what was read by the lines that were written meanwhile; via needs
// it so.
func (s *sight) inOrder() {
	for _, reads := range s.reads {
		slices.SortStableFunc(reads, func(a, b read) int { return cmp.Compare(a.line, b.line) })
	}
}

// via names the flags whose values an object's template read between two lines
// of the output; end 0 is the last. What was read itself counts more than what
// was read as a part of something.
func (s *sight) via(file string, start, end int) string {
	if len(s.flags) == 0 || len(s.flags) > 1000 { // that many were not typed
		return ""
	}
	exact, part := map[string]bool{}, map[string]bool{}
	reads := s.reads[file]
	first, _ := slices.BinarySearchFunc(reads, start, func(r read, line int) int { return cmp.Compare(r.line, line) })
	for _, r := range reads[first:] {
		if end > 0 && r.line >= end {
			break
		}
		if r.path == "" {
			continue
		}
		for path, place := range s.flags {
			switch {
			case r.path == path:
				exact[place.Name] = true
			case within(path, r.path), within(r.path, path):
				part[place.Name] = true
			}
		}
	}
	if len(exact) == 0 {
		exact = part
	}
	return strings.Join(slices.Sorted(maps.Keys(exact)), ", ")
}

// readPaths are what templates looked at, and all that holds some of it.
func (s *sight) readPaths() (exact, above map[string]bool) {
	exact, above = map[string]bool{}, map[string]bool{}
	for _, reads := range s.reads {
		for _, r := range reads {
			if exact[r.path] {
				continue
			}
			exact[r.path] = true
			for at := parent(r.path); at != "" && !above[at]; at = parent(at) {
				above[at] = true
			}
		}
	}
	for _, d := range s.dependencies {
		read, _ := d.readPaths()
		for path := range read {
			if within(path, "global") && path != "" {
				exact[path] = true
			}
			exact[object.JoinPath(lastKey(d.below), path)] = true
		}
	}
	return exact, above
}

// covered says whether a path, or something that it is part of, is among others.
func covered(path string, among map[string]bool) bool {
	for at := path; at != ""; at = parent(at) {
		if among[at] {
			return true
		}
	}
	return among[""]
}

// ofOther says whether a value is a dependency's, which tells of it itself, or one of
// all.
func (s *sight) ofOther(path string) bool {
	return s.below != "" && within(path, "global") ||
		slices.ContainsFunc(s.others, func(name string) bool { return within(path, name) })
}

// unused warns of given values that no template reads and no default knows:
// they are probably misspelled.
func (s *sight) unused() []Warning {
	exact, above := s.readPaths()
	for path := range s.strangers {
		if above[path] || covered(path, exact) || s.ofOther(path) {
			delete(s.strangers, path)
		}
	}
	var known []string
	for _, path := range s.merged.Paths() {
		if _, stranger := s.strangers[path]; !stranger {
			known = append(known, path)
		}
	}
	var warnings []Warning
	for i, path := range slices.Sorted(maps.Keys(s.strangers)) {
		place := s.strangers[path]
		if i == maxTold {
			return append(warnings, Warning{Source: object.Source{File: place.Name, Line: place.Line},
				Message: fmt.Sprintf("%d more values are read by no template", len(s.strangers)-i)})
		}
		message := fmt.Sprintf("%s is read by no template", object.JoinPath(s.below, path))
		if like := nearest.Name(path, known); like != "" {
			message += "; the nearest is " + object.JoinPath(s.below, like)
		}
		source := object.Source{File: place.Name, Line: place.Line}
		warnings = append(warnings, Warning{Source: source, Message: message})
	}
	return warnings
}
