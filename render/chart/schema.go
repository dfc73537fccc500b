package chart

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/belay-sh/belay/internal/object"
)

// checkSchemas checks the values of a chart and of its subcharts against their
// schemas. All mistakes are reported.
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

// schemaName is what a schema is called while it is compiled.
const schemaName = "file:///values.schema.json"

func (c *Chart) checkSchema(vals map[string]any, at string) (err error) {
	fail := func(message string) error { return &object.Error{File: c.schemaFile(), Message: message} }
	defer func() {
		if p := recover(); p != nil {
			err = fail(fmt.Sprintf("the schema cannot be used: %v", p))
		}
	}()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
	if err != nil {
		return fail("the schema is not valid JSON: " + err.Error())
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(schemaLoader{})
	if err := compiler.AddResource(schemaName, text); err != nil {
		return fail("the schema cannot be used: " + err.Error())
	}
	schema, err := compiler.Compile(schemaName)
	if err != nil {
		return &object.Error{
			File: c.schemaFile(), Message: "the schema cannot be used: " + strings.ReplaceAll(err.Error(), schemaName, ""),
			Hint: "--skip-schema-validation leaves it out",
		}
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(Values(vals).AsMap()); errors.As(err, &invalid) {
		var errs []error
		c.schemaMistakes(invalid, at, &errs)
		return errors.Join(errs...)
	} else if err != nil {
		return fail(err.Error())
	}
	return nil
}

// schemaMistakes takes a mistake apart into those at its ends.
func (c *Chart) schemaMistakes(e *jsonschema.ValidationError, at string, errs *[]error) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			c.schemaMistakes(cause, at, errs)
		}
		return
	}
	where := at
	for _, key := range e.InstanceLocation {
		where = joined(where, object.EscapeKey(key))
	}
	if where == "" {
		where = "the values"
	}
	message := e.Error()
	if _, last, ok := strings.Cut(message, "': "); ok {
		message = last
	}
	*errs = append(*errs, &object.Error{File: c.schemaFile(), Message: where + ": " + message})
}

// schemaLoader refuses what is not in the schema itself: rendering reads nothing
// but the bundle. Names without a place (urn:) are let pass, as Helm does.
type schemaLoader struct{}

// Load implements jsonschema.URLLoader.
func (schemaLoader) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return true, nil
	}
	return nil, fmt.Errorf("it refers to %s, which is not fetched", url)
}
