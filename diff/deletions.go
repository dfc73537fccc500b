package diff

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/refs"
)

// unmaking is the order in which a plan deletes: the other way round than things
// were made, as far as the live objects tell.
type unmaking struct {
	plan  *Plan
	index map[object.ID]int // of the changes that delete
	graph *graph
	edges []Edge
	// references is how many of the edges say what refers to, or depends on, what.
	references int
}

// deletions orders what is deleted: what depends on something goes before it,
// what refers before what it refers to, and custom resources before the pods
// of the operator that has to see them off.
func (p *planner) deletions() {
	u := unmaking{plan: p.plan, index: map[object.ID]int{}, graph: newGraph(len(p.plan.Changes))}
	var objs []object.Object
	resources := map[schema.GroupKind]string{}
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; c.Action == Delete {
			u.index[c.ID] = i
			resources[c.ID.GroupKind()] = c.Kind.Resource
			objs = append(objs, object.Object{Body: c.Live})
		}
	}
	if p.o.PruneFirst && len(objs) > 0 {
		p.plan.Warnings = append(p.plan.Warnings, "deletions come first (--prune-first): what they served is away until the rest is ready")
	}
	own, deletesOwn := u.index[object.ID{Kind: object.NamespaceKind.Kind, Name: p.o.Target.Namespace}]
	u.dependencies(objs)
	for _, ref := range refs.ScanServed(objs, resources) {
		u.add(ref.From, ref.To, ref.Path)
	}
	u.references = len(u.edges)
	u.operators(objs)
	u.levels(objs)
	if deletesOwn { // the release's records live in it
		for _, o := range objs {
			u.add(o.ID(), p.plan.Changes[own].ID, "the release's namespace goes last")
		}
	}
	p.plan.Order = append(p.plan.Order, u.edges...)
}

// add makes one object go before another, if both go and it closes no circle.
func (u *unmaking) add(first, then object.ID, why string) {
	before, ok := u.index[first]
	after, both := u.index[then]
	if !ok || !both || before == after {
		return
	}
	if _, twice := u.graph.whys[[2]int{before, after}]; twice {
		return
	}
	if u.graph.reaches(after, before) {
		return
	}
	u.graph.add(before, after, why)
	u.edges = append(u.edges, Edge{Before: before, After: after, Need: refs.Gone, Why: why})
}

// all makes every one of a set go before every one of another, but for pairs that
// would close a circle. Those that lead back to the first set are few.
func (u *unmaking) all(first, then []int, why string) {
	leadBack := u.graph.ahead(first)
	var free, bound []int
	for _, t := range then {
		if leadBack[t] {
			bound = append(bound, t)
		} else {
			free = append(free, t)
		}
	}
	if len(free) > 0 {
		u.plan.wait(first, free, why)
		u.graph.addBorder(first, free, why)
	}
	for _, t := range bound {
		behind := u.graph.behind(t)
		free := slices.DeleteFunc(slices.Clone(first), func(f int) bool { return behind[f] })
		u.plan.wait(free, []int{t}, why)
		for _, f := range free {
			u.graph.add(f, t, why)
		}
	}
}

// dependencies adds what live objects ask for: what depends goes before what it
// depends on.
func (u *unmaking) dependencies(objs []object.Object) {
	for _, o := range objs {
		_, dependsOn := policy.Order(o)
		for _, on := range dependsOn {
			u.add(o.ID(), u.find(on, o.ID().Namespace), "belay.sh/depends-on")
		}
	}
}

// levels makes higher weights go before lower ones, as far as references allow:
// what an object of low weight refers to came as early as it, and goes with it.
func (u *unmaking) levels(objs []object.Object) {
	weights := make([]int, len(objs))
	for i, o := range objs {
		weights[i], _ = policy.Order(o)
	}
	place := make(map[int]int, len(objs)) // by change
	changes := make([]int, len(objs))
	for i, o := range objs {
		changes[i] = u.index[o.ID()]
		place[changes[i]] = i
	}
	fitWeights(weights, func(yield func(referred, refers int)) {
		for _, e := range u.edges[:u.references] {
			yield(place[e.After], place[e.Before])
		}
	})
	members := func(l level) []int {
		found := make([]int, len(l.members))
		for i, m := range l.members {
			found[i] = changes[m]
		}
		return found
	}
	levels := levelsOf(weights)
	for i := len(levels) - 1; i > 0; i-- {
		u.all(members(levels[i]), members(levels[i-1]), weightWhy)
	}
}

// find completes what an annotation names with what goes: a namespace that is left
// out is the object's own, a group that of the one that fits.
func (u *unmaking) find(on object.ID, namespace string) object.ID {
	if on.Namespace == "" {
		on.Namespace = namespace
	}
	if _, ok := u.index[on]; ok || on.Group != "" {
		return on
	}
	for id := range u.index {
		if on.Kind == id.Kind && on.Namespace == id.Namespace && on.Name == id.Name {
			return id
		}
	}
	on.Namespace = "" // it may have none
	return on
}

// operators makes custom resources, and definitions, go before the workloads of
// the release: one of these may have to remove their finalizers. With them go
// their dependents, which may have finalizers as well.
func (u *unmaking) operators(objs []object.Object) {
	var seenOff, workloads []int
	for _, o := range objs {
		switch gk := o.ID().GroupKind(); {
		case makesPods(gk):
			workloads = append(workloads, u.index[o.ID()])
		case custom(gk), gk == object.CRDKind:
			seenOff = append(seenOff, u.index[o.ID()])
		}
	}
	if len(workloads) == 0 || len(seenOff) == 0 {
		return
	}
	u.all(seenOff, workloads, "an operator may have to see it off")
	for _, i := range seenOff {
		if c := &u.plan.Changes[i]; custom(c.ID.GroupKind()) {
			c.Steps[0].Propagation = "Foreground"
		}
	}
}

// custom says whether a kind is none of Kubernetes' own.
func custom(gk schema.GroupKind) bool {
	name, ours := strings.CutSuffix(gk.Group, ".k8s.io")
	if !ours {
		return strings.Contains(gk.Group, ".")
	}
	switch name {
	case "admissionregistration", "apiextensions", "apiregistration", "certificates", "coordination", "discovery",
		"events", "flowcontrol.apiserver", "networking", "node", "rbac.authorization", "resource", "scheduling",
		"storage", "storagemigration":
		return false
	}
	return true
}
