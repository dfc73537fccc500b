package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// mergeLocally compares an object with what the server's own code makes of the
// manifest here, where the user may read it and not ask the server.
func (p *planner) mergeLocally(ctx context.Context, it *item) error {
	why := "no right to patch " + it.Kind.GVR().GroupResource().String()
	if it.Live == nil {
		p.createOffline(it, why)
		it.err = nil
		it.settled = true
		return nil
	}
	merger, err := p.merger(ctx, it.Kind)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return nil // judged by the manifest alone
	}
	if err != nil {
		return err
	}
	merged, err := merger.Apply(it.Live, it.body, p.manager)
	if err != nil {
		it.err = fmt.Errorf("merging it: %w", err)
		return nil
	}
	it.answer, it.err, it.Unchecked = merged, nil, why
	return nil
}

// tellRights says in a plan that is only shown which rights lack to carry it out,
// and to be sure of it. Those to read are refused: without them there is no plan.
func (p *planner) tellRights() {
	if !p.o.ReadOnly {
		return
	}
	var missing []string
	p.lacking = slices.DeleteFunc(p.lacking, func(l lack) bool {
		if l.Verb == "get" || l.Verb == "list" {
			return false
		}
		right := l.Verb + " " + resourceName(l.Access)
		if !slices.Contains(missing, right) {
			missing = append(missing, right)
		}
		return true
	})
	if len(missing) == 0 {
		return
	}
	slices.Sort(missing)
	const most = 8
	more := ""
	if len(missing) > most+1 {
		more = fmt.Sprintf(" and %d more", len(missing)-most)
		missing = missing[:most]
	}
	p.plan.Warnings = append(p.plan.Warnings, "you may not apply this: you lack "+strings.Join(missing, ", ")+more+p.roleHint())
}

// roleHint names the command that prints the Role.
func (p *planner) roleHint() string {
	if path := p.w.Origin.Path; path != "" && path != "-" {
		return " (belay rbac " + shellWord(path) + " prints the Role)"
	}
	return ""
}

func resourceName(a object.Access) string {
	name := a.Resource
	if a.Group != "" {
		name += "." + a.Group
	}
	if a.Subresource != "" {
		name += "/" + a.Subresource
	}
	return name
}

// Place finds how the objects of a release are served, and where they will live.
func Place(ctx context.Context, r Reader, w *render.Wanted, target Target) ([]Placed, error) {
	p := newPlanner(r, nil, w, Options{Op: OpApply, Target: target})
	if err := p.complete(ctx); err != nil {
		return nil, err
	}
	placed := make([]Placed, 0, len(p.items))
	for _, it := range p.items {
		placed = append(placed, Placed{it.ID, it.Kind})
	}
	return placed, nil
}
