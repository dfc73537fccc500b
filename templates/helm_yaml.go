package templates

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
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

// chartYAML writes what Helm's toYaml writes.
func chartYAML(v any) (string, error) {
	data, err := yaml11.Encode(v)
	return strings.TrimSuffix(string(data), "\n"), err
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
