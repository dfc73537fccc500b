package values

import "strings"

// The drafts that the validator knows. The older of them also stands for drafts
// 4 and 6, the newer for 2019-09, which differ in a few words.
const (
	draft7    = "http://json-schema.org/draft-07/schema#"
	draft2020 = "https://json-schema.org/draft/2020-12/schema"
)

// modern writes a schema of an older draft in the words of one that the
// validator knows.
func modern(schema any) any {
	root, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	gather(root)
	named, _ := root["$schema"].(string)
	switch {
	case strings.Contains(named, "draft-04"):
		modernize(root, fromDraft4)
		root["$schema"] = draft7
	case strings.Contains(named, "draft-06"), strings.Contains(named, "draft-07"):
		root["$schema"] = draft7
	case strings.Contains(named, "2019-09"):
		modernize(root, from2019)
		root["$schema"] = draft2020
	default: // none is the newest
		root["$schema"] = draft2020
	}
	return root
}

// modernize changes every subschema of a schema in place. It also meets what
// looks like one inside enum and const, where the words of old drafts do not occur.
func modernize(v any, change func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, below := range v {
			modernize(below, change)
		}
		change(v)
	case []any:
		for _, below := range v {
			modernize(below, change)
		}
	}
}

// fromDraft4 renames id, and turns the flags beside the limits into limits.
func fromDraft4(s map[string]any) {
	if id, ok := s["id"].(string); ok {
		delete(s, "id")
		s["$id"] = id
	}
	for flag, limit := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
		exclusive, ok := s[flag].(bool)
		if !ok {
			continue
		}
		delete(s, flag)
		if value, ok := s[limit]; ok && exclusive {
			delete(s, limit)
			s[flag] = value
		}
	}
}

// from2019 turns lists of items into prefixItems, and recursive references into
// plain ones: a chart's schema extends no other.
func from2019(s map[string]any) {
	if list, ok := s["items"].([]any); ok {
		s["prefixItems"] = list
		delete(s, "items")
		if rest, ok := s["additionalItems"]; ok {
			s["items"] = rest
		}
	}
	delete(s, "additionalItems")
	delete(s, "$recursiveAnchor")
	if ref, ok := s["$recursiveRef"]; ok {
		delete(s, "$recursiveRef")
		s["$ref"] = ref
	}
}
