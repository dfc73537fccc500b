package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/release"
)

// order turns references between changes into edges, and refuses circles.
func (p *planner) order() {
	index := make(map[object.ID]int, len(p.items))
	for i, it := range p.items {
		index[it.ID] = i
	}
	must, may := p.references(index)
	g := newGraph(len(p.items))
	for _, e := range must {
		g.add(e.Before, e.After, e.Why)
	}
	weights := p.weights(must)
	levels := levelsOf(weights)
	g.addLevels(levels)
	if circles := g.circles(); len(circles) > 0 {
		p.refuseCircles(g, circles, weights)
		return
	}
	edges := must
	for _, e := range may {
		if !g.reaches(e.After, e.Before) {
			g.add(e.Before, e.After, e.Why)
			edges = append(edges, e)
		}
	}
	p.plan.Order = p.sent(edges)
	p.orderLevels(levels)
	p.deletions()
	p.plan.Order = strongest(p.plan.Order)
	p.leaveGoing()
}

// references returns the edges between wanted objects: those that must hold, and
// those that are only convenient.
func (p *planner) references(index map[object.ID]int) (must, may []Edge) {
	objs := make([]object.Object, len(p.items))
	for i, it := range p.items {
		objs[i].Body = it.body
	}
	resources := map[schema.GroupKind]string{}
	for _, it := range p.items {
		resources[it.ID.GroupKind()] = it.Kind.Resource
	}
	for _, ref := range refs.ScanServed(objs, resources) {
		before, ok := index[ref.To]
		after := index[ref.From]
		if !ok || before == after {
			continue
		}
		e := Edge{Before: before, After: after, Need: ref.Need, Why: ref.Path}
		if ref.Optional {
			may = append(may, e)
		} else {
			must = append(must, e)
		}
	}
	for i, it := range p.items {
		for _, on := range it.Policy.DependsOn {
			before, ok := p.dependency(index, it, on)
			switch {
			case !ok:
				p.mistake(it, "depends on "+p.name(on)+", which is not in the bundle")
			case before == i:
				p.mistake(it, "depends on itself")
			default:
				must = append(must, Edge{Before: before, After: i, Need: refs.Ready, Why: "belay.sh/depends-on"})
			}
		}
	}
	return must, may
}

// dependency finds what an object depends on; a namespace left out is its own,
// and a group left out is that of the one object that fits.
func (p *planner) dependency(index map[object.ID]int, it *item, on object.ID) (int, bool) {
	for _, namespace := range []string{on.Namespace, it.ID.Namespace} {
		full := on
		if full.Namespace == "" {
			full.Namespace = namespace
		}
		if i, ok := index[full]; ok {
			return i, true
		}
		if i, ok := p.anyGroup(full); ok && on.Group == "" {
			return i, true
		}
	}
	return 0, false
}

// anyGroup finds an object by all but its group, if there is just one.
func (p *planner) anyGroup(id object.ID) (int, bool) {
	found, at := 0, 0
	for i, it := range p.items {
		if id.Group = it.ID.Group; it.ID == id {
			found, at = found+1, i
		}
	}
	return at, found == 1
}

// weights are the objects' weights. What an object of less weight refers to comes
// as early as it, and what refers to an object of more weight as late, unless they
// say otherwise: else the one that refers could not start.
func (p *planner) weights(must []Edge) []int {
	weights := make([]int, len(p.items))
	for i, it := range p.items {
		weights[i] = it.Policy.Weight
	}
	fitWeights(weights, func(yield func(referred, refers int)) {
		for _, e := range must {
			yield(e.Before, e.After)
		}
	})
	return weights
}

// fitWeights gives what has no weight of its own the least weight of what refers to
// it, directly or not, and else the most of what it refers to.
func fitWeights(weights []int, references func(yield func(referred, refers int))) {
	own := slices.Clone(weights)
	for changed := true; changed; {
		changed = false
		references(func(referred, refers int) {
			if own[referred] == 0 && weights[refers] < weights[referred] {
				weights[referred], changed = weights[refers], true
			}
		})
	}
	for changed := true; changed; {
		changed = false
		references(func(referred, refers int) {
			if own[refers] == 0 && weights[refers] < weights[referred] {
				weights[refers], changed = weights[referred], true
			}
		})
	}
}

