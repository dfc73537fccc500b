package diff

import (
	"fmt"
	"slices"
	"time"

	"github.com/belay-sh/belay/internal/object"
)

// StaleRefusal says why a plan that was made earlier no longer fits: what now is
// what would be done. made is when the earlier one was.
func StaleRefusal(then, now *Plan, made, at time.Time) Refusal {
	r := Refusal{
		Code:    RefusedByRule,
		Message: "refused: the plan of " + made.Local().Format("15:04") + " no longer fits; nothing was changed",
		Hints:   []string{"make the plan again"},
	}
	if at.Sub(made) > 20*time.Hour {
		r.Message = "refused: the plan of " + made.Local().Format("2006-01-02 15:04") + " no longer fits; nothing was changed"
	}
	before := map[object.ID]*Change{}
	for i := range then.Changes {
		before[then.Changes[i].ID] = &then.Changes[i]
	}
	var rows [][2]string
	for i := range now.Changes {
		c := &now.Changes[i]
		old := before[c.ID]
		delete(before, c.ID)
		if old == nil {
			old = &Change{ID: c.ID, Action: Unchanged}
		}
		if sameRequests(old, c) && len(c.unforced()) == 0 {
			continue // it could be carried out as it was when it was saved
		}
		r.IDs = append(r.IDs, c.ID)
		for _, text := range moved(old, c, at) {
			rows = append(rows, [2]string{c.ID.In(now.Target.Namespace), text})
		}
	}
	for id, old := range before {
		if len(old.Steps) > 0 {
			r.IDs = append(r.IDs, id)
			rows = append(rows, [2]string{id.In(now.Target.Namespace), "was to be " + done(old.Action) + ", and is gone from the plan"})
		}
	}
	r.Lines = columns(rows)
	return r
}

// unforced are the conflicts that nobody decided.
func (c *Change) unforced() []Conflict {
	return slices.DeleteFunc(slices.Clone(c.Conflicts), func(c Conflict) bool { return c.Forced })
}

func sameRequests(a, b *Change) bool {
	return (&Plan{Changes: []Change{*a}}).Same(&Plan{Changes: []Change{*b}})
}

// moved says what is different about an object since a plan was made.
func moved(old, now *Change, at time.Time) []string {
	if old.Action != now.Action {
		return []string{fmt.Sprintf("was to be %s, is to be %s", done(old.Action), done(now.Action)) + lastWriter(now, at)}
	}
	was := map[string]any{}
	for _, p := range old.Paths {
		was[p.Path] = p.From
	}
	var lines []string
	for _, p := range now.Paths {
		from, listed := was[p.Path]
		delete(was, p.Path)
		if listed && object.Hash(from) == object.Hash(p.From) {
			continue
		}
		if !listed {
			from = p.To // it was as wanted
		}
		lines = append(lines, fmt.Sprintf("%s was %s, is %s", p.Path, valueText(now.ID, p.Path, from), valueText(now.ID, p.Path, p.From))+lastWriter(now, at))
	}
	for _, p := range old.Paths {
		if from, left := was[p.Path]; left {
			lines = append(lines, fmt.Sprintf("%s was %s, is as wanted", p.Path, valueText(now.ID, p.Path, from)))
		}
	}
	if len(lines) == 0 {
		for _, c := range now.unforced() {
			lines = append(lines, c.Path+" is "+c.Manager+"'s now")
		}
	}
	if len(lines) == 0 {
		lines = []string{"would be written otherwise" + lastWriter(now, at)}
	}
	return lines
}

// done is what an action makes of an object.
func done(a Action) string {
	switch a {
	case Unchanged, "":
		return "left as it is"
	case Keep:
		return "kept"
	}
	return string(a) + "d"
}

// lastWriter names who wrote the object last, besides us.
func lastWriter(c *Change, at time.Time) string {
	managers, wrote := c.Changed()
	if len(managers) == 0 {
		return ""
	}
	return " (" + managers[0] + commaAgo(at, wrote) + ")"
}

func commaAgo(at time.Time, when string) string {
	if text := ago(at, when); text != "" {
		return "," + text
	}
	return ""
}
