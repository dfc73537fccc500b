// Package yaml11 reads and writes YAML as Helm does: YAML 1.1, by way of JSON.
// What is usual in charts is read and written by quick ways of its own; whatever
// they do not know goes to the parser that Helm has. templates and render use
// it; it imports none of the other packages.
package yaml11

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	yaml2 "go.yaml.in/yaml/v2"
)

// ErrNotJSON is the error for a value that has no place in JSON.
var ErrNotJSON = errors.New("not JSON")

// Decode reads a document into what reading the same as JSON would give. With
// floats, all numbers are float64, as in Helm's values; without, whole numbers
// are int64, as in manifests. Texts of the result may share text's memory, which
// must not be changed afterwards. Errors are the parser's, or ErrNotJSON.
func Decode(text string, floats bool) (any, error) {
	if v, ok := quick(text, floats); ok {
		return v, nil
	}
	return exact(text, floats)
}

// exact reads a document by Helm's parser.
func exact(text string, floats bool) (any, error) {
	var v any
	if err := yaml2.Unmarshal([]byte(text), &v); err != nil {
		return nil, err
	}
	return jsonable(v, floats)
}

// jsonable turns what the parser gave into what JSON knows. Lists are changed in
// place.
func jsonable(v any, floats bool) (any, error) {
	switch v := v.(type) {
	case map[any]any:
		return jsonMap(v, floats)
	case []any:
		for i, item := range v {
			var err error
			if v[i], err = jsonable(item, floats); err != nil {
				return nil, err
			}
		}
		return v, nil
	case string:
		return strings.ToValidUTF8(v, "\ufffd"), nil
	case int:
		return whole(int64(v), floats), nil
	case int64:
		return whole(v, floats), nil
	case uint64:
		return float64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, ErrNotJSON
		}
		if !floats && v == math.Trunc(v) && math.Abs(v) < 1<<63 {
			return int64(v), nil
		}
		return v, nil
	case nil, bool:
		return v, nil
	}
	return nil, ErrNotJSON
}

// jsonMap is jsonable for a mapping, whose values it changes in place. Of several keys
// that JSON writes alike, such as 1 and "1", Helm takes any; here it is the same one
// every time, the text before a number.
func jsonMap(v map[any]any, floats bool) (any, error) {
	m := make(map[string]any, len(v))
	for key, item := range v {
		name, err := jsonKey(key)
		if err != nil {
			return nil, err
		}
		if v[key], err = jsonable(item, floats); err != nil {
			return nil, err
		}
		m[name] = v[key]
	}
	if len(m) == len(v) {
		return m, nil
	}
	alike := slices.SortedFunc(maps.Keys(v), func(a, b any) int {
		return strings.Compare(fmt.Sprintf("%T %v", a, a), fmt.Sprintf("%T %v", b, b)) // a string comes last
	})
	for _, key := range alike {
		name, err := jsonKey(key)
		if err != nil {
			return nil, err
		}
		m[name] = v[key]
	}
	return m, nil
}

func whole(i int64, floats bool) any {
	if floats {
		return float64(i)
	}
	return i
}

// jsonKey writes a key as Helm's detour by JSON writes it.
func jsonKey(key any) (string, error) {
	switch key := key.(type) {
	case string:
		return key, nil
	case int:
		return strconv.Itoa(key), nil
	case int64:
		return strconv.FormatInt(key, 10), nil
	case bool:
		return strconv.FormatBool(key), nil
	case float64:
		text := strconv.FormatFloat(key, 'g', -1, 32)
		switch text {
		case "+Inf":
			return ".inf", nil
		case "-Inf":
			return "-.inf", nil
		case "NaN":
			return ".nan", nil
		}
		return text, nil
	}
	return "", ErrNotJSON
}
