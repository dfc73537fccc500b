package diff

import (
	"fmt"
	"slices"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// prune decides what becomes of objects that the release made and no longer wants.
func (p *planner) prune() {
	wanted := map[string]object.ID{}
	for _, it := range p.items {
		if it.Live != nil {
			wanted[string(it.Live.GetUID())] = it.ID
		}
	}
	for _, l := range p.leftovers {
		p.pruneOne(l, wanted)
	}
}

func (p *planner) pruneOne(l *leftover, wanted map[string]object.ID) {
	c := Change{ID: l.id, Kind: l.kind, Live: l.live, Owner: Ours, Shared: l.entry.Shared || shared(l.id.GroupKind())}
	switch why, gone := p.gone(l, wanted); {
	case gone:
		p.plan.Gone = append(p.plan.Gone, l.id)
		if why != "" {
			p.plan.Warnings = append(p.plan.Warnings, p.name(l.id)+" "+why)
		}
		return
	case c.Shared && !p.deletesShared(l.id) && (!l.entry.Going || l.live.GetDeletionTimestamp() == nil):
		p.keepShared(&c)
		return
	case c.Shared:
		p.remove(&c)
		p.plan.Changes = append(p.plan.Changes, c)
		return
	}
	protected, keep := policy.Protected(object.Object{Body: l.live})
	switch {
	case keep:
		c.Action, c.Reason = Keep, protected
	case p.o.NoPrune && p.o.Op != OpDelete:
		c.Action, c.Reason, c.Leftover = Keep, "--no-prune", true
	default:
		p.remove(&c)
	}
	p.plan.Changes = append(p.plan.Changes, c)
}

func (p *planner) remove(c *Change) {
	c.Action = Delete
	c.Impact = stops(c)
	if p.o.Op == OpApply {
		c.Reason = "removed from the bundle"
	}
	if c.Shared {
		c.Reason = "asked for by --delete-crds"
		if c.ID.GroupKind() == object.NamespaceKind {
			c.Reason = "asked for by --delete-namespace"
		}
	}
	if c.Live.GetDeletionTimestamp() != nil {
		c.Reason = "is being deleted already"
	}
	c.Steps = []Step{{
		Verb: VerbDelete, Propagation: "Background",
		UID: string(c.Live.GetUID()), Version: c.Live.GetResourceVersion(),
	}}
}

// leaveGoing leaves alone what is being deleted already, where nobody waits: there is
// nothing more to send. It stays in the inventory until it was seen gone.
func (p *planner) leaveGoing() {
	if !p.o.NoWait || p.o.PruneFirst || p.o.Op == OpDelete {
		return
	}
	going := map[int]bool{}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		going[i] = c.Action == Delete && c.Live.GetDeletionTimestamp() != nil
	}
	for awaited := true; awaited; { // by what has yet to be deleted, or by what that waits for
		awaited = false
		leave := func(before int, after ...int) {
			if going[before] && slices.ContainsFunc(after, func(i int) bool { return !going[i] }) {
				going[before], awaited = false, true
			}
		}
		for _, e := range p.plan.Order {
			leave(e.Before, e.After)
		}
		for _, b := range p.plan.Barriers {
			for _, before := range b.Before {
				leave(before, b.After...)
			}
		}
	}
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; going[i] {
			c.Action, c.Reason, c.Leftover = Keep, "is being deleted already, and not waited for", true
			c.Steps, c.Impact = nil, nil
		}
	}
	p.plan.Order = slices.DeleteFunc(p.plan.Order, func(e Edge) bool { return going[e.After] })
	p.plan.Barriers = slices.DeleteFunc(p.plan.Barriers, func(b Barrier) bool {
		return !slices.ContainsFunc(b.After, func(i int) bool { return !going[i] })
	})
}

// keepShared lets go of a namespace or a CRD: others live off it.
func (p *planner) keepShared(c *Change) {
	c.Action, c.Reason = Keep, "it is shared, and never deleted unasked"
	p.plan.Changes = append(p.plan.Changes, *c)
}

// gone says whether an entry leaves the inventory without a request: the object
// is not there, or not the release's any more, and then why is for people.
func (p *planner) gone(l *leftover, wanted map[string]object.ID) (why string, gone bool) {
	if l.live == nil {
		// What could not be read is not gone; the right that lacks is noted.
		return "", true
	}
	uid := string(l.live.GetUID())
	if p.deletesNamespace() && l.id == p.namespaceID() {
		return "", false // it was asked for by its name
	}
	if id, ok := wanted[uid]; ok {
		return "is the same object as " + p.name(id) + " and stays", true
	}
	if l.entry.UID == "" {
		if !p.proven(l.live) {
			return "", true // never made by this release
		}
	} else if string(l.entry.UID) != uid {
		return "was replaced by somebody, and is left alone", true
	}
	if owner, name := p.owner(l.live, uid); owner == OtherRelease {
		return "belongs to " + name + " now, and is left alone", true
	}
	if name := controller(l.live); name != "" {
		return "is controlled by " + name + " now, and is left alone", true
	}
	return "", false
}

// guard refuses a plan that would delete much of a release without being told so.
func (p *planner) guard() {
	if p.o.Op != OpApply {
		return
	}
	var ids []object.ID
	stateful := false
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; c.Action == Delete {
			ids = append(ids, c.ID)
			stateful = stateful || c.ID.Group == "apps" && c.ID.Kind == "StatefulSet"
		}
	}
	if len(p.w.Objects) == 0 && len(ids) > 0 {
		if !p.o.AllowEmpty {
			p.refuseDeletes(ids, "the bundle renders no objects; this would delete all of "+p.o.Target.Release,
				"if it is meant: --allow-empty; to remove the release: "+p.command("delete "+p.o.Target.Release+" -n "+p.o.Target.Namespace))
		}
		return
	}
	size := p.size()
	switch {
	case p.o.MaxDelete >= len(ids):
	case len(ids) > 3 && 2*len(ids) > size:
		p.refuseDeletes(ids, fmt.Sprintf("this would delete %d of the %d objects of %s", len(ids), size, p.o.Target.Release),
			fmt.Sprintf("if it is meant: --max-delete %d", len(ids)))
	case stateful:
		p.refuseDeletes(ids, "this would delete a StatefulSet of "+p.o.Target.Release,
			fmt.Sprintf("if it is meant: --max-delete %d", len(ids)))
	}
}

// size counts the objects of the release as it is.
func (p *planner) size() int {
	n := 0
	for id, entry := range p.s.Inventory {
		if !entry.Shared && !entry.Kept && !entry.Going && !shared(id.GroupKind()) {
			n++
		}
	}
	return n
}

func (p *planner) refuseDeletes(ids []object.ID, what, hint string) {
	p.plan.Refused = append(p.plan.Refused, Refusal{
		Code: RefusedByRule, IDs: ids,
		Message: "refused: " + what + "; nothing was changed",
		Lines:   p.names(ids),
		Hints:   []string{hint},
	})
}
