package report

import (
	"encoding/base64"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// hideInPlan returns a plan in which values of Secrets are masked in the objects
// that repeat them: a ConfigMap that is fed from one, an argument. Secrets themselves
// are masked where they are shown. The plan that was given is not changed.
func hideInPlan(p *diff.Plan, masker *object.Masker) *diff.Plan {
	secrets := secretsOfPlan(p)
	var pairs []string
	for _, value := range secrets.values {
		if !strong(value) {
			continue
		}
		number := value // as data has it, so that equal values have equal numbers
		if encoded := base64.StdEncoding.EncodeToString([]byte(value)); slices.Contains(secrets.values, encoded) {
			number = encoded
		}
		pairs = append(pairs, value, masker.Value(number))
	}
	if len(pairs) == 0 {
		return p
	}
	h := hider{strings.NewReplacer(pairs...)}
	shown := *p
	shown.Changes = make([]diff.Change, len(p.Changes))
	for i, c := range p.Changes {
		if c.ID.GroupKind() != object.SecretKind {
			h.change(&c)
		}
		shown.Changes[i] = c
	}
	shown.Refused = hideRefusals(secrets, p.Refused)
	return &shown
}

// hideRefusals hides values of Secrets in reasons not to start, which quote what is
// set on objects.
func hideRefusals(secrets *Secrets, refused []diff.Refusal) []diff.Refusal {
	hidden := make([]diff.Refusal, len(refused))
	for i, r := range refused {
		r.Lines = hideAll(secrets, r.Lines)
		hidden[i] = r
	}
	return hidden
}

func hideAll(secrets *Secrets, lines []string) []string {
	hidden := make([]string, len(lines))
	for i, line := range lines {
		hidden[i] = secrets.Hide(line)
	}
	return hidden
}

// hider replaces values in a copy of what it is given.
type hider struct{ text *strings.Replacer }

func (h hider) change(c *diff.Change) {
	c.Live, c.Merged = h.object(c.Live), h.object(c.Merged)
	paths := make([]diff.PathChange, len(c.Paths))
	for i, f := range c.Paths {
		f.From, f.To = h.value(f.From), h.value(f.To)
		paths[i] = f
	}
	c.Paths = paths
	steps := make([]diff.Step, len(c.Steps))
	for i, step := range c.Steps {
		step.Body = h.object(step.Body)
		steps[i] = step
	}
	c.Steps = steps
	conflicts := make([]diff.Conflict, len(c.Conflicts))
	for i, conflict := range c.Conflicts {
		conflict.Ours, conflict.Theirs = h.text.Replace(conflict.Ours), h.text.Replace(conflict.Theirs)
		conflicts[i] = conflict
	}
	c.Conflicts = conflicts
	yields := make([]diff.Yield, len(c.Yields))
	for i, yield := range c.Yields {
		yield.Ours, yield.Theirs = h.text.Replace(yield.Ours), h.text.Replace(yield.Theirs)
		yields[i] = yield
	}
	c.Yields = yields
}

func (h hider) object(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil {
		return nil
	}
	body, _ := h.value(u.Object).(map[string]any)
	return &unstructured.Unstructured{Object: body}
}

func (h hider) value(v any) any {
	switch v := v.(type) {
	case string:
		return h.text.Replace(v)
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = h.value(item)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = h.value(item)
		}
		return l
	}
	return v
}
