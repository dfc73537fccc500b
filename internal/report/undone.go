package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
)

// Undone is how the rollback went that followed a failure.
type Undone struct {
	Target diff.Target
	// Failed is the revision that is undone, To the one gone back to, Revision
	// what the rollback was recorded as; their numbers are 0 where it did not get
	// that far.
	Failed   release.Revision
	To       int
	Revision release.Revision
	Took     time.Duration
	// Plan and Result are the rollback's; nil when it was not carried out.
	Plan   *diff.Plan
	Result *apply.Result
	// Err is why the rollback failed, or nil.
	Err   error
	Flags Flags
}

// WriteCause writes why a run failed, before anything is undone.
func WriteCause(w io.Writer, e End, color bool) {
	var b strings.Builder
	p := paint(color)
	e = e.withoutSecrets()
	writeErrors(&b, &e, p)
	writeDiagnosis(&b, e.Result.Diagnosis, e.Target.Namespace, e.Flags, p)
	fmt.Fprintf(&b, "\n%s: %s; rolling back\n", p.in(red, e.failed()), e.tally())
	_, _ = io.WriteString(w, "\n"+b.String()) // there is nowhere else to complain
}

// WriteUndone writes the last lines of a run that failed and was rolled back.
func WriteUndone(w io.Writer, u Undone, color bool) {
	var b strings.Builder
	p := paint(color)
	again := []string{"rollback", u.Target.Release}
	if u.Err != nil && u.Result != nil {
		e := End{Op: diff.OpRollback, Target: u.Target, Plan: u.Plan, Result: u.Result, Flags: u.Flags}.withoutSecrets()
		var why strings.Builder
		writeErrors(&why, &e, p)
		writeDiagnosis(&why, e.Result.Diagnosis, e.Target.Namespace, e.Flags, p)
		if why.Len() > 0 {
			b.WriteString("\n" + why.String() + "\n") // stands apart from the progress above
		}
		if e.hookFailed() {
			again = append(again, "--no-hooks") // it would fail again
		}
	}
	line := fmt.Sprintf("%s revision %d failed after %s; ", u.Target.Release, u.Failed.Number, Duration(u.Failed.Took))
	switch {
	case u.Err == nil:
		line += fmt.Sprintf("rolled back to %d, as revision %d, in %s", u.To, u.Revision.Number, Duration(u.Took))
	case u.Plan != nil && len(u.Plan.Refused) > 0:
		b.WriteString("\n")
		for _, r := range hideRefusals(secretsOfPlan(u.Plan), u.Plan.Refused) {
			writeFailure(&b, refusalFailure(r), p)
		}
		b.WriteString("\n")
		line += fmt.Sprintf("rolling back to %d was refused", u.To)
	default:
		line += fmt.Sprintf("rolling back to %d failed too", u.To)
		if u.Result == nil {
			line += ": " + Clean(u.Err.Error())
		}
	}
	b.WriteString(p.in(red, line) + "\n")
	if u.Err != nil {
		fmt.Fprintf(&b, "  look: %s · go on: %s\n",
			u.Flags.Command("status", u.Target.Release), u.Flags.Command(again...))
	}
	_, _ = io.WriteString(w, b.String())
}

// undoneItem is an automatic rollback for machines.
type undoneItem struct {
	To       int          `json:"to"`
	Revision revisionItem `json:"revision"`
	Seconds  float64      `json:"seconds"`
	Error    string       `json:"error,omitempty"`
}

func undoneOf(u *Undone) *undoneItem {
	if u == nil {
		return nil
	}
	item := &undoneItem{To: u.To, Revision: itemOf(u.Revision), Seconds: seconds(u.Took)}
	if u.Err != nil {
		item.Error = Clean(u.Err.Error())
	}
	return item
}
