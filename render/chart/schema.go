package chart

import (
	"errors"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/values"
)

// checkSchemas checks the values of a chart and of its subcharts against their
// schemas. Mistakes stand where the value was set.
func (c *Chart) checkSchemas(vals map[string]any, at string, locate func(string) (string, int)) error {
	var errs []error
	if c.Schema != nil {
		errs = append(errs, c.checkSchema(vals, at, locate))
	}
	for _, sub := range c.Dependencies {
		below := joined(at, sub.Meta.Name)
		switch v := vals[sub.Meta.Name].(type) {
		case nil:
		case map[string]any:
			errs = append(errs, sub.checkSchemas(v, below, locate))
		default:
			errs = append(errs, &object.Error{File: sub.schemaFile(), Message: below + " is not a mapping"})
		}
	}
	return errors.Join(errs...)
}

func (c *Chart) schemaFile() string { return strings.TrimPrefix(c.place()+"/values.schema.json", "/") }

func (c *Chart) checkSchema(vals map[string]any, at string, locate func(string) (string, int)) error {
	mistakes, err := values.Check(c.Schema, Values(vals).AsMap())
	if err != nil {
		return &object.Error{File: c.schemaFile(), Message: err.Error(), Hint: "--skip-schema-validation leaves it out"}
	}
	var errs []error
	for _, m := range mistakes {
		e := &object.Error{File: c.schemaFile(), Message: within(at, m.Path) + ": " + m.Why}
		if locate != nil && m.Path != "" {
			if file, line := locate(joined(at, m.Path)); file != "" {
				e.File, e.Line, e.Message = file, line, e.Message+" ("+c.schemaFile()+")"
			}
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
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
