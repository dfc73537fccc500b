package rollout

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/cel"
	"github.com/belay-sh/belay/internal/policy"
)

// Judge tells the readiness of objects by a bundle's own rules, and as Of does
// where it has none. The nil Judge has none at all.
type Judge struct {
	rules map[schema.GroupKind]func() (*custom, error)
}

// custom is a rule that has been compiled; either part may be nil.
type custom struct{ ready, failed *cel.Expression }

// NewJudge makes a judge of a bundle's rules. They are compiled when the first
// object of their kind is judged.
func NewJudge(rules []policy.ReadyRule) *Judge {
	if len(rules) == 0 {
		return nil
	}
	j := &Judge{rules: map[schema.GroupKind]func() (*custom, error){}}
	for _, rule := range rules {
		gk := schema.GroupKind{Group: rule.Group, Kind: rule.Kind}
		if j.rules[gk] == nil {
			j.rules[gk] = sync.OnceValues(func() (*custom, error) { return compile(rule) })
		}
	}
	return j
}

func compile(rule policy.ReadyRule) (*custom, error) {
	c := &custom{}
	for _, part := range []struct {
		text string
		into **cel.Expression
	}{{rule.Ready, &c.ready}, {rule.Failed, &c.failed}} {
		if part.text == "" {
			continue
		}
		e, err := cel.Compile(part.text)
		if err != nil {
			return nil, fmt.Errorf("reading the rule %q: %w", part.text, err)
		}
		*part.into = e
	}
	return c, nil
}

// Of tells the readiness of an object from itself alone.
func (j *Judge) Of(u *unstructured.Unstructured) State {
	if j == nil {
		return Of(u)
	}
	rule := j.rules[u.GroupVersionKind().GroupKind()]
	if rule == nil {
		return Of(u)
	}
	if deleting(u) {
		return going(u)
	}
	if !observed(u) {
		return State{Phase: Progressing, Summary: "not observed yet"}
	}
	c, err := rule()
	if err != nil { // the bundle that was recorded had been checked
		return State{Phase: Progressing, Summary: err.Error(), Reason: "BadRule"}
	}
	return c.of(u)
}

// of asks the rule. What cannot be evaluated does not hold yet.
func (c *custom) of(u *unstructured.Unstructured) State {
	if c.failed != nil {
		if yes, err := c.failed.Holds(u.Object); err == nil && yes {
			return State{Phase: Failed, Summary: "failed, for " + c.failed.String(), Reason: "FailedByRule"}
		}
	}
	if c.ready == nil {
		return Of(u)
	}
	if yes, err := c.ready.Holds(u.Object); err == nil && yes {
		return State{Phase: Ready}
	}
	return State{Phase: Progressing, Summary: "not yet " + c.ready.String()}
}
