package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/belay-sh/belay/internal/object"
)

// SetLiteral is a flag whose value is taken as it is, commas and braces too.
const SetLiteral Kind = "--set-literal"

// helmOrder is the order in which Helm takes its families of flags, whatever the
// order on the command line.
var helmOrder = []Kind{SetJSON, Set, SetString, SetFile, SetLiteral}

// InHelmOrder sorts layers as Helm takes them: files, then the flags by family.
func InHelmOrder(layers []Layer) []Layer {
	sorted := slices.Clone(layers)
	slices.SortStableFunc(sorted, func(a, b Layer) int {
		return slices.Index(helmOrder, a.Kind) - slices.Index(helmOrder, b.Kind)
	})
	return sorted
}

// MergeHelm merges layers by Helm's rules: files in their order, then the flags
// by family. Null stays, for it removes what a chart has. read reads a file.
// All mistakes are reported at once, as a join of *object.Error.
func MergeHelm(layers []Layer, read func([]byte) (map[string]any, error)) (map[string]any, error) {
	all := map[string]any{}
	var errs []error
	for _, l := range layers {
		if l.Kind != File {
			continue
		}
		if err := l.bounded(); err != nil {
			errs = append(errs, err)
			continue
		}
		one, err := read(l.Data)
		if err != nil {
			errs = append(errs, &object.Error{File: l.Name, Message: err.Error()})
			continue
		}
		all = overHelm(all, one)
	}
	for _, kind := range helmOrder {
		for _, l := range layers {
			if l.Kind != kind {
				continue
			}
			var err error
			if all, err = setHelm(all, l); err != nil {
				key, _, _ := strings.Cut(l.Name, "=")
				errs = append(errs, &object.Error{File: fmt.Sprintf("%s %s", l.Kind, key), Message: err.Error()})
			}
		}
	}
	return all, errors.Join(errs...)
}

// overHelm merges b over a: mappings are merged, all else is replaced.
func overHelm(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	for key, v := range b {
		over, isTable := v.(map[string]any)
		under, wasTable := out[key].(map[string]any)
		if isTable && wasTable {
			v = overHelm(under, over)
		}
		out[key] = v
	}
	return out
}

