package cmd

import (
	"encoding/json"
	"slices"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

// intent is what is written down before the run begins.
func (d *deployment) intent() release.Intent {
	return release.Intent{
		Revision: d.revision(), Wanted: recorded(d.plan.Wanted), Inventory: intended(d.plan),
		Plan: recordedPlan(d.plan), Past: d.past,
	}
}

// recorded is what is kept of what a revision wanted: the values and the notes
// without what its Secrets hold, for those hold it.
func recorded(w *render.Wanted) *render.Wanted {
	kept := *w
	secrets := report.SecretsOf(slices.Concat(w.Objects, w.Hooks))
	kept.Values, kept.Notes = secrets.HideValues(w.Values), secrets.Hide(w.Notes)
	return &kept
}

// recordedPlan is what is kept of a plan, to be shown later: which fields of which
// objects it changes, without the values of Secrets and without what stays.
func recordedPlan(p *diff.Plan) []byte {
	kept := diff.Plan{Op: p.Op, Target: p.Target, Warnings: p.Warnings}
	var masker object.Masker
	for i := range p.Changes {
		c := p.Changes[i]
		if c.Action == diff.Unchanged {
			continue
		}
		c.Live, c.Merged, c.Steps = nil, nil, nil
		if c.ID.GroupKind() == object.SecretKind {
			c.Paths = slices.Clone(c.Paths)
			for j := range c.Paths {
				path := &c.Paths[j]
				path.From, path.To = masked(&masker, path.From), masked(&masker, path.To)
			}
		}
		kept.Changes = append(kept.Changes, c)
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return nil // it is for people, and not worth a failed run
	}
	return data
}

func masked(m *object.Masker, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		all := make(map[string]any, len(v))
		for key, item := range v {
			all[key] = masked(m, item)
		}
		return all
	default:
		return m.Value(v)
	}
}
