package values

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/belay-sh/belay/internal/object"
)

// Mistake is a value that a schema does not allow.
type Mistake struct {
	// Path is that of the value; empty for the values themselves.
	Path string
	// Why says what is wrong; it never quotes the value, which may be a password.
	Why string
}

// Check checks values against a JSON schema of any draft. It reports all
// mistakes that can be told apart; an error is about the schema itself.
func Check(schema []byte, vals map[string]any) (mistakes []Mistake, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unusable(p)
		}
	}()
	var raw any
	if err := json.Unmarshal(schema, &raw); err != nil {
		return nil, fmt.Errorf("the schema is not valid JSON: %w", err)
	}
	raw = modern(raw)
	first, err := validate(raw, vals)
	if err != nil || first == nil {
		return nil, err
	}
	c := &checker{}
	if root, ok := raw.(map[string]any); ok {
		c.root = root
		c.check(root, vals, "", 0)
	}
	if c.lost || len(c.mistakes) == 0 { // the schema cannot be taken apart
		return []Mistake{*first}, nil
	}
	return c.mistakes, nil
}

func unusable(why any) error { return fmt.Errorf("the schema cannot be used: %v", why) }

// validate finds the first mistake.
func validate(raw, value any) (*Mistake, error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, unusable(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, unusable(err)
	}
	resolved, err := schema.Resolve(&jsonschema.ResolveOptions{Loader: loadSchema})
	if err != nil {
		return nil, unusable(err)
	}
	if err := resolved.Validate(value); err != nil {
		where, why := apart(err.Error())
		return &Mistake{Path: where, Why: why}, nil
	}
	return nil, nil
}

// maxChecked bounds how deep a schema is taken apart: it may refer to itself.
const maxChecked = 100

// checker takes a schema apart along a value, so that a mistake in one member
// does not hide those in others.
type checker struct {
	root     map[string]any
	mistakes []Mistake
	// lost is true when a part of the schema does not stand on its own.
	lost bool
}

// check checks a value against a schema of which it is valid, or not, by what
// the schema says of the value itself, and of each of its members.
func (c *checker) check(schema map[string]any, value any, path string, depth int) {
	if depth > maxChecked {
		c.lost = true
	}
	if ref, ok := schema["$ref"].(string); ok && len(schema) == 1 {
		if target := c.definition(ref); target != nil && !c.lost {
			c.check(target, value, path, depth+1)
			return
		}
	}
	if c.lost {
		return
	}
	own := maps.Clone(schema)
	switch v := value.(type) {
	case map[string]any:
		c.members(own, v, path, depth)
	case []any:
		if items, ok := own["items"].(map[string]any); ok && own["prefixItems"] == nil {
			own["items"] = true
			for i, item := range v {
				c.check(items, item, fmt.Sprintf("%s[%d]", path, i), depth+1)
			}
		}
	}
	for _, shared := range []string{"$schema", "$defs", "definitions"} {
		if v, ok := c.root[shared]; ok && own[shared] == nil {
			own[shared] = v
		}
	}
	m, err := validate(own, value)
	switch {
	case err != nil:
		c.lost = true
	case m != nil:
		if m.Path != "" {
			path = object.JoinPath(path, m.Path)
		}
		c.mistakes = append(c.mistakes, Mistake{Path: path, Why: m.Why})
	}
}

// members checks those of a mapping; own is left with what is said of the mapping.
func (c *checker) members(own, v map[string]any, path string, depth int) {
	properties, _ := own["properties"].(map[string]any)
	rest, restOnly := own["additionalProperties"].(map[string]any)
	if restOnly = restOnly && own["patternProperties"] == nil; restOnly {
		own["additionalProperties"] = true
	}
	free := make(map[string]any, len(properties))
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		free[key] = true
		if s, ok := properties[key].(map[string]any); !ok {
			free[key] = properties[key]
		} else if member, has := v[key]; has {
			c.check(s, member, object.JoinPath(path, object.EscapeKey(key)), depth+1)
		}
	}
	if properties != nil {
		own["properties"] = free
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if _, named := properties[key]; !named && restOnly {
			c.check(rest, v[key], object.JoinPath(path, object.EscapeKey(key)), depth+1)
		}
	}
}

// definition finds what "#/$defs/x" refers to; nil for other references.
func (c *checker) definition(ref string) map[string]any {
	list, name, ok := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
	if !ok || !strings.HasPrefix(ref, "#/") || (list != "$defs" && list != "definitions") || strings.ContainsAny(name, "/~%") {
		return nil
	}
	all, _ := c.root[list].(map[string]any)
	target, _ := all[name].(map[string]any)
	return target
}

// apart takes a validator's message apart: the path in the values, as far as
// the path in the schema tells it, and what is wrong there.
func apart(text string) (where, why string) {
	for {
		place, rest, ok := strings.Cut(text, ": ")
		schemaPath, found := strings.CutPrefix(place, "validating ")
		if !ok || !found {
			return where, plainly(text)
		}
		if keys := propertiesIn(schemaPath); keys != "" {
			where = object.JoinPath(where, keys)
		}
		text = rest
	}
}

// propertiesIn reads the last property's name out of a path like
// /properties/image/properties/tag: the paths of the steps before say the rest.
func propertiesIn(schemaPath string) string {
	parts := strings.Split(schemaPath, "/")
	if n := len(parts); n >= 2 && parts[n-2] == "properties" {
		return object.EscapeKey(strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[n-1]))
	}
	return ""
}

// loadSchema refuses what is not in the schema itself: rendering reads nothing
// but the bundle. Names without a place (urn:) are let pass, as Helm does.
func loadSchema(uri *url.URL) (*jsonschema.Schema, error) {
	if uri.Scheme == "urn" {
		return &jsonschema.Schema{}, nil
	}
	return nil, errors.New("it refers to " + uri.String() + ", which is not fetched")
}
