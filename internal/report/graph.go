package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/refs"
)

// Graph writes the order in which a plan's changes start: a step is what can run
// at once, and below an object is what it waits for. Where objects wait for each
// other there are no steps: the refusal says who waits for whom.
func Graph(w io.Writer, p *diff.Plan, full bool) error {
	if p.Circular {
		_, err := io.WriteString(w, "no steps: objects wait for each other in a circle\n")
		return err
	}
	v := newPlanView(p, PlanOptions{Full: full})
	waits := p.Waits()
	depth := depths(p)
	var b strings.Builder
	last := slices.Max(append([]int{0}, depth...))
	for level := 1; level <= last; level++ {
		fmt.Fprintf(&b, "step %d\n", level)
		for i := range p.Changes {
			if depth[i] == level {
				v.node(&b, p, i, waits(i))
			}
		}
	}
	if last == 0 {
		b.WriteString("nothing to do, in no order\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// depths is when each change can start: 0 when it sends nothing. What is pruned
// comes after all that is not, or before it.
func depths(p *diff.Plan) []int {
	depth := make([]int, len(p.Changes))
	waits, behind := make([][]int, len(p.Changes)), make([][]int, len(p.Changes))
	for _, e := range p.Order {
		waits[e.After] = append(waits[e.After], e.Before)
	}
	for k, b := range p.Barriers {
		for _, after := range b.After {
			behind[after] = append(behind[after], k)
		}
	}
	barriers := make([]int, len(p.Barriers)) // the depth of what each waits for
	visit := func(stage, base int) int {
		top := base
		for range p.Changes { // as often as the longest way is long, at most
			again := false
			for k, b := range p.Barriers {
				for _, before := range b.Before {
					barriers[k] = max(barriers[k], depth[before])
				}
			}
			for i := range p.Changes {
				c := &p.Changes[i]
				if len(c.Steps) == 0 || stageOf(c) != stage {
					continue
				}
				d := base + 1
				for _, before := range waits[i] {
					d = max(d, depth[before]+1)
				}
				for _, k := range behind[i] {
					d = max(d, barriers[k]+1)
				}
				if d != depth[i] {
					depth[i], again = d, true
				}
				top = max(top, d)
			}
			if !again {
				break
			}
		}
		return top
	}
	if p.PruneFirst {
		visit(2, visit(0, visit(1, 0)))
	} else {
		visit(2, visit(1, visit(0, 0)))
	}
	return depth
}

// stageOf parts what is pruned, and the hooks after it, from all else.
func stageOf(c *diff.Change) int {
	switch {
	case c.Hook != nil && c.Hook.Phase != diff.PhaseBefore:
		return 2
	case c.Action == diff.Delete:
		return 1
	}
	return 0
}

// maxWaits is how many of an object's waits are written without --full.
const maxWaits = 6

func (v *planView) node(b *strings.Builder, p *diff.Plan, i int, waits []diff.Edge) {
	c := &p.Changes[i]
	fmt.Fprintf(b, "  %s %s\n", sigils[c.Action], v.name(c.ID))
	shown := waits
	if len(waits) > maxWaits+1 && !v.o.Full {
		shown = waits[:maxWaits]
	}
	for _, e := range shown {
		need := map[refs.Need]string{
			refs.Exists: "exists", refs.Established: "is established", refs.Ready: "is ready", refs.Gone: "is gone",
		}[e.Need]
		fmt.Fprintf(b, "      when %s %s (%s)\n", v.name(p.Changes[e.Before].ID), need, Clean(e.Why))
	}
	if left := len(waits) - len(shown); left > 0 {
		fmt.Fprintf(b, "      … and %d more\n", left)
	}
}
