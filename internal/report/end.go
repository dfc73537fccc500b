package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// End is how a run went.
type End struct {
	Op     diff.Op
	Target diff.Target
	// Helm is the release of Helm's that was taken over, or empty.
	Helm string
	// HelmGoes says that Helm's records of it are removed next.
	HelmGoes bool
	// Revision is what the run recorded; where nothing was to be changed, the
	// current one.
	Revision release.Revision
	// Plan is what was carried out.
	Plan   *diff.Plan
	Result *apply.Result
	Took   time.Duration
	// Back is the revision that a rollback would go to, or 0.
	Back  int
	Flags Flags
	// Notes are the bundle's.
	Notes string
	// NothingToChange says that there was no run: the release was as it should be.
	NothingToChange bool
	// Blameless says that the run failed for something else than the bundle.
	Blameless bool
	// KeptWhy says why the run was not rolled back, where it failed and that was asked for.
	KeptWhy string
	// Undone is the rollback that followed the failure, if there was one.
	Undone *Undone
	// Now is what ages are counted from; zero means the clock's.
	Now time.Time
}

// WriteEnd writes how a run went, for people. What went wrong comes first and
// the result last, so that the last block of a log is enough.
func WriteEnd(w io.Writer, e End, color bool) {
	var b strings.Builder
	p := paint(color)
	e = e.withoutSecrets()
	writeErrors(&b, &e, p)
	writeDiagnosis(&b, e.Result.Diagnosis, e.Target.Namespace, e.Flags, p)
	if b.Len() > 0 {
		_, _ = io.WriteString(w, "\n") // stands apart from the progress above
		b.WriteString("\n")
	}
	switch {
	case e.NothingToChange:
		e.writeUnchanged(&b, p)
	case e.Result.Outcome == apply.Succeeded:
		e.writeSuccess(&b, p)
	case e.Result.Outcome == apply.Interrupted:
		e.writeInterrupted(&b)
	default:
		e.writeFailure(&b, p)
	}
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to complain
}

// withoutSecrets hides values of the release's Secrets in what others wrote:
// notes, log lines, messages of the server.
func (e End) withoutSecrets() End {
	secrets := secretsOfPlan(e.Plan)
	e.Notes = secrets.Hide(e.Notes)
	result := *e.Result
	result.Diagnosis = secrets.HideDiagnosis(result.Diagnosis)
	result.Hooks = secrets.HideRuns(result.Hooks)
	result.Errs = make(map[object.ID]error, len(e.Result.Errs))
	for id, err := range e.Result.Errs {
		result.Errs[id] = errors.New(secrets.Hide(err.Error()))
	}
	e.Result = &result
	return e
}

