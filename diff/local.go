package diff

import (
	"cmp"
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
	if command := p.roleCommand(); command != "" {
		return " (" + command + " prints the Role)"
	}
	return ""
}

// roleCommand is the command that prints the Role, or empty.
func (p *planner) roleCommand() string {
	path := p.w.Origin.Path
	if path == "" || path == "-" {
		return ""
	}
	command := "rbac " + shellWord(path)
	if e := p.w.Origin.Environment; e != "" {
		command += " -e " + shellWord(e)
	}
	return p.command(command + " -r " + p.o.Target.Release + " -n " + p.o.Target.Namespace)
}

// command is one of ours as it can be pasted.
func (p *planner) command(words string) string {
	return p.onCluster(cmp.Or(p.o.Program, "belay") + " " + words)
}

// onCluster adds what makes a command reach the same cluster.
func (p *planner) onCluster(command string) string {
	if p.o.ClusterFlags != "" {
		command += " " + p.o.ClusterFlags
	}
	return command
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

// Place finds how the objects of a release are served, hooks among them, and where
// they will live. What is refused is the user's mistakes.
func Place(ctx context.Context, r Reader, w *render.Wanted, target Target) ([]Placed, []Refusal, error) {
	p := newPlanner(r, nil, w, Options{Op: OpApply, Target: target})
	if err := p.complete(ctx); err != nil {
		return nil, nil, err
	}
	offered := offeredKinds(w.Objects)
	for _, o := range w.AllHooks() { // they are made and deleted as other objects are
		if it, err := p.item(ctx, o, offered); err != nil {
			return nil, nil, err
		} else if it != nil && p.byID[it.ID] == nil {
			p.add(it)
		}
	}
	placed := make([]Placed, 0, len(p.items))
	hooks := p.hookIDs()
	for _, it := range p.items {
		placed = append(placed, Placed{ID: it.ID, Kind: it.Kind, Body: it.wanted, Hook: hooks[it.ID]})
	}
	p.refuseMistakes()
	return placed, p.plan.Refused, nil
}
