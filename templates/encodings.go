package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// encodings are the functions that read and write YAML and JSON. Whole numbers
// stay whole, and spellings stay where the format allows it.
func encodings() map[string]any {
	f := map[string]any{}
	for name, fn := range map[string]any{
		"toYaml": toYAML, "toYamlPretty": toYAML, "fromYaml": fromYAML[map[string]any], "fromYamlArray": fromYAML[[]any],
		"toJson":       func(v any) (string, error) { return toJSON(v, "", true) },
		"toPrettyJson": func(v any) (string, error) { return toJSON(v, "  ", true) },
		"toRawJson":    func(v any) (string, error) { return toJSON(v, "", false) },
		"fromJson":     func(text string) (any, error) { return fromJSON(text) },
		"fromJsonArray": func(text string) ([]any, error) {
			v, err := fromJSON(text)
			list, ok := v.([]any)
			if err == nil && !ok {
				err = fmt.Errorf("%s where a list is expected", kindWord(v))
			}
			return list, err
		},
	} {
		f[name] = fn
		f["must"+strings.ToUpper(name[:1])+name[1:]] = fn
	}
	return f
}

// toYAML writes a value as YAML, without the last newline.
func toYAML(v any) (string, error) {
	v, err := encodable(v, true, 0)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func toJSON(v any, indent string, escape bool) (string, error) {
	v, err := encodable(v, false, 0)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escape)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return "", errors.New("a value that JSON cannot hold")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// encodable copies a value into types that the encoders write well: numbers
// keep their spelling, and what would never end is an error.
func encodable(v any, forYAML bool, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("a value that is nested too deeply")
	}
	switch v := v.(type) {
	case string:
		if forYAML && (v == "<<" || strings.ContainsAny(v, "\u0085\u2028\u2029")) {
			// The encoder would write what parsers read as something else.
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: v}, nil
		}
		return v, nil
	case nil, bool, int, int64:
		return v, nil
	case json.Number:
		return encodableNumber(v, forYAML), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("a number that YAML and JSON cannot hold")
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case []byte:
		return string(v), nil
	}
	return encodableParts(v, forYAML, depth)
}

func encodableParts(v any, forYAML bool, depth int) (any, error) {
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Map:
		m := make(map[string]any, rv.Len())
		for _, key := range rv.MapKeys() {
			item, err := encodable(rv.MapIndex(key).Interface(), forYAML, depth+1)
			if err != nil {
				return nil, err
			}
			m[fmt.Sprint(key.Interface())] = item
		}
		return m, nil
	case reflect.Slice, reflect.Array:
		list := make([]any, rv.Len())
		for i := range list {
			item, err := encodable(rv.Index(i).Interface(), forYAML, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case reflect.Struct, reflect.Func, reflect.Chan:
		if s, ok := v.(fmt.Stringer); ok {
			return s.String(), nil
		}
		data, err := json.Marshal(v)
		if err != nil {
			return nil, errors.New("a value that YAML and JSON cannot hold")
		}
		return fromJSON(string(data))
	}
	return v, nil
}

// encodableNumber keeps a number's spelling where the format has it.
func encodableNumber(n json.Number, forYAML bool) any {
	plain := plainNumber(n)
	if forYAML {
		tag := "!!float"
		if _, ok := plain.(int64); ok {
			tag = "!!int"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: string(n)}
	}
	if json.Valid([]byte(n)) {
		return n
	}
	return plain
}

// fromYAML reads one YAML document of a certain type.
func fromYAML[T any](text string) (T, error) {
	var root yaml.Node
	var v any
	var zero T
	err := yaml.Unmarshal([]byte(text), &root)
	if err == nil {
		datesAreStrings(&root)
		err = root.Decode(&v)
	}
	if err != nil {
		// The parser's words may quote the text, which may be secret.
		return zero, errors.New("the text is not valid YAML")
	}
	if v == nil {
		return zero, nil
	}
	typed, ok := decoded(v).(T)
	if !ok {
		return zero, fmt.Errorf("%s where %s is expected", kindWord(v), typeWord(reflect.TypeFor[T]().String()))
	}
	return typed, nil
}

// datesAreStrings undoes what YAML 1.1 makes of 2021-01-01.
func datesAreStrings(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		datesAreStrings(child)
	}
}

// decoded makes what the YAML decoder gave into JSON's types, with int64.
func decoded(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case map[string]any:
		for key, item := range v {
			v[key] = decoded(item)
		}
		return v
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[fmt.Sprint(key)] = decoded(item)
		}
		return m
	case []any:
		for i, item := range v {
			v[i] = decoded(item)
		}
	}
	return v
}

func fromJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || dec.More() {
		return nil, errors.New("the text is not valid JSON")
	}
	return numbered(v), nil
}

// numbered makes numbers int64 or float64, save those whose spelling would be lost.
func numbered(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i
		}
		if f, err := v.Float64(); err == nil && strconv.FormatFloat(f, 'g', -1, 64) == string(v) {
			return f
		}
		return v
	case map[string]any:
		for key, item := range v {
			v[key] = numbered(item)
		}
	case []any:
		for i, item := range v {
			v[i] = numbered(item)
		}
	}
	return v
}