func setHelm(all map[string]any, l Layer) (map[string]any, error) {
	if text := strings.TrimSpace(l.Name); l.Kind == SetJSON && strings.HasPrefix(text, "{") {
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return all, errors.New("the value is not valid JSON")
		}
		return overHelm(all, m), nil
	}
	s := &helmScanner{text: []rune(l.Name), layer: l}
	for {
		err := s.key(all, 0)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// Helm's bounds.
const (
	maxHelmIndex = 65536
	maxHelmDepth = 30
)

// helmScanner reads the text of a flag as Helm does, quirks included, and sets
// what it says while it reads. Its errors never quote values.
type helmScanner struct {
	text  []rune
	at    int
	layer Layer
}

func (s *helmScanner) literal() bool { return s.layer.Kind == SetLiteral }

// until reads up to one of the ends, which it takes; at the end of the text it
// returns io.EOF.
func (s *helmScanner) until(ends string) ([]rune, rune, error) {
	var out []rune
	for s.at < len(s.text) {
		r := s.text[s.at]
		s.at++
		switch {
		case strings.ContainsRune(ends, r):
			return out, r, nil
		case r == '\\' && !s.literal():
			if s.at >= len(s.text) {
				return out, 0, io.EOF
			}
			out = append(out, s.text[s.at])
			s.at++
		default:
			out = append(out, r)
		}
	}
	return out, 0, io.EOF
}

// key reads one key, and what it is set to, into a mapping.
func (s *helmScanner) key(in map[string]any, depth int) error {
	ends := "=[,."
	if s.literal() {
		ends = "=[."
	}
	name, end, err := s.until(ends)
	key := string(name)
	if err != nil {
		if key == "" {
			return err
		}
		return fmt.Errorf("the key %q has no value", key)
	}
	put := func(v any) {
		if key != "" {
			in[key] = v
		}
	}
	switch end {
	case '[':
		index, err := s.index()
		if err != nil {
			return err
		}
		list := []any{}
		if have, there := in[key]; there {
			var ok bool
			if list, ok = have.([]any); !ok {
				return fmt.Errorf("%s is %s, not a list", key, object.Describe(have))
			}
		}
		list, err = s.item(list, index, depth)
		put(list)
		return err
	case '=':
		v, err := s.value()
		if err == nil || errors.Is(err, io.EOF) {
			put(v)
		}
		return err
	case ',':
		put("")
		return fmt.Errorf(`the key %q has no value: write \, for a comma in a value`, key)
	}
	if depth++; depth > maxHelmDepth {
		return fmt.Errorf("more than %d keys deep", maxHelmDepth)
	}
	inner, ok := in[key].(map[string]any)
	if have, there := in[key]; there && !ok {
		return fmt.Errorf("%s is %s, not a mapping", key, object.Describe(have))
	}
	if inner == nil {
		inner = map[string]any{}
	}
	err = s.key(inner, depth)
	if err == nil && len(inner) == 0 {
		return fmt.Errorf("the key %q has no value", key)
	}
	if len(inner) != 0 {
		put(inner)
	}
	return err
}

func (s *helmScanner) index() (int, error) {
	digits, _, err := s.until("]")
	if err != nil {
		return 0, errors.New(`"[" without "]"`)
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 || n > maxHelmIndex {
		return 0, fmt.Errorf("%q is no index", string(digits))
	}
	return n, nil
}

// item reads what follows an index, and sets it in a list.
func (s *helmScanner) item(list []any, index, depth int) ([]any, error) {
	name, end, err := s.until("[.=")
	if len(name) > 0 {
		return list, errors.New(`"]" must be followed by ".", "[" or "="`)
	}
	if err != nil {
		return list, err
	}
	switch end {
	case '=':
		v, err := s.value()
		if err != nil && !errors.Is(err, io.EOF) {
			return list, err
		}
		return setItem(list, index, v), nil
	case '[':
		next, err := s.index()
		if err != nil {
			return list, err
		}
		var inner []any
		if index < len(list) && list[index] != nil {
			var ok bool
			if inner, ok = list[index].([]any); !ok {
				return list, fmt.Errorf("[%d] is %s, not a list", index, object.Describe(list[index]))
			}
		}
		if inner, err = s.item(inner, next, depth); err != nil {
			return list, err
		}
		return setItem(list, index, inner), nil
	}
	inner := map[string]any{}
	if index < len(list) {
		if have, ok := list[index].(map[string]any); ok {
			inner = have
		} else {
			list[index] = inner
		}
	}
	if err := s.key(inner, depth); err != nil {
		return list, err
	}
	return setItem(list, index, inner), nil
}

// setItem sets an item of a list, which grows by nulls.
func setItem(list []any, index int, v any) []any {
	for len(list) <= index {
		list = append(list, nil)
	}
	list[index] = v
	return list
}

// value reads a value. io.EOF comes with the text's last one.
func (s *helmScanner) value() (any, error) {
	switch s.layer.Kind {
	case SetJSON:
		return s.jsonValue()
	case SetLiteral:
		text := string(s.text[s.at:])
		s.at = len(s.text)
		return text, nil
	}
	if s.at >= len(s.text) {
		return "", io.EOF
	}
	if s.text[s.at] == '{' {
		s.at++
		return s.list()
	}
	text, _, err := s.until(",")
	v := s.typed(text)
	if errors.Is(err, io.EOF) {
		err = nil // the next key finds the end
	}
	return v, err
}

func (s *helmScanner) list() (any, error) {
	list := []any{}
	for {
		text, end, err := s.until(",}")
		if err != nil {
			return nil, errors.New(`"{" without "}"`)
		}
		list = append(list, s.typed(text))
		if end == '}' {
			if s.at < len(s.text) && s.text[s.at] == ',' {
				s.at++
			}
			return list, nil
		}
	}
}

// typed reads true, false, null and whole numbers, in any case of letters; what
// begins with a zero stays a string.
func (s *helmScanner) typed(text []rune) any {
	v := string(text)
	switch s.layer.Kind {
	case SetFile:
		return string(s.layer.Data)
	case SetString:
		return v
	}
	switch {
	case strings.EqualFold(v, "true"):
		return true
	case strings.EqualFold(v, "false"):
		return false
	case strings.EqualFold(v, "null"):
		return nil
	case v == "0":
		return int64(0)
	case v != "" && v[0] != '0':
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			return i
		}
	}
	return v
}

func (s *helmScanner) jsonValue() (any, error) {
	if s.blank() {
		return nil, nil
	}
	rest := string(s.text[s.at:])
	dec := json.NewDecoder(strings.NewReader(rest))
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("the value is not valid JSON")
	}
	s.at += len([]rune(rest[:dec.InputOffset()]))
	s.blank()
	return v, nil
}

// blank skips spaces and the comma after them, and says whether nothing else is
// before it.
func (s *helmScanner) blank() bool {
	for s.at < len(s.text) {
		r := s.text[s.at]
		if r == ',' {
			s.at++
			return true
		}
		if !unicode.IsSpace(r) {
			return false
		}
		s.at++
	}
	return true
}