// level are the objects of one weight.
type level struct {
	weight  int
	members []int
}

func levelsOf(weights []int) []level {
	byWeight := map[int][]int{}
	for i, w := range weights {
		byWeight[w] = append(byWeight[w], i)
	}
	levels := make([]level, 0, len(byWeight))
	for _, w := range sortedKeys(byWeight) {
		levels = append(levels, level{w, byWeight[w]})
	}
	return levels
}

const weightWhy = "belay.sh/weight"

// orderLevels makes each level wait for the one before it that has anything to do.
func (p *planner) orderLevels(levels []level) {
	var before []int
	for _, l := range levels {
		var busy, sending []int
		for _, i := range l.members {
			if p.busy(i) {
				busy = append(busy, i)
			}
			if len(p.items[i].Steps) > 0 {
				sending = append(sending, i)
			}
		}
		if len(busy) == 0 {
			continue
		}
		p.plan.wait(before, sending, weightWhy)
		before = busy
	}
}

// busy says whether others may have to wait for a change: it sends something, or
// the run that sent it did not come to its end, and then it may not be ready.
func (p *planner) busy(i int) bool {
	if len(p.items[i].Steps) > 0 {
		return true
	}
	current := p.s.Current()
	return current != nil && current.Status != release.Deployed && p.items[i].Action == Unchanged
}

// sent keeps the edges of what sends something.
func (p *planner) sent(edges []Edge) []Edge {
	return slices.DeleteFunc(edges, func(e Edge) bool {
		there := len(p.items[e.Before].Steps) == 0
		return len(p.items[e.After].Steps) == 0 || there && (e.Need == refs.Exists || !p.busy(e.Before))
	})
}

// strongest sorts edges and keeps one for each pair: the one with the strongest
// need.
func strongest(edges []Edge) []Edge {
	kept := map[[2]int]int{}
	var out []Edge
	for _, e := range edges {
		key := [2]int{e.Before, e.After}
		i, twice := kept[key]
		switch {
		case !twice:
			kept[key] = len(out)
			out = append(out, e)
		case strength(e.Need) > strength(out[i].Need):
			out[i] = e
		}
	}
	slices.SortStableFunc(out, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.After, b.After), cmp.Compare(a.Before, b.Before))
	})
	return out
}

// refuseCircles refuses objects that wait for each other, with the whole way round.
func (p *planner) refuseCircles(g *graph, circles [][]int, weights []int) {
	p.plan.Circular = true
	r := Refusal{
		Code: RefusedInput, Message: "objects wait for each other in a circle; nothing was changed",
		Hints: []string{"what waits for itself never starts: leave out one of the waits"},
	}
	if len(circles) > 1 {
		r.Message = fmt.Sprintf("objects wait for each other in %d circles; nothing was changed", len(circles))
		r.Hints = []string{"what waits for itself never starts: leave out one wait of each circle"}
	}
	for _, circle := range circles {
		var way, waits []string
		for i, n := range circle {
			before := circle[(i+1)%len(circle)]
			it := p.items[n]
			r.IDs = append(r.IDs, it.ID)
			way = append(way, p.name(it.ID))
			why := g.why(before, n)
			if why == weightWhy {
				why = fmt.Sprintf("%s %d comes after %d", weightWhy, weights[n], weights[before])
			}
			waits = append(waits, p.name(it.ID)+inBrackets(it.Source.String())+" waits for "+p.name(p.items[before].ID)+": "+why)
		}
		r.Lines = append(append(r.Lines, strings.Join(append(way, way[0]), " → ")), waits...)
	}
	p.plan.Refused = append(p.plan.Refused, r)
}
