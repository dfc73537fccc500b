package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

// drifted counts the objects of a release that others changed. The records mostly
// tell that there are none; where they do not, a drift is planned. A revision
// that was not carried out to its end differs anyway, and has none.
func (e *env) drifted(ctx context.Context, r *openedRelease, objects []liveObject) (int, error) {
	current := r.state.Current()
	target := diff.Target{
		Context: r.conn.Context, Server: r.conn.Server, Namespace: r.namespace, Release: r.name,
		Revision: current.Number, Environment: current.Origin.Environment,
	}
	if current.Status != release.Deployed || !slices.ContainsFunc(objects, func(o liveObject) bool {
		entry := r.state.Inventory[o.id]
		return !entry.Done && !entry.Kept && !entry.Going && (o.live == nil || entry.UID != o.live.GetUID() || entry.Live != fields.Own(o.live, target.Manager()))
	}) {
		return 0, nil
	}
	wanted, err := r.store.Content(ctx, r.name, current)
	if err != nil {
		return 0, err
	}
	plan, err := diff.Compute(ctx, r.conn.Client, r.state, wanted, diff.Options{
		Op: diff.OpDrift, Target: target, ReadOnly: true, MaxDelete: -1, Now: e.now(),
	})
	if err != nil {
		return 0, fmt.Errorf("looking for drift: %w", err)
	}
	return len(report.Drifted(plan)), nil
}