func (e *End) writeSuccess(b *strings.Builder, p paint) {
	if e.Notes != "" {
		b.WriteString("\n")
		for _, line := range CleanLines(e.Notes) {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	var text string
	switch e.Op {
	case diff.OpDelete:
		text = fmt.Sprintf("deleted %s in %s", e.Target.Release, Duration(e.Took))
	case diff.OpRollback:
		text = fmt.Sprintf("rolled back %s to revision %d, as revision %d, in %s",
			e.Target.Release, e.Revision.RollbackTo, e.Revision.Number, Duration(e.Took))
	case diff.OpAdopt:
		text = fmt.Sprintf("took over Helm release %s, as revision %d of %s, in %s", Clean(e.Helm), e.Revision.Number, e.Target.Release, Duration(e.Took))
	default:
		text = fmt.Sprintf("deployed %s revision %d in %s", e.Target.Release, e.Revision.Number, Duration(e.Took))
	}
	if e.Revision.NotWaited && e.Op != diff.OpDelete {
		text += ", not waited for"
	}
	text = p.in(green, text)
	if e.Back > 0 && e.Op == diff.OpApply {
		text += " (back: " + e.rollback() + ")"
	}
	b.WriteString(text + "\n")
	if e.Op == diff.OpRollback {
		b.WriteString("  the next apply of the bundle brings back what was left\n")
	}
	if e.Op == diff.OpAdopt && !e.HelmGoes {
		b.WriteString("  " + helmStays(e.Helm, e.Flags) + "\n")
	}
	e.writeKept(b)
	e.writeGoing(b)
}

func (e *End) rollback() string { return e.Flags.Command("rollback", e.Target.Release) }

func (e *End) writeUnchanged(b *strings.Builder, p paint) {
	total := 0
	if e.Plan != nil {
		total = e.Plan.Counts()[diff.Unchanged]
	}
	switch e.Result.Outcome {
	case apply.Succeeded:
		ready := ", all ready"
		switch n := e.notWaited(); {
		case n > 0 && n == total:
			ready = ", not waited for"
		case e.Revision.NotWaited && len(e.Result.States) == 0:
			ready = ""
		case n > 0:
			ready = fmt.Sprintf(", all ready but for %d not waited for", n)
		}
		fmt.Fprintf(b, "nothing to change: %s%s (revision %d, %s)\n",
			count(total, "object"), ready, e.Revision.Number, e.sinceDeployed())
		e.writeLeft(b)
		e.writeGoing(b)
	case apply.Interrupted:
		fmt.Fprintf(b, "interrupted while waiting for %d of %s; nothing was changed\n",
			len(e.Result.NotReady), count(total, "object"))
	default:
		words := "are not ready"
		if len(e.Result.NotReady) == 1 {
			words = "is not ready"
		}
		text := fmt.Sprintf("nothing to change, but %d of %s %s (revision %d, %s)",
			len(e.Result.NotReady), count(total, "object"), words, e.Revision.Number, e.sinceDeployed())
		b.WriteString(p.in(red, text) + "\n")
		if e.Back > 0 {
			fmt.Fprintf(b, "  back: %s   (to revision %d)\n", e.rollback(), e.Back)
		}
	}
}

// notWaited counts the unchanged objects that say that nobody is to wait for them,
// and have a readiness to wait for.
func (e *End) notWaited() int {
	n := 0
	if e.Plan == nil {
		return n
	}
	for i := range e.Plan.Changes {
		c := &e.Plan.Changes[i]
		if c.Action == diff.Unchanged && c.Live != nil && c.Policy.Wait != policy.WaitReady && rollout.Of(c.Live).Phase != rollout.Ready {
			n++
		}
	}
	return n
}

func (e *End) sinceDeployed() string {
	now := e.Now
	if now.IsZero() {
		now = time.Now()
	}
	return fmt.Sprintf("%s %s ago", e.Revision.Status, Age(now, e.Revision.When))
}

func (e *End) writeInterrupted(b *strings.Builder) {
	b.WriteString("interrupted: " + e.doneOf())
	if n := e.Result.InFlight; n > 0 {
		fmt.Fprintf(b, ", %d in flight finished", n)
	}
	if n := len(e.Result.NotReady); n > 0 {
		fmt.Fprintf(b, ", %d not waited for", n)
	}
	if n := len(e.notStarted()); n > 0 {
		fmt.Fprintf(b, ", %d not started", n)
	}
	b.WriteString("; the lock is released\n")
	fmt.Fprintf(b, "%s interrupted after %s\n", e.subject(), Duration(e.Took))
	b.WriteString("  go on: the same command")
	if e.Back > 0 {
		fmt.Fprintf(b, " · back: %s   (to revision %d)", e.rollback(), e.Back)
	}
	b.WriteString("\n")
}

// subject names the run in its last lines.
func (e *End) subject() string {
	if e.Op == diff.OpDelete {
		return "deleting " + e.Target.Release
	}
	return fmt.Sprintf("%s revision %d", e.Target.Release, e.Revision.Number)
}

func (e *End) writeFailure(b *strings.Builder, p paint) {
	fmt.Fprintf(b, "%s: %s\n", p.in(red, e.failed()), e.tally())
	if e.KeptWhy != "" {
		b.WriteString("  no rollback: " + e.KeptWhy + "\n")
	}
	fmt.Fprintf(b, "  %s\n", e.advice())
}

// failed says that the run did not succeed, and after what time.
func (e *End) failed() string {
	switch e.Result.Outcome {
	case apply.TimedOut:
		return e.subject() + " timed out after " + Duration(e.Took)
	case apply.Stale:
		return e.subject() + " stopped after " + Duration(e.Took) + ", for the cluster changed meanwhile"
	case apply.Lost:
		return e.subject() + " stopped after " + Duration(e.Took) + ", for the lock was lost to another run"
	default:
		return e.subject() + " failed after " + Duration(e.Took)
	}
}

// advice is what to do after a failure.
func (e *End) advice() string {
	var again string
	switch {
	case e.Result.Outcome == apply.Lost:
		return "see what the other run does: " + e.Flags.Command("status", e.Target.Release)
	case e.namespaceGoes(): // and the records with it
		flags := e.Flags
		flags.Namespace = ""
		return "nothing is left to do but to wait: " + flags.Kubectl("wait", "--for=delete", "namespace/"+e.Target.Namespace)
	case e.Op == diff.OpDelete && e.hookFailed():
		return "go on: the same command, or without its hooks: --no-hooks"
	case e.Op == diff.OpDelete:
		return "go on: the same command"
	case e.Op == diff.OpRollback && e.hookFailed():
		again = "retry: the same command, or without its hooks: --no-hooks"
	case e.Result.Outcome == apply.TimedOut:
		again = "wait longer with --timeout"
	case e.Result.Outcome == apply.Stale, e.Op == diff.OpRollback, e.Op == diff.OpAdopt, e.Blameless, e.onlyMissing():
		again = "retry: the same command"
	default:
		again = "retry with a mended bundle"
	}
	switch {
	case e.Op == diff.OpRollback, e.Op == diff.OpAdopt:
		return again
	case e.Back > 0:
		return fmt.Sprintf("%s, or: %s   (to revision %d)", again, e.rollback(), e.Back)
	default:
		return again + ", or: " + e.Flags.Command("delete", e.Target.Release)
	}
}

// onlyMissing says that the run failed because others deleted what it waited for:
// nothing is wrong with the bundle.
func (e *End) onlyMissing() bool {
	for _, c := range e.Result.Diagnosis.Causes {
		if c.State.Phase != rollout.Missing {
			return false
		}
	}
	return len(e.Result.Diagnosis.Causes) > 0 && len(e.Result.Errs) == 0
}

func (e *End) pastOf(id object.ID) string {
	if c := e.change(id); c != nil {
		return pastOf(c.Action, id)
	}
	return "applied"
}

// pastOf says of an action that it was done.
func pastOf(action diff.Action, id object.ID) string {
	if action == diff.Run && diff.RunsToEnd(id.GroupKind()) {
		return "started"
	}
	if past, ok := pasts[action]; ok {
		return past
	}
	return "applied"
}

var pasts = map[diff.Action]string{
	diff.Create: "created", diff.Update: "updated", diff.Recreate: "recreated", diff.Delete: "deleted",
	diff.Run: "created",
}

// Outcome writes how a recorded revision ended: the block that its run ended
// with.
func Outcome(s Sink, name string, r release.Revision, result *release.Result, flags Flags) error {
	if s.Format != Text {
		return WriteDocument(s.Writer, s.Format, outcomeDocument(name, r, result))
	}
	var b strings.Builder
	if result != nil && result.Diagnosis != nil {
		writeDiagnosis(&b, *result.Diagnosis, flags.Namespace, flags, paint(s.Color))
	}
	if result != nil && result.Error != "" && !isOutcome(result.Error) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString("error: " + Clean(result.Error) + "\n")
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s revision %d: %s", name, r.Number, r.Status)
	if r.Took > 0 {
		fmt.Fprintf(&b, " after %s", Duration(r.Took))
	}
	b.WriteString("\n")
	_, err := io.WriteString(s.Writer, b.String())
	return err
}

// isOutcome says that an error tells no more than the status beside it.
func isOutcome(text string) bool {
	switch apply.Outcome(text) {
	case apply.Failed, apply.Interrupted, apply.Succeeded:
		return true
	default:
		return false
	}
}

// WaitingForLock says whom a run waits for. The ages are by the holder's clock.
func WaitingForLock(name string, h release.Holder, now time.Time) string {
	text := fmt.Sprintf("waiting for %s, who has been at %s for %s", Clean(h.By), name, Age(now, h.Since))
	var more []string
	if h.Revision > 0 {
		more = append(more, "revision "+itoa(h.Revision))
	}
	more = append(more, "last sign of life "+Age(now, h.Renewed)+" ago")
	if h.Job != "" {
		more = append(more, Clean(h.Job))
	}
	return text + inBrackets(strings.Join(more, ", "))
}

// Question is what a run asks before its first write, and the answer that lets
// it go ahead.
func Question(op diff.Op, t diff.Target) (question, want string) {
	where := t.Context
	if where == "" {
		where = t.Server
	}
	switch op {
	case diff.OpDelete:
		return fmt.Sprintf("Type the release's name to delete it from %s: ", Clean(where)), t.Release
	case diff.OpRollback:
		return fmt.Sprintf("Roll back %s in %s? [y/N] ", t.Release, Clean(where)), "y"
	default:
		return fmt.Sprintf("Apply to %s in %s? [y/N] ", t.Namespace, Clean(where)), "y"
	}
}
