package diff

import (
	"slices"

	"github.com/belay-sh/belay/internal/refs"
)

// Barrier makes each of After wait for all of Before, which must be ready or, where
// they are deleted, gone. It stands for an edge of every pair, in the room of a list.
// Its numbers are indices into Plan.Changes.
type Barrier struct {
	Before []int  `json:"before"`
	After  []int  `json:"after"`
	Why    string `json:"why"`
}

// Waits returns what gives a change's edges, those that barriers stand for, too, in
// the order of what comes before; of each pair the one with the strongest need.
func (p *Plan) Waits() func(change int) []Edge {
	edges, barriers := map[int][]Edge{}, map[int][]*Barrier{}
	for _, e := range p.Order {
		edges[e.After] = append(edges[e.After], e)
	}
	for i := range p.Barriers {
		for _, after := range p.Barriers[i].After {
			barriers[after] = append(barriers[after], &p.Barriers[i])
		}
	}
	return func(change int) []Edge {
		byBefore := map[int]Edge{}
		note := func(e Edge) {
			if old, twice := byBefore[e.Before]; !twice || strength(e.Need) > strength(old.Need) {
				byBefore[e.Before] = e
			}
		}
		for _, e := range edges[change] {
			note(e)
		}
		for _, b := range barriers[change] {
			for _, before := range b.Before {
				note(Edge{Before: before, After: change, Need: p.need(before), Why: b.Why})
			}
		}
		all := make([]Edge, 0, len(byBefore))
		for _, before := range sortedKeys(byBefore) {
			all = append(all, byBefore[before])
		}
		return all
	}
}

// need is what those behind a barrier wait for in a change.
func (p *Plan) need(change int) refs.Need {
	if p.Changes[change].Action == Delete {
		return refs.Gone
	}
	return refs.Ready
}

// strength orders needs.
func strength(n refs.Need) int {
	return slices.Index([]refs.Need{refs.Exists, refs.Established, refs.Ready, refs.Gone}, n)
}

// wait makes every change of one set wait for all of another.
func (p *Plan) wait(before, after []int, why string) {
	if len(before) > 1 && len(after) > 1 {
		p.Barriers = append(p.Barriers, Barrier{Before: before, After: after, Why: why})
		return
	}
	for _, a := range after {
		for _, b := range before {
			p.Order = append(p.Order, Edge{Before: b, After: a, Need: p.need(b), Why: why})
		}
	}
}
