package apply

import (
	"context"
	"fmt"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// Namespace creates the release's own namespace if the plan does. It is the one
// write that comes before the lock, for lock and records live in it; it is
// idempotent and never undone. The change stays in the plan, without its steps, as
// one that is made.
func Namespace(ctx context.Context, c Cluster, p *diff.Plan) error {
	id := object.ID{Kind: object.NamespaceKind.Kind, Name: p.Target.Namespace}
	for i := range p.Changes {
		change := &p.Changes[i]
		if change.ID != id || change.Action != diff.Create {
			continue
		}
		for _, step := range change.Steps {
			live, _, err := c.Apply(ctx, change.Kind, step.Body, object.ApplyOptions{Manager: p.Target.Manager()})
			if err != nil {
				return fmt.Errorf("creating namespace %s: %w", p.Target.Namespace, err)
			}
			change.Live = live
		}
		change.Steps, change.Made = nil, true
	}
	return nil
}
