package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/internal/rollout"
)

// said reads what the bundle itself says of readiness, where there are objects that
// it can be about: its own rules, and what of each object counts as done.
func (r *openedRelease) said(ctx context.Context, objects []liveObject) (*rollout.Judge, map[object.ID]policy.Wait, error) {
	counts := func(o liveObject) bool {
		custom := strings.Contains(o.id.Group, ".") && !strings.HasSuffix(o.id.Group, ".k8s.io")
		return custom || o.live != nil && rollout.Of(o.live).Phase != rollout.Ready
	}
	if len(r.state.Current().Content) == 0 || !slices.ContainsFunc(objects, counts) {
		return nil, nil, nil // a delete wants nothing, and has no rules
	}
	wanted, err := r.store.Content(ctx, r.name, r.state.Current())
	if err != nil {
		return nil, nil, err
	}
	waits := make(map[object.ID]policy.Wait, len(wanted.Objects))
	for _, o := range wanted.Objects {
		p, err := policy.Of(o, wanted.Rules)
		if err != nil {
			continue // an older belay took it; it is waited for
		}
		id := o.ID()
		waits[id] = p.Wait
		if id.Namespace == "" {
			id.Namespace = r.namespace
			waits[id] = p.Wait
		}
	}
	return rollout.NewJudge(wanted.Rules.Readiness), waits, nil
}

func (r *openedRelease) statesOf(ctx context.Context, judge *rollout.Judge, waits map[object.ID]policy.Wait, objects []liveObject) []report.ObjectStatus {
	states := make([]report.ObjectStatus, len(objects))
	for i, o := range objects {
		states[i] = report.ObjectStatus{ID: o.id, State: stateOf(judge, o)}
		switch {
		case r.state.Inventory[o.id].Done && (o.live == nil || o.live.GetDeletionTimestamp() != nil):
			states[i].State = rollout.State{Phase: rollout.Ready, Summary: "complete, and removed since"}
		case o.live != nil:
			states[i].State = rollout.ByClass(ctx, r.conn.Client, o.live, states[i].State)
			states[i].Created = o.live.GetCreationTimestamp().Time
			wait, said := waits[o.id]
			states[i].NotWaited = said && wait != policy.WaitReady || r.state.Inventory[o.id].Going
		}
	}
	return states
}

func stateOf(judge *rollout.Judge, o liveObject) rollout.State {
	if o.live == nil {
		return rollout.State{Phase: rollout.Missing, Summary: "missing"}
	}
	return judge.Of(o.live)
}
