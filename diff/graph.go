package diff

import "slices"

// graph is what waits for what. Nodes below real are changes; the others are
// borders between weights, which spare an edge for every pair.
type graph struct {
	real  int
	after [][]int // by the node that comes before
	whys  map[[2]int]string
	// cut are nodes that are looked at no more.
	cut map[int]bool
}

func newGraph(n int) *graph {
	return &graph{real: n, after: make([][]int, n), whys: map[[2]int]string{}, cut: map[int]bool{}}
}

func (g *graph) add(before, after int, why string) {
	key := [2]int{before, after}
	if _, twice := g.whys[key]; twice {
		return
	}
	g.whys[key] = why
	g.after[before] = append(g.after[before], after)
}

// addLevels makes every level come after the one before it.
func (g *graph) addLevels(levels []level) {
	for i := 1; i < len(levels); i++ {
		g.addBorder(levels[i-1].members, levels[i].members, weightWhy)
	}
	for i := 2; i < len(levels); i++ {
		g.add(g.real+i-2, g.real+i-1, weightWhy)
	}
}

// addBorder makes every one of a set come before every one of another.
func (g *graph) addBorder(before, after []int, why string) {
	border := len(g.after)
	g.after = append(g.after, nil)
	for _, n := range before {
		g.add(n, border, why)
	}
	for _, n := range after {
		g.add(border, n, why)
	}
}

// why says why a change waits for another.
func (g *graph) why(before, after int) string {
	if why, ok := g.whys[[2]int{before, after}]; ok {
		return why
	}
	return weightWhy // over a border
}

// behind are all that come after a node, directly or not, and the node.
func (g *graph) behind(from int) map[int]bool {
	seen := map[int]bool{from: true}
	queue := []int{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, next := range g.after[n] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return seen
}

// ahead are all that come before any of some nodes, directly or not, and the nodes.
func (g *graph) ahead(of []int) map[int]bool {
	reversed := newGraph(len(g.after))
	for n, after := range g.after {
		for _, next := range after {
			reversed.after[next] = append(reversed.after[next], n)
		}
	}
	all := len(reversed.after)
	reversed.after = append(reversed.after, of)
	seen := reversed.behind(all)
	delete(seen, all)
	return seen
}

// reaches says whether to comes after from, directly or not.
func (g *graph) reaches(from, to int) bool {
	seen := map[int]bool{from: true}
	queue := []int{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if n == to {
			return true
		}
		for _, next := range g.after[n] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}

// circles finds changes that wait for each other: in each circle, each waits for the
// next, the last for the first. No change is in two of them.
func (g *graph) circles() [][]int {
	var all [][]int
	for {
		var circle []int
		for _, n := range g.way() {
			if found := g.shortest(n); circle == nil || len(found) < len(circle) {
				circle = found
			}
		}
		if circle == nil {
			return all
		}
		for _, n := range circle {
			g.cut[n] = true
		}
		all = append(all, circle)
	}
}

// way finds a way round, over any number of changes: these, without the borders. It is
// nil when there is none.
func (g *graph) way() []int {
	const (
		unseen = iota
		open
		closed
	)
	state := make([]int, len(g.after))
	next := make([]int, len(g.after)) // how far a node's edges are walked
	for start := range g.after {
		if state[start] != unseen || g.cut[start] {
			continue
		}
		way := []int{start}
		state[start] = open
		for len(way) > 0 {
			n := way[len(way)-1]
			if next[n] == len(g.after[n]) {
				state[n] = closed
				way = way[:len(way)-1]
				continue
			}
			to := g.after[n][next[n]]
			next[n]++
			switch {
			case g.cut[to]:
			case state[to] == open:
				return slices.DeleteFunc(way[slices.Index(way, to):], func(n int) bool { return n >= g.real })
			case state[to] == unseen:
				state[to] = open
				way = append(way, to)
			}
		}
	}
	return nil
}

// shortest is the shortest way round from a change that is in a circle, as who waits
// for whom, without the borders, beginning with the first in the bundle.
func (g *graph) shortest(from int) []int {
	const unseen = -1
	before := slices.Repeat([]int{unseen}, len(g.after))
	for queue := []int{from}; before[from] == unseen; queue = queue[1:] {
		for _, next := range g.after[queue[0]] {
			if before[next] == unseen && !g.cut[next] {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	circle := []int{}
	for n := before[from]; n != from; n = before[n] {
		if n < g.real {
			circle = append(circle, n)
		}
	}
	circle = append(circle, from)
	first := slices.Index(circle, slices.Min(circle))
	return slices.Concat(circle[first:], circle[:first])
}
