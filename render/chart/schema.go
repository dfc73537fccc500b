package chart

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/belay-sh/belay/internal/object"
)

// checkSchemas checks the values of a chart and of its subcharts against their
// schemas. Each chart reports its first mistake.
func (c *Chart) checkSchemas(vals map[string]any, at string) error {
	var errs []error
	if c.Schema != nil {
		errs = append(errs, c.checkSchema(vals, at))
	}
	for _, sub := range c.Dependencies {
		below := joined(at, sub.Meta.Name)
		switch v := vals[sub.Meta.Name].(type) {
		case nil:
		case map[string]any:
			errs = append(errs, sub.checkSchemas(v, below))
		default:
			errs = append(errs, &object.Error{File: sub.schemaFile(), Message: below + " is not a mapping"})
		}
	}
	return errors.Join(errs...)
}

func (c *Chart) schemaFile() string { return strings.TrimPrefix(c.place()+"/values.schema.json", "/") }

func (c *Chart) checkSchema(vals map[string]any, at string) (err error) {
	unusable := func(why any) error {
		return &object.Error{
			File: c.schemaFile(), Message: fmt.Sprintf("the schema cannot be used: %v", why),
			Hint: "--skip-schema-validation leaves it out",
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = unusable(p)
		}
	}()
	var raw any
	if err := json.Unmarshal(c.Schema, &raw); err != nil {
		return &object.Error{File: c.schemaFile(), Message: "the schema is not valid JSON: " + err.Error()}
	}
	text, err := json.Marshal(modern(raw))
	if err != nil {
		return unusable(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return unusable(err)
	}
	resolved, err := schema.Resolve(&jsonschema.ResolveOptions{Loader: loadSchema})
	if err != nil {
		return unusable(err)
	}
	if err := resolved.Validate(Values(vals).AsMap()); err != nil {
		where, why := mistake(err.Error())
		return &object.Error{File: c.schemaFile(), Message: strings.TrimSpace(within(at, where) + ": " + why)}
	}
	return nil
}

// mistake takes a validator's message apart: the path in the values, as far as
// the path in the schema tells it, and what is wrong there.
func mistake(text string) (where, why string) {
	for {
		place, rest, ok := strings.Cut(text, ": ")
		schemaPath, found := strings.CutPrefix(place, "validating ")
		if !ok || !found {
			return where, text
		}
		if keys := propertiesIn(schemaPath); keys != "" {
			where = joined(where, keys)
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

func within(at, where string) string {
	switch {
	case at == "" && where == "":
		return "the values"
	case where == "":
		return at
	default:
		return joined(at, where)
	}
}

// loadSchema refuses what is not in the schema itself: rendering reads nothing
// but the bundle. Names without a place (urn:) are let pass, as Helm does.
func loadSchema(uri *url.URL) (*jsonschema.Schema, error) {
	if uri.Scheme == "urn" {
		return &jsonschema.Schema{}, nil
	}
	return nil, fmt.Errorf("it refers to %s, which is not fetched", uri)
}
