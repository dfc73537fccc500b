package apply

import (
	"context"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// noteUnchanged brings the inventory up to date about what needs no request: a
// run that was killed may have left entries without UID, what is protected is let
// go, and what is gone leaves the inventory.
func (r *run) noteUnchanged() {
	if r.journal == nil {
		return
	}
	for _, n := range r.nodes {
		switch {
		case n.Action == diff.Unchanged && n.Live != nil:
			r.journal.Note(n.ID, r.owned(n.Change, n.Live))
		case n.Action == diff.Keep && !n.Leftover && n.Live != nil:
			kept := r.owned(n.Change, n.Live)
			kept.Kept, kept.Manifest, kept.Live = true, 0, 0 // it is not what was wanted
			r.journal.Note(n.ID, kept)
		case n.isGoing():
			r.journal.Note(n.ID, going(n.Change, n.Live))
		}
	}
	for _, id := range r.plan.Gone {
		r.journal.Forget(id)
	}
}

// result sums the run up, and looks for the causes of what is not ready.
func (r *run) result(ctx context.Context) *Result {
	res := &Result{
		Outcome: r.outcome, InFlight: r.finished,
		States: map[object.ID]rollout.State{}, Errs: map[object.ID]error{},
	}
	var unready []rollout.Target
	sources := map[object.ID]object.Source{}
	for _, n := range r.nodes {
		if n.Action == diff.Clear && n.err == nil {
			continue // part of the run
		}
		if n.err != nil {
			res.Errs[n.ID] = n.err
		}
		if n.state.Phase != "" {
			res.States[n.ID] = n.state
		}
		if n.progress == done && n.state.Phase == rollout.Deleting {
			res.Going = append(res.Going, n.ID)
		}
		switch {
		case n.progress == done && (len(n.Steps) > 0 || n.Made):
			res.Finished = append(res.Finished, n.ID)
		case n.progress == pending || n.progress == running:
			res.NotStarted = append(res.NotStarted, n.ID)
		case n.progress == written, n.progress == broken:
			res.NotReady = append(res.NotReady, n.ID)
			if n.state.Phase != rollout.Deleting && n.err == nil && n.live != nil {
				sources[n.ID] = n.Source
				unready = append(unready, rollout.Target{
					ID: n.ID, Kind: n.Kind, Policy: n.Policy, Live: n.live,
					Generation: n.live.GetGeneration(), UID: string(n.live.GetUID()), ToEnd: n.Action == diff.Run, Found: n.state,
				})
			}
		}
	}
	res.Diagnosis.Causes = r.held(ctx)
	if len(unready) > 0 && (r.outcome == Failed || r.outcome == TimedOut) {
		d := r.explain(ctx, unready, sources)
		res.Diagnosis.Causes = append(res.Diagnosis.Causes, d.Causes...)
		res.Diagnosis.Notes = append(d.Notes, r.readByOld(d.Causes)...)
	}
	r.gatherRest(ctx)
	res.Hooks = r.hooks
	return res
}

func (r *run) explain(ctx context.Context, unready []rollout.Target, sources map[object.ID]object.Source) rollout.Diagnosis {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	d := rollout.Explain(ctx, r.cluster, r.judge, unready)
	for i := range d.Causes {
		id := d.Causes[i].ID
		if d.Causes[i].Source = sources[id]; r.byID[id].Hook != nil {
			d.Causes[i].Headline = string(r.byID[id].Hook.Event) + " hook " + d.Causes[i].Headline
		}
	}
	return d
}
