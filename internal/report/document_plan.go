package report

import (
	"io"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// planDocument is a Plan for machines. Values of Secrets are masked.
type planDocument struct {
	header
	Op      diff.Op        `json:"op"`
	Target  diff.Target    `json:"target"`
	Counts  map[string]int `json:"counts"`
	Changes []planChange   `json:"changes"`
	// Unchanged are the objects that need nothing.
	Unchanged []object.ID `json:"unchanged,omitempty"`
	Refused   []Failure   `json:"refused,omitempty"`
	Warnings  []string    `json:"warnings,omitempty"`
	// LeftAlone is what others set and a drift leaves alone.
	LeftAlone []diff.LeftAlone `json:"leftAlone,omitempty"`
}

type planChange struct {
	object.ID
	Action    diff.Action     `json:"action"`
	Reason    string          `json:"reason,omitempty"`
	Source    object.Source   `json:"source"`
	Adopted   bool            `json:"adopted,omitempty"`
	Impact    []string        `json:"impact,omitempty"`
	Unchecked string          `json:"notServerValidated,omitempty"`
	Warnings  []string        `json:"warnings,omitempty"`
	Conflicts []diff.Conflict `json:"conflicts,omitempty"`
	// Hook says when and how an object is run.
	Hook   *diff.Hook   `json:"hook,omitempty"`
	Yields []diff.Yield `json:"yields,omitempty"`
	Fields []planField  `json:"fields,omitempty"`
	// Manifest is what a create makes.
	Manifest map[string]any `json:"manifest,omitempty"`
}

type planField struct {
	Path string `json:"path"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
	// Masked says that From and To stand for values of a Secret.
	Masked    bool `json:"masked,omitempty"`
	Ownership bool `json:"ownership,omitempty"`
}

// PlanTo writes a plan in any form: for people, by name, or as a document of
// kind Plan.
func PlanTo(s Sink, p *diff.Plan, o PlanOptions) error {
	switch s.Format {
	case Text:
		return Plan(s.Writer, p, o)
	case Name:
		return planNames(s.Writer, p)
	case Markdown:
		return WriteMarkdown(s.Writer, p, o, s.Limit)
	default:
		return WriteDocument(s.Writer, s.Format, documentOf(p, o.ShowSecrets))
	}
}

func documentOf(p *diff.Plan, showSecrets bool) planDocument {
	masker := &object.Masker{}
	if !showSecrets {
		p = hideInPlan(p, masker)
	}
	d := planDocument{
		header: headerOf("Plan"), Op: p.Op, Target: p.Target, Warnings: p.Warnings, LeftAlone: p.LeftAlone,
		Counts: map[string]int{}, Changes: []planChange{},
	}
	for action, n := range p.Counts() {
		if action == diff.Clear {
			continue
		}
		d.Counts[string(action)] = n
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action == diff.Unchanged && len(c.Warnings) == 0 {
			d.Unchanged = append(d.Unchanged, c.ID)
			continue
		}
		if c.Action == diff.Clear {
			continue // part of the run
		}
		d.Changes = append(d.Changes, documentChange(c, masker, showSecrets))
	}
	for _, r := range p.Refused {
		d.Refused = append(d.Refused, refusalFailure(r))
	}
	return d
}

func documentChange(c *diff.Change, masker *object.Masker, showSecrets bool) planChange {
	out := planChange{
		ID: c.ID, Action: c.Action, Reason: c.Reason, Source: c.Source, Adopted: c.Adopted, Impact: c.Impact,
		Hook: c.Hook, Unchecked: c.Unchecked, Warnings: c.Warnings, Conflicts: c.Conflicts, Yields: c.Yields,
	}
	if (c.Action == diff.Create || c.Action == diff.Run) && len(c.Steps) > 0 && c.Steps[len(c.Steps)-1].Body != nil {
		body := c.Steps[len(c.Steps)-1].Body
		if !showSecrets {
			body = masker.Object(body)
		}
		out.Manifest = body.Object
	}
	for _, f := range c.Paths {
		field := planField{Path: f.Path, From: f.From, To: f.To, Ownership: f.Ownership}
		if !showSecrets && object.IsSecretPath(c.ID, f.Path) {
			field.Masked = true
			field.From, field.To = maskedOrNil(masker, f.From), maskedOrNil(masker, f.To)
		}
		out.Fields = append(out.Fields, field)
	}
	return out
}

func maskedOrNil(masker *object.Masker, v any) any {
	if v == nil {
		return nil
	}
	return masker.Value(v)
}

// planNames writes the objects that a plan changes, one a line.
func planNames(w io.Writer, p *diff.Plan) error {
	v := newPlanView(p, PlanOptions{Full: true})
	for _, action := range []diff.Action{diff.Create, diff.Update, diff.Recreate, diff.Delete, diff.Run} {
		for _, c := range v.with(action) {
			if _, err := io.WriteString(w, v.name(c.ID)+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
