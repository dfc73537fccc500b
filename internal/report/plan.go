package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// PlanOptions say how a plan is shown.
type PlanOptions struct {
	Color bool
	// Full names every object, shows whole manifests of what is created, and
	// cuts nothing.
	Full bool
	// Summary names what changes, and shows no field.
	Summary bool
	// MaxLines cuts a long plan; 0 shows all of it. The last line, the counts, is
	// always shown.
	MaxLines int
	// ShowSecrets shows values of Secrets; for terminals only.
	ShowSecrets bool
}

// Plan writes what a plan would change, for people. What is refused is not in
// it; see Refused.
func Plan(w io.Writer, p *diff.Plan, o PlanOptions) error {
	v := newPlanView(p, o)
	var b strings.Builder
	if p.Op == diff.OpDelete && !o.Full {
		v.deletion(&b)
	} else {
		v.changes(&b)
	}
	text := cutLines(b.String(), o.MaxLines)
	if text != "" {
		text += "\n"
	}
	_, err := io.WriteString(w, text+v.counts()+"\n")
	return err
}

// planView is a plan on its way to lines.
type planView struct {
	plan *diff.Plan
	o    PlanOptions
	paint
	masker *object.Masker
	// column is the width of the column of names.
	column int
	groups grouping
	// unchecked are reasons that so many objects share that they are said once.
	unchecked map[string]int
}

func newPlanView(p *diff.Plan, o PlanOptions) *planView {
	masker := &object.Masker{}
	if !o.ShowSecrets {
		p = hideInPlan(p, masker)
	}
	v := &planView{plan: p, o: o, paint: paint(o.Color), masker: masker, unchecked: map[string]int{}}
	if !o.Full && !o.Summary {
		v.groups = groupChanges(p)
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action != diff.Unchanged && !v.groups.covers(c) || len(notices(c)) > 0 {
			v.column = max(v.column, width(v.name(c.ID)))
		}
		if c.Unchecked != "" {
			v.unchecked[c.Unchecked]++
		}
	}
	return v
}

func (v *planView) name(id object.ID) string { return Clean(id.In(v.plan.Target.Namespace)) }

// order is that of the counts.
var order = []diff.Action{diff.Create, diff.Update, diff.Recreate, diff.Delete, diff.Run, diff.Keep}

var sigils = map[diff.Action]string{
	diff.Create: "+", diff.Update: "~", diff.Recreate: "±", diff.Delete: "-", diff.Run: ">", diff.Keep: "=",
}

var sigilColors = map[diff.Action]string{
	diff.Create: green, diff.Update: yellow, diff.Recreate: yellow, diff.Delete: red, diff.Run: cyan, diff.Keep: dim,
}

func (v *planView) changes(b *strings.Builder) {
	for _, action := range order {
		if action == diff.Update {
			v.grouped(b)
		}
		for _, c := range v.with(action) {
			if !v.groups.covers(c) {
				v.change(b, c)
			}
		}
	}
	v.notices(b)
}

// with returns the changes of an action, in the order of their names.
func (v *planView) with(action diff.Action) []*diff.Change {
	var found []*diff.Change
	for i := range v.plan.Changes {
		if v.plan.Changes[i].Action == action {
			found = append(found, &v.plan.Changes[i])
		}
	}
	if action == diff.Run {
		return found // in the order in which they run
	}
	slices.SortStableFunc(found, func(a, b *diff.Change) int {
		return cmp.Or(cmp.Compare(rank(a.ID), rank(b.ID)), a.ID.Compare(b.ID))
	})
	return found
}

// rank puts what others live in first.
func rank(id object.ID) int {
	switch id.GroupKind() {
	case object.NamespaceKind:
		return 0
	case object.CRDKind:
		return 1
	default:
		return 2
	}
}

// change writes an object's line and the fields below it.
func (v *planView) change(b *strings.Builder, c *diff.Change) {
	v.line(b, v.in(sigilColors[c.Action], sigils[c.Action]), v.name(c.ID), strings.Join(v.remarks(c), "; "))
	if v.o.Summary {
		return
	}
	switch c.Action {
	case diff.Update, diff.Recreate:
		v.fields(b, c)
	case diff.Create, diff.Run:
		if o := v.manifest(c); v.o.Full && o != nil {
			for _, line := range yamlLines(o.Object) {
				v.signed(b, "+", line)
			}
		}
	}
}

// line writes a sigil, a name in its column and what is said about it.
func (v *planView) line(b *strings.Builder, sigil, name, remark string) {
	if remark == "" {
		fmt.Fprintf(b, "%s %s\n", sigil, name)
		return
	}
	fmt.Fprintf(b, "%s %s   %s\n", sigil, pad(name, v.column), remark)
}

// remarks are what a change does besides, at the right of its line.
func (v *planView) remarks(c *diff.Change) []string {
	var all []string
	if c.Hook != nil {
		all = append(all, hookWords(c.Hook))
	}
	if c.Reason != "" {
		reason := c.Reason
		if c.Action == diff.Recreate && !strings.HasPrefix(reason, "recreated") {
			reason = "recreated: " + reason
		}
		all = append(all, Clean(reason))
	}
	for _, text := range c.Impact {
		all = append(all, Clean(text))
	}
	if c.Adopted {
		all = append(all, "adopted"+ownerWords(c))
	}
	if c.Unchecked != "" && !v.saidOnce(c.Unchecked) {
		all = append(all, "not server-validated: "+Clean(c.Unchecked))
	}
	return all
}

