package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// setting is one assignment of a flag: keys (string) and indices (int), and the value.
type setting struct {
	path  []any
	value any
}

// key writes the setting's path as the user wrote it.
func (s setting) key() string {
	out := ""
	for _, e := range s.path {
		switch e := e.(type) {
		case string:
			out = object.JoinPath(out, object.EscapeKey(e))
		case int:
			out += "[" + strconv.Itoa(e) + "]"
		}
	}
	return out
}

// maxPath bounds the depth, and maxIndex the indices, of a setting.
const (
	maxPath  = 100
	maxIndex = 65536
)

// scanner reads the text of a flag. Its errors never quote values.
type scanner struct {
	text string
	at   int
}

// parse reads the text of a flag in Helm's syntax: a.b=c,d[0].e={x,y}.
func parse(l Layer) ([]setting, error) {
	s := &scanner{text: l.Name}
	if l.Kind == SetJSON && strings.HasPrefix(strings.TrimSpace(l.Name), "{") {
		v, err := s.json()
		if err == nil && s.at < len(s.text) {
			err = errors.New("something follows the JSON")
		}
		return []setting{{value: v}}, err
	}
	var all []setting
	for {
		path, err := s.path()
		if err != nil {
			return nil, err
		}
		v, err := s.valueFor(l)
		if err != nil {
			return nil, err
		}
		all = append(all, setting{path, v})
		if s.at >= len(s.text) {
			return all, nil
		}
		s.at++ // the comma
		if s.at >= len(s.text) {
			return all, nil
		}
	}
}

func (s *scanner) valueFor(l Layer) (any, error) {
	switch l.Kind {
	case SetFile:
		s.at = len(s.text)
		return string(l.Data), nil
	case SetLiteral:
		text := s.text[s.at:]
		s.at = len(s.text)
		return text, nil
	case SetJSON:
		v, err := s.json()
		if err == nil && s.at < len(s.text) && s.text[s.at] != ',' {
			err = errors.New("something follows the JSON")
		}
		return v, err
	case SetString:
		return s.value(func(text string) any { return text })
	}
	return s.value(typed)
}

// path reads keys and indices up to the "=".
func (s *scanner) path() ([]any, error) {
	var path []any
	for {
		key, end, err := s.key()
		if err != nil {
			return nil, err
		}
		if key == "" {
			return nil, errors.New("an empty key")
		}
		path = append(path, key)
		for end == '[' {
			index, err := s.index()
			if err != nil {
				return nil, err
			}
			path = append(path, index)
			if end, err = s.afterIndex(); err != nil {
				return nil, err
			}
		}
		if len(path) > maxPath {
			return nil, fmt.Errorf("more than %d keys deep", maxPath)
		}
		if end == '=' {
			return path, nil
		}
	}
}

// key reads up to one of . [ = and says which it was.
func (s *scanner) key() (string, byte, error) {
	var b strings.Builder
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case '\\':
			if s.at++; s.at < len(s.text) {
				b.WriteByte(s.text[s.at])
			}
		case '.', '[', '=':
			s.at++
			return b.String(), c, nil
		case ',':
			return "", 0, fmt.Errorf(`the key %q has no value: write \, for a comma in a value`, b.String())
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, fmt.Errorf("the key %q has no value", b.String())
}

func (s *scanner) index() (int, error) {
	digits, _, ok := strings.Cut(s.text[s.at:], "]")
	if !ok {
		return 0, errors.New(`"[" without "]"`)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > maxIndex {
		return 0, fmt.Errorf("%q is no index", digits)
	}
	s.at += len(digits) + 1
	return n, nil
}

func (s *scanner) afterIndex() (byte, error) {
	if s.at < len(s.text) && strings.IndexByte(".[=", s.text[s.at]) >= 0 {
		s.at++
		return s.text[s.at-1], nil
	}
	return 0, errors.New(`"]" must be followed by ".", "[" or "="`)
}

// value reads up to a comma, or a {list}.
func (s *scanner) value(of func(string) any) (any, error) {
	if s.at >= len(s.text) || s.text[s.at] != '{' {
		text, _ := s.until(",")
		return of(text), nil
	}
	s.at++
	list := []any{}
	for {
		text, end := s.until(",}")
		if end == 0 {
			return nil, errors.New(`"{" without "}"`)
		}
		if end == '}' && text == "" && len(list) == 0 {
			s.at++
			break
		}
		list = append(list, of(text))
		s.at++
		if end == '}' {
			break
		}
	}
	if s.at < len(s.text) && s.text[s.at] != ',' {
		return nil, errors.New(`something follows "}"`)
	}
	return list, nil
}

// until reads up to one of the ends, which it leaves.
func (s *scanner) until(ends string) (string, byte) {
	var b strings.Builder
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		if c == '\\' && s.at+1 < len(s.text) {
			s.at++
			b.WriteByte(s.text[s.at])
			continue
		}
		if strings.IndexByte(ends, c) >= 0 {
			return b.String(), c
		}
		b.WriteByte(c)
	}
	return b.String(), 0
}

// typed reads true, false, null and whole numbers; all else is a string, also
// what begins with a zero.
func typed(text string) any {
	switch text {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	case "0":
		return int64(0)
	}
	if text == "" || text[0] == '0' || text[0] == '+' || strings.HasPrefix(text, "-0") {
		return text
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i
	}
	return text
}

// json reads one JSON value.
func (s *scanner) json() (any, error) {
	dec := json.NewDecoder(strings.NewReader(s.text[s.at:]))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the JSON is missing")
		}
		return nil, errors.New("the value is not valid JSON")
	}
	s.at += int(dec.InputOffset())
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
	return numbers(v), nil
}

// numbers reads numbers as YAML's are read.
func numbers(v any) any {
	return walk(v, func(n json.Number) any {
		if plain, ok := object.Scalar(string(n), true); ok {
			return plain
		}
		return n
	})
}
