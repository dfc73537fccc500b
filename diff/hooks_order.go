package diff

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
)

// orderHooks puts hooks before or after all else, and in order among themselves.
// What a hook that is not strict refers to comes before it, and so does what is
// shared: namespaces, definitions.
func (p *planner) orderHooks() {
	chains := map[Phase][][]int{}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		if c.Hook == nil {
			continue
		}
		chain := chains[c.Hook.Phase]
		if n := len(chain); n > 0 && p.together(chain[n-1][0], i) {
			chain[n-1] = append(chain[n-1], i)
		} else {
			chain = append(chain, []int{i})
		}
		chains[c.Hook.Phase] = chain
	}
	if len(chains) == 0 {
		return
	}
	needs := p.hookNeeds()
	first := p.firstOf(needs)
	p.plan.Order = append(p.plan.Order, needs...)
	before, after := chains[PhaseBefore], chains[PhaseAfter]
	for _, phase := range phases {
		chain := chains[phase]
		for i := 1; i < len(chain); i++ {
			p.plan.wait(chain[i-1], chain[i], hookWhy)
		}
	}
	var rest, all, very []int
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		if c.Hook != nil || len(c.Steps) == 0 {
			continue
		}
		if !first[i] && (c.Action != Delete || !p.plan.PruneFirst) {
			rest = append(rest, i)
		}
		if c.Action == Delete && c.ID.GroupKind() == object.NamespaceKind { // hooks may live in it
			very = append(very, i)
		} else {
			all = append(all, i)
		}
	}
	if len(before) > 0 {
		p.plan.wait(before[len(before)-1], rest, hookWhy)
	}
	if len(after) > 0 {
		if p.plan.wait(all, after[0], hookWhy); len(rest) == 0 && len(before) > 0 {
			p.plan.wait(before[len(before)-1], after[0], hookWhy)
		}
		p.plan.wait(after[len(after)-1], very, hookWhy)
	}
}

const hookWhy = "hook"

// together says that two hooks, one behind the other, may run at once.
func (p *planner) together(i, j int) bool {
	a, b := &p.plan.Changes[i], &p.plan.Changes[j]
	return a.Action == Run && b.Action == Run && !a.Hook.Strict && !b.Hook.Strict && a.Hook.Weight == b.Hook.Weight
}

// hookNeeds are the edges from what hooks need to be there to the hooks.
func (p *planner) hookNeeds() []Edge {
	n := hookNeeds{p: p, index: map[object.ID]int{}, hooks: map[object.ID][]int{}, graph: newGraph(len(p.plan.Changes))}
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; c.Action == Run {
			n.hooks[c.ID] = append(n.hooks[c.ID], i)
		}
	}
	objs := slices.Clone(p.hookRefs)
	resources := map[schema.GroupKind]string{}
	for i := range p.plan.Changes {
		resources[p.plan.Changes[i].ID.GroupKind()] = p.plan.Changes[i].Kind.Resource
	}
	for i, it := range p.items {
		n.index[it.ID] = i // the changes begin with the items
		objs = append(objs, object.Object{Body: it.body})
	}
	for i := range p.plan.Changes {
		if p.plan.Changes[i].Action == Run {
			n.explicit(i)
		}
	}
	for _, ref := range refs.ScanServed(objs, resources) {
		for _, i := range n.hooks[ref.From] {
			n.reference(i, ref)
		}
	}
	slices.SortFunc(n.edges, func(a, b Edge) int { return cmp.Or(cmp.Compare(a.After, b.After), cmp.Compare(a.Before, b.Before)) })
	return n.edges
}

// hookNeeds gathers what hooks need.
type hookNeeds struct {
	p     *planner
	index map[object.ID]int   // of the items
	hooks map[object.ID][]int // of the changes
	graph *graph
	edges []Edge
}

func (n *hookNeeds) add(e Edge) {
	_, twice := n.graph.whys[[2]int{e.Before, e.After}]
	if !twice && e.Before != e.After && !n.graph.reaches(e.After, e.Before) {
		n.graph.add(e.Before, e.After, e.Why)
		n.edges = append(n.edges, e)
	}
}

// explicit are the needs that stand in no field: what is shared comes before all
// hooks, and what a hook says it depends on.
func (n *hookNeeds) explicit(i int) {
	c := &n.p.plan.Changes[i]
	for s, it := range n.p.items {
		if it.Shared && len(it.Steps) > 0 {
			n.add(Edge{Before: s, After: i, Need: refs.Established, Why: "shared"})
		}
	}
	for _, on := range c.Policy.DependsOn {
		it := &item{Change: *c}
		at, ok := n.p.dependency(n.index, it, on)
		switch {
		case ok && c.Hook.Phase == PhaseBefore:
			n.add(Edge{Before: at, After: i, Need: refs.Ready, Why: "belay.sh/depends-on"})
		case !ok && !n.after(i, on):
			n.p.mistake(it, "depends on "+n.p.name(on)+", which is not in the bundle")
		}
	}
}

// after makes a hook wait for another, if there is one of that name.
func (n *hookNeeds) after(i int, on object.ID) bool {
	found := false
	for id, all := range n.hooks {
		if id.Kind != on.Kind || id.Name != on.Name || on.Namespace != "" && id.Namespace != on.Namespace {
			continue
		}
		found = true
		for _, j := range all {
			if n.p.together(j, i) && n.p.plan.Changes[j].Hook.Phase == n.p.plan.Changes[i].Hook.Phase {
				n.add(Edge{Before: j, After: i, Need: refs.Ready, Why: "belay.sh/depends-on"})
			}
		}
	}
	return found
}

// reference orders a hook after what it refers to, unless it is Helm's.
func (n *hookNeeds) reference(i int, ref refs.Ref) {
	c := &n.p.plan.Changes[i]
	if c.Hook.Strict {
		return
	}
	if at, ok := n.index[ref.To]; ok && c.Hook.Phase == PhaseBefore && len(n.p.items[at].Steps) > 0 {
		n.add(Edge{Before: at, After: i, Need: ref.Need, Why: ref.Path})
	}
	for _, j := range n.hooks[ref.To] { // of equal weight
		if n.p.together(j, i) && n.p.plan.Changes[j].Hook.Phase == c.Hook.Phase {
			n.add(Edge{Before: j, After: i, Need: ref.Need, Why: ref.Path})
		}
	}
}

// firstOf are the changes that come before the hooks: those that hooks need, and
// what these need in turn.
func (p *planner) firstOf(needs []Edge) map[int]bool {
	first := map[int]bool{}
	for _, e := range needs {
		if p.plan.Changes[e.Before].Hook == nil {
			first[e.Before] = true
		}
	}
	for grew := true; grew; {
		grew = false
		for _, e := range p.plan.Order {
			if first[e.After] && !first[e.Before] {
				first[e.Before], grew = true, true
			}
		}
		for _, b := range p.plan.Barriers {
			if !slices.ContainsFunc(b.After, func(i int) bool { return first[i] }) {
				continue
			}
			for _, before := range b.Before {
				if !first[before] {
					first[before], grew = true, true
				}
			}
		}
	}
	return first
}
