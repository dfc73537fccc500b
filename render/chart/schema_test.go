package chart

import (
	"strings"
	"testing"

	"github.com/belay-sh/belay/internal/object"
)

func TestAllMistakesOfAllChartsAreReported(t *testing.T) {
	schema := []byte(`{"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}`)
	sub := &Chart{Schema: schema}
	sub.Meta.Name = "sub"
	c := &Chart{Schema: schema, Dependencies: []*Chart{sub}}
	err := c.checkSchemas(map[string]any{"a": int64(1), "b": "x", "sub": map[string]any{"a": true}}, "", nil)
	if got := object.Errors(err); len(got) != 3 {
		t.Errorf("%d mistakes: %v", len(got), err)
	}
}

func TestSchemasOfEveryDraftAreUnderstood(t *testing.T) {
	for _, test := range []struct {
		name, schema string
		vals         map[string]any
		want         string // part of the mistake; empty when the values are valid
	}{
		{"draft 4, exclusive", `{"$schema":"http://json-schema.org/draft-04/schema#","id":"http://x/y","properties":{"n":{"minimum":1,"exclusiveMinimum":true}}}`,
			map[string]any{"n": int64(1)}, "n: "},
		{"draft 4, inclusive", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"n":{"minimum":1,"exclusiveMinimum":false}}}`,
			map[string]any{"n": int64(1)}, ""},
		{"draft 6", `{"$schema":"http://json-schema.org/draft-06/schema#","properties":{"n":{"const":1}}}`,
			map[string]any{"n": int64(2)}, "n: "},
		{"draft 7, list of items", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"l":{"items":[{"type":"string"}]}}}`,
			map[string]any{"l": []any{int64(1)}}, "l"},
		{"draft 7, definitions", `{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"p":{"type":"string"}},"properties":{"a":{"properties":{"b":{"$ref":"#/definitions/p"}}}}}`,
			map[string]any{"a": map[string]any{"b": int64(1)}}, "a.b: "},
		{"2019-09, list of items", `{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"l":{"items":[{"type":"string"}],"additionalItems":false}}}`,
			map[string]any{"l": []any{"a", "b"}}, "l"},
		{"2020-12", `{"$schema":"https://json-schema.org/draft/2020-12/schema","required":["a"]}`,
			map[string]any{}, "the values: "},
		{"none named", `{"properties":{"a":{"type":["string","null"]}},"additionalProperties":false}`,
			map[string]any{"a": "x"}, ""},
		{"numbers that are whole", `{"properties":{"a":{"type":"integer"}}}`,
			map[string]any{"a": float64(3)}, ""},
		{"a schema from elsewhere", `{"$ref":"https://example.com/schema.json"}`,
			map[string]any{}, "which is not fetched"},
		{"no schema at all", `{"type": 7}`, map[string]any{}, "cannot be used"},
		{"no JSON", `{`, map[string]any{}, "not valid JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Chart{Schema: []byte(test.schema)}
			err := c.checkSchemas(test.vals, "", nil)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			mistakes := object.Errors(err)
			if len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, test.want) || mistakes[0].File != "values.schema.json" {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
