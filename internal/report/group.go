package report

import (
	"fmt"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// manyAlike is how many objects must share a change for it to be shown once.
const manyAlike = 4

// grouping are the changes of single fields that many objects share.
type grouping struct {
	shared []sharedChange
	index  map[alike]int
}

// alike identifies equal changes.
type alike struct {
	path, from, to string
	ownership      bool
}

type sharedChange struct {
	diff.PathChange
	count int
}

// groupChanges finds the field changes that many updated objects share. Those
// of Secrets are left alone, and so are values of several lines.
func groupChanges(p *diff.Plan) grouping {
	g := grouping{index: map[alike]int{}}
	var all []sharedChange
	seen := map[alike]int{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action != diff.Update {
			continue
		}
		for _, f := range c.Paths {
			key, ok := alikeOf(c.ID, f)
			if !ok {
				continue
			}
			at, known := seen[key]
			if !known {
				at = len(all)
				seen[key] = at
				all = append(all, sharedChange{PathChange: f})
			}
			all[at].count++
		}
	}
	for key, at := range seen {
		if all[at].count >= manyAlike {
			g.index[key] = at
		}
	}
	for _, s := range all {
		if s.count >= manyAlike {
			g.shared = append(g.shared, s)
		}
	}
	return g
}

func alikeOf(id object.ID, f diff.PathChange) (alike, bool) {
	if object.IsSecretPath(id, f.Path) || !simple(f.From) || !simple(f.To) {
		return alike{}, false
	}
	return alike{f.Path, fmt.Sprintf("%T %v", f.From, f.From), fmt.Sprintf("%T %v", f.To, f.To), f.Ownership}, true
}

// has says that the change of a field is shown with its group.
func (g grouping) has(id object.ID, f diff.PathChange) bool {
	if len(g.shared) == 0 {
		return false
	}
	key, ok := alikeOf(id, f)
	if !ok {
		return false
	}
	_, ok = g.index[key]
	return ok
}

// covers says that the groups tell all about a change, so that its object
// needs no line of its own.
func (g grouping) covers(c *diff.Change) bool {
	if c.Action != diff.Update || len(c.Paths) == 0 || len(c.Impact) > 0 || c.Adopted || c.Reason != "" || c.Unchecked != "" {
		return false
	}
	for _, f := range c.Paths {
		if !g.has(c.ID, f) {
			return false
		}
	}
	return true
}

// grouped writes the changes that many objects share.
func (v *planView) grouped(b *strings.Builder) {
	for _, s := range v.groups.shared {
		fmt.Fprintf(b, "%s %s: %s: %s\n", v.in(yellow, "~"), count(s.count, "object"), Clean(s.Path), shortChange(s.PathChange))
	}
}

// shortChange writes a change of a simple value in a line.
func shortChange(f diff.PathChange) string {
	switch {
	case f.Ownership:
		return "only its ownership changes"
	case f.From == nil:
		return scalarText(f.To) + " is new"
	case f.To == nil:
		return scalarText(f.From) + " is removed"
	default:
		return scalarText(f.From) + " → " + scalarText(f.To)
	}
}
