package templates

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	yaml2 "go.yaml.in/yaml/v2"
	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/yaml11"
)

// chartEncodings read and write YAML, JSON and TOML as Helm does: by way of
// JSON, so that numbers that are read are floats.
func chartEncodings() template.FuncMap {
	quiet := func(write func(any) (string, error)) func(any) string {
		return func(v any) string {
			text, err := write(v)
			if err != nil {
				return ""
			}
			return text
		}
	}
	return template.FuncMap{
		"toYaml": quiet(chartYAML), "mustToYaml": chartYAML, "toYamlPretty": quiet(chartYAMLPretty),
		"fromYaml": chartFromYAML, "fromYamlArray": chartFromYAMLArray,
		"toJson": quiet(chartJSON), "mustToJson": chartJSON,
		"fromJson": func(text string) map[string]any {
			m := map[string]any{}
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				m["Error"] = err.Error()
			}
			return m
		},
		"fromJsonArray": func(text string) []any {
			a := []any{}
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				return []any{err.Error()}
			}
			return a
		},
		"toToml": func(v any) string {
			text, err := chartTOML(v)
			if err != nil {
				return err.Error()
			}
			return text
		},
		"mustToToml": chartTOML,
		"fromToml": func(text string) map[string]any {
			m := map[string]any{}
			if err := toml.Unmarshal([]byte(text), &m); err != nil {
				m["Error"] = err.Error()
			}
			return m
		},
	}
}

func chartJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

func chartTOML(v any) (string, error) {
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(v)
	return b.String(), err
}

func chartYAMLPretty(v any) (string, error) {
	var b bytes.Buffer
	enc := yaml3.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// chartYAML writes what Helm's toYaml writes. Helm's way is to write JSON, to
// read that as YAML and to write it again; plain values are spared the detour.
func chartYAML(v any) (string, error) {
	plain, ok := asFromJSON(v, 0)
	var data []byte
	var err error
	if ok {
		data, err = yaml2.Marshal(plain)
	} else {
		data, err = yaml.Marshal(v)
	}
	return strings.TrimSuffix(string(data), "\n"), err
}

// asFromJSON copies a value into what reading its JSON as YAML would give; ok is
// false for values that only the detour can tell.
func asFromJSON(v any, depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	switch v := v.(type) {
	case nil, bool, int, int64:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case float64:
		return floatFromJSON(v)
	case map[string]any:
		if v == nil {
			return nil, false
		}
		m := make(map[string]any, len(v))
		for key, item := range v {
			plain, ok := asFromJSON(item, depth+1)
			if !ok || !utf8.ValidString(key) {
				return nil, false
			}
			m[key] = plain
		}
		return m, true
	case []any:
		if v == nil {
			return nil, false
		}
		list := make([]any, len(v))
		for i, item := range v {
			plain, ok := asFromJSON(item, depth+1)
			if !ok {
				return nil, false
			}
			list[i] = plain
		}
		return list, true
	}
	return nil, false
}

// floatFromJSON makes a float an integer where JSON writes it as one.
func floatFromJSON(f float64) (any, bool) {
	switch {
	case f == 0:
		return 0, !math.Signbit(f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return int64(f), true
	case math.Abs(f) >= 1e-6 && math.Abs(f) < 1<<53:
		return f, true
	}
	return nil, false
}

func chartFromYAML(text string) map[string]any {
	if plain, err := yaml11.Decode(text, true); err == nil {
		switch m := plain.(type) {
		case nil:
			return map[string]any{}
		case map[string]any:
			return m
		}
	}
	m := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func chartFromYAMLArray(text string) []any {
	if plain, err := yaml11.Decode(text, true); err == nil {
		if list, ok := plain.([]any); ok {
			return list
		}
	}
	a := []any{}
	if err := yaml.Unmarshal([]byte(text), &a); err != nil {
		return []any{err.Error()}
	}
	return a
}
