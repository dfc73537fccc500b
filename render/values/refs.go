package values

import (
	"slices"
	"strconv"
	"strings"
)

// Where keywords keep schemas: one, a mapping of them, or a list.
var (
	holdOne  = []string{"items", "additionalItems", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
	holdMap  = []string{"properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"}
	holdList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
)

// gather makes references work that point to where the validator looks for no
// schemas, such as #/definitions/config/route: their targets are put among the
// definitions, too.
func gather(root map[string]any) {
	definitions, ok := root["definitions"].(map[string]any)
	if !ok {
		definitions = map[string]any{}
	}
	names := map[string]string{}
	var found []any
	follow(root, func(s map[string]any) {
		ref, _ := s["$ref"].(string)
		pointer, local := strings.CutPrefix(ref, "#/")
		if !local || usual(strings.Split(pointer, "/")) {
			return
		}
		if names[ref] == "" {
			target, ok := at(root, strings.Split(pointer, "/"))
			if !ok {
				return
			}
			names[ref] = "belay-" + strconv.Itoa(len(found))
			found = append(found, target)
		}
		s["$ref"] = "#/definitions/" + names[ref]
	})
	for i, target := range found {
		definitions["belay-"+strconv.Itoa(i)] = target
	}
	if len(found) > 0 {
		root["definitions"] = definitions
	}
}

// follow calls fn for every mapping.
func follow(v any, fn func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		fn(v)
		for _, below := range v {
			follow(below, fn)
		}
	case []any:
		for _, below := range v {
			follow(below, fn)
		}
	}
}

// usual says whether a pointer leads through places of schemas only.
func usual(tokens []string) bool {
	for len(tokens) > 0 {
		switch key := tokens[0]; {
		case slices.Contains(holdOne, key):
			tokens = tokens[1:]
			if len(tokens) > 0 && key == "items" && tokens[0] != "" && strings.Trim(tokens[0], "0123456789") == "" {
				tokens = tokens[1:]
			}
		case len(tokens) > 1 && (slices.Contains(holdMap, key) || slices.Contains(holdList, key)):
			tokens = tokens[2:]
		default:
			return false
		}
	}
	return true
}

// at finds what a pointer points to.
func at(v any, tokens []string) (any, bool) {
	for _, token := range tokens {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[token]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}
