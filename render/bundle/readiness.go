package bundle

import (
	"fmt"

	"github.com/belay-sh/belay/internal/cel"
	"github.com/belay-sh/belay/internal/policy"
)

// readiness reads the list of rules for kinds that follow no convention.
func (r *specReader) readiness(path string, v any) {
	list, ok := v.([]any)
	if !ok {
		r.fail(path, "%s: a list of rules is expected", path)
		return
	}
	seen := map[string]bool{}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		var rule policy.ReadyRule
		before := len(r.errs)
		r.mapping(at, item, map[string]field{
			"group":  r.text(&rule.Group),
			"kind":   r.text(&rule.Kind),
			"ready":  r.expression(&rule.Ready),
			"failed": r.expression(&rule.Failed),
		})
		if len(r.errs) > before {
			continue
		}
		name := rule.Kind + "." + rule.Group
		switch {
		case rule.Kind == "":
			r.fail(at, "%s: kind is missing", at)
		case rule.Ready == "" && rule.Failed == "":
			r.fail(at, "%s: it says neither when a %s is ready nor when it has failed", at, rule.Kind)
		case seen[name]:
			r.fail(at, "%s: there is a rule for %s above", at, rule.Kind)
		}
		seen[name] = true
		r.Readiness = append(r.Readiness, rule)
	}
}

// expression reads a question in CEL.
func (r *specReader) expression(into *string) field {
	return func(path string, v any) {
		text, ok := v.(string)
		if !ok || text == "" {
			r.fail(path, "%s: an expression is expected, such as self.status.phase == 'Running'", path)
			return
		}
		if _, err := cel.Compile(text); err != nil {
			r.fail(path, "%s: %v", path, err)
			return
		}
		*into = text
	}
}