func ownerWords(c *diff.Change) string {
	if c.OwnerName == "" {
		return ": it was nobody's"
	}
	return ": it was " + Clean(c.OwnerName)
}

// manyUnchecked is how many objects may repeat a reason before it is said once.
const manyUnchecked = 4

func (v *planView) saidOnce(reason string) bool { return v.unchecked[reason] >= manyUnchecked }

// manifest is what a create would send, masked.
func (v *planView) manifest(c *diff.Change) *unstructuredObject {
	body := c.Merged
	if len(c.Steps) > 0 && c.Steps[len(c.Steps)-1].Body != nil {
		body = c.Steps[len(c.Steps)-1].Body
	}
	if body == nil || v.o.ShowSecrets {
		return body
	}
	return v.masker.Object(body)
}

// notices writes what should be known and is no change.
func (v *planView) notices(b *strings.Builder) {
	mark := v.in(yellow, "!")
	for i := range v.plan.Changes {
		c := &v.plan.Changes[i]
		for _, text := range notices(c) {
			v.line(b, mark, v.name(c.ID), Clean(text))
		}
	}
	said := map[string]bool{}
	for i := range v.plan.Changes {
		reason := v.plan.Changes[i].Unchecked
		if reason != "" && v.saidOnce(reason) && !said[reason] {
			said[reason] = true
			fmt.Fprintf(b, "%s %s not server-validated: %s\n", mark, count(v.unchecked[reason], "object"), Clean(reason))
		}
	}
	for _, text := range v.plan.Warnings {
		fmt.Fprintf(b, "%s %s\n", mark, Clean(text))
	}
	if v.plan.HooksChanged && v.plan.Empty() {
		fmt.Fprintf(b, "%s only hooks change, and none of them runs now: the next revision has them\n", mark)
	}
}

// notices are an object's warnings, and the fields that the plan takes over.
func notices(c *diff.Change) []string {
	all := slices.Clone(c.Warnings)
	for _, y := range c.Yields {
		if y.Usual {
			continue
		}
		text := y.Path + " is left to " + y.To
		if y.Theirs != "" || y.Ours != "" {
			text += fmt.Sprintf(" (live %s, bundle %s)", orNone(y.Theirs), orNone(y.Ours))
		}
		all = append(all, text)
	}
	for _, f := range c.Conflicts {
		if !f.Forced {
			continue
		}
		text := f.Path + " is taken over from " + f.Manager
		if f.Theirs != "" || f.Ours != "" {
			text += fmt.Sprintf(" (live %s, bundle %s)", orNone(f.Theirs), orNone(f.Ours))
		}
		all = append(all, text)
	}
	return all
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// manyNames is how many names of a deletion are shown without --full.
const manyNames = 10

// deletion writes the plan to nothing: what goes in one line, what stays below.
func (v *planView) deletion(b *strings.Builder) {
	var ids []object.ID
	for _, c := range v.with(diff.Delete) {
		ids = append(ids, c.ID)
	}
	if len(ids) > 0 {
		fmt.Fprintf(b, "%s %s: %s\n", v.in(red, "-"), count(len(ids), "object"),
			Clean(names(ids, v.plan.Target.Namespace, manyNames)))
	}
	for _, c := range v.with(diff.Run) {
		v.change(b, c)
	}
	for _, c := range v.with(diff.Keep) {
		fmt.Fprintf(b, "  kept: %s%s\n", v.name(c.ID), inBrackets(Clean(c.Reason)))
	}
	v.notices(b)
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// counts is the last line.
func (v *planView) counts() string {
	return Counts(v.plan)
}

// Counts sums a plan up in a line: 1 to create, 3 to update; 12 unchanged.
func Counts(p *diff.Plan) string {
	counts := p.Counts()
	var changes, others []string
	for _, action := range []diff.Action{diff.Create, diff.Update, diff.Recreate, diff.Delete, diff.Run} {
		if n := counts[action]; n > 0 {
			changes = append(changes, fmt.Sprintf("%d to %s", n, action))
		}
	}
	if n := counts[diff.Unchanged]; n > 0 {
		others = append(others, fmt.Sprintf("%d unchanged", n))
	}
	if n := counts[diff.Keep]; n > 0 {
		others = append(others, fmt.Sprintf("%d kept", n))
	}
	if len(changes) == 0 {
		text := "no changes: " + count(counts[diff.Unchanged], "object")
		if n := counts[diff.Keep]; n > 0 {
			text += fmt.Sprintf(", %d kept", n)
		}
		return text
	}
	text := strings.Join(changes, ", ")
	if len(others) > 0 {
		text += "; " + strings.Join(others, ", ")
	}
	return text + "."
}

// cutLines keeps the first lines of a text, and says how many it left out.
func cutLines(text string, most int) string {
	if most <= 0 {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	if len(lines) <= most+1 { // the last one is empty
		return text
	}
	return strings.Join(lines[:most], "") + fmt.Sprintf("… %d more lines (belay diff shows all)\n", len(lines)-1-most)
}
