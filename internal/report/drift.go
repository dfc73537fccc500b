package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// DriftOptions say how drift is shown.
type DriftOptions struct {
	PlanOptions
	Flags Flags
	Now   time.Time
}

// maxForeign is how many paths of one manager are named without --full.
const maxForeign = 4

// DriftTo writes what is no longer as the current revision made it.
func DriftTo(s Sink, p *diff.Plan, o DriftOptions) error {
	if s.Format != Text {
		return PlanTo(s, p, o.PlanOptions)
	}
	o.Color = s.Color
	v := newPlanView(p, o.PlanOptions)
	p = v.plan
	v.groups = grouping{}
	var b strings.Builder
	drifted := Drifted(p)
	for _, c := range drifted {
		v.column = max(v.column, width(v.name(c.ID)))
	}
	forced := false
	for _, c := range drifted {
		v.line(&b, v.in(sigilColors[driftAction(c)], sigils[driftAction(c)]), v.name(c.ID), driftRemark(c, o.Now))
		v.drift(&b, c, p.Target.Revision)
		forced = forced || len(c.Conflicts) > 0
	}
	total := len(p.Changes)
	if len(drifted) == 0 {
		fmt.Fprintf(&b, "no drift: %s as revision %d made %s\n", are(total, "object"), p.Target.Revision, map[bool]string{true: "it", false: "them"}[total == 1])
	} else {
		args := []string{"rollback", p.Target.Release, itoa(p.Target.Revision)}
		if forced {
			args = append(args, "--force-conflicts")
		}
		fmt.Fprintf(&b, "%d of %s drifted; %s sets %s back.\n", len(drifted), count(total, "object"),
			o.Flags.Command(args...), map[bool]string{true: "it", false: "them"}[len(drifted) == 1])
	}
	v.foreign(&b, p, o.Now)
	_, err := io.WriteString(s.Writer, b.String())
	return err
}

func are(n int, what string) string {
	if n == 1 {
		return count(n, what) + " is"
	}
	return count(n, what) + " are"
}

// Drifted are the changes that a drift found.
func Drifted(p *diff.Plan) []*diff.Change {
	var found []*diff.Change
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Action != diff.Unchanged && c.Action != diff.Keep {
			found = append(found, c)
		}
	}
	return found
}

// driftAction turns what a plan would do about it into what happened.
func driftAction(c *diff.Change) diff.Action {
	if c.Action == diff.Create {
		return diff.Delete
	}
	return diff.Update
}

func driftRemark(c *diff.Change, now time.Time) string {
	if c.Action == diff.Create {
		return "is gone"
	}
	managers, wrote := c.Changed()
	text := "changed"
	if len(managers) > 0 {
		text += " by " + Clean(strings.Join(managers, ", "))
	}
	if t, err := time.Parse(time.RFC3339, wrote); err == nil {
		text += " " + ago(now, t)
	}
	if len(c.Paths) == 0 && c.Reason != "" {
		text += ": " + Clean(c.Reason)
	}
	return text
}

// drift writes the drifted fields of an object: what was applied, what is live.
func (v *planView) drift(b *strings.Builder, c *diff.Change, revision int) {
	if c.Action == diff.Create {
		return
	}
	for _, f := range c.Paths {
		path := Clean(f.Path)
		switch {
		case f.Ownership:
			fmt.Fprintf(b, "    %s: is no longer the release's, its value is the same\n", path)
		case object.IsSecretPath(c.ID, f.Path) && !v.o.ShowSecrets:
			fmt.Fprintf(b, "    %s: %s\n", path, v.masker.Change(f.To, f.From))
		case simple(f.From) && simple(f.To):
			fmt.Fprintf(b, "    %s\n", path)
			v.driftLine(b, "-", f.To, fmt.Sprintf("applied in revision %d", revision))
			v.driftLine(b, "+", f.From, "live")
		default:
			fmt.Fprintf(b, "    %s\n", path)
			v.lines(b, diff.PathChange{Path: f.Path, From: f.To, To: f.From})
		}
	}
}

func (v *planView) driftLine(b *strings.Builder, sign string, value any, remark string) {
	if value != nil {
		text := scalarText(value)
		if !v.o.Full {
			text, _ = cutBoth(text, text)
		}
		v.signed(b, sign, text+"   "+remark)
	}
}

// foreign writes what others set where the bundle says nothing.
func (v *planView) foreign(b *strings.Builder, p *diff.Plan, now time.Time) {
	for _, f := range p.LeftAlone {
		paths := f.Paths
		more := ""
		if len(paths) > maxForeign+1 && !v.o.Full {
			more = fmt.Sprintf(" and %d more", len(paths)-maxForeign)
			paths = paths[:maxForeign]
		}
		when := ""
		if t, err := time.Parse(time.RFC3339, f.Wrote); err == nil {
			when = ", " + ago(now, t)
		}
		fmt.Fprintf(b, "set by others and left alone: %s %s%s (%s%s)\n",
			v.name(f.ID), Clean(strings.Join(paths, ", ")), more, Clean(f.Manager), when)
	}
}
