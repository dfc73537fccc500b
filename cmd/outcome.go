package cmd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

// statusOf is what a run's outcome makes of its revision.
func statusOf(o apply.Outcome) release.Status {
	switch o {
	case apply.Succeeded:
		return release.Deployed
	case apply.Interrupted:
		return release.Interrupted
	default:
		return release.Failed
	}
}

// exitOf is the exit code of a run.
func exitOf(r *apply.Result) int {
	switch r.Outcome {
	case apply.Succeeded:
		return exitOK
	case apply.TimedOut:
		return exitTimeout
	case apply.Interrupted:
		return exitInterrupted
	case apply.Stale:
		return exitRefused
	case apply.Lost:
		return exitLocked
	}
	code := exitUnhealthy
	for _, err := range r.Errs {
		switch {
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			return exitPermission
		default:
			code = exitError
		}
	}
	return code
}

// kept is what the revision keeps of a run's end, without what its Secrets hold:
// log lines and messages may quote that.
func (d *deployment) kept(r *apply.Result) release.Result {
	secrets := report.SecretsOf(slices.Concat(d.plan.Wanted.Objects, d.plan.Wanted.Hooks))
	result := resultOf(r)
	result.Error = secrets.Hide(result.Error)
	if result.Diagnosis != nil {
		hidden := secrets.HideDiagnosis(*result.Diagnosis)
		result.Diagnosis = &hidden
	}
	result.Hooks = secrets.HideRuns(result.Hooks)
	return result
}

// resultOf is what the revision keeps of a run's end.
func resultOf(r *apply.Result) release.Result {
	kept := release.Result{Hooks: r.Hooks}
	if len(r.Diagnosis.Causes) > 0 {
		kept.Diagnosis = &r.Diagnosis
	}
	if r.Outcome != apply.Succeeded {
		kept.Error = string(r.Outcome)
	}
	var errs []string
	for _, id := range slices.SortedFunc(maps.Keys(r.Errs), object.ID.Compare) {
		errs = append(errs, id.String()+": "+r.Errs[id].Error())
	}
	if len(errs) > 0 {
		kept.Error = strings.Join(errs, "; ")
	}
	return kept
}

// reportEnd says how the run went, for people and in every form that was asked
// for, and gives its exit code.
func (d *deployment) reportEnd(revision release.Revision, result *apply.Result, took time.Duration, nothing bool) error {
	if d.o.Op == diff.OpTest {
		return d.reportTests(result, took)
	}
	end := d.end(revision, result, took)
	end.NothingToChange = nothing
	report.WriteEnd(d.stderr, end, d.colorFor(d.stderrTerminal))
	if err := d.endDocuments(end); err != nil {
		return err
	}
	if code := exitOf(result); code != exitOK {
		return exitWith(code)
	}
	return nil
}

func (d *deployment) end(revision release.Revision, result *apply.Result, took time.Duration) report.End {
	return report.End{
		Op: d.o.Op, Helm: d.o.Helm, HelmGoes: d.o.RemoveHelm, Target: d.target, Plan: d.plan, Revision: revision, Result: result, Took: took,
		Back: d.backTo(revision), Flags: d.hintFlags(d.target.Namespace), Notes: d.notes(result), Now: d.now(),
		KeptWhy: d.keptWhy(revision, result), Blameless: !bundleToBlame(result),
	}
}

// endDocuments writes the result in the forms of -o; the text was said already.
func (d *deployment) endDocuments(end report.End) error {
	if len(d.o.Outputs) == 0 {
		return nil
	}
	return d.write(d.o.Outputs, report.Text, func(s report.Sink) error {
		if s.Format == report.Text {
			return nil
		}
		return report.EndDocument(s, end)
	})
}

// backTo is the revision that a rollback would go back to, or 0.
func (d *deployment) backTo(revision release.Revision) int {
	if d.o.Op == diff.OpDelete {
		return 0
	}
	target, err := d.stateAfter(revision).RollbackTarget(0)
	if err != nil {
		return 0
	}
	return target.Number
}

// stateAfter is what the release remembers once the run's revision is among it.
func (d *deployment) stateAfter(revision release.Revision) *release.State {
	after := *d.state
	after.Revisions = append(after.Revisions[:len(after.Revisions):len(after.Revisions)], revision)
	return &after
}

func (d *deployment) notes(result *apply.Result) string {
	if d.o.Quiet || d.o.Op != diff.OpApply || result.Outcome != apply.Succeeded {
		return ""
	}
	return d.plan.Wanted.Notes
}

// checkHealth ends a run that has nothing to change: it waits for what is still
// on its way, and exits as any other run does.
func (d *deployment) checkHealth(ctx context.Context) error {
	progress := d.progress(d.now())
	ended := d.talk.shows(progress)
	tell, done := d.watchers(progress)
	defer done()
	result := apply.Run(context.WithoutCancel(ctx), d.conn.Client, nil, d.plan, apply.Options{
		Timeout: d.timeout(), NoWait: d.o.NoWait, WaitOldPods: d.o.WaitOldPods, Report: tell, Stopping: d.stopping, Tail: d.tail(progress),
	})
	progress.Stop()
	ended()
	return d.reportEnd(*d.state.Current(), result, 0, true)
}

// lockFailure puts a lock that another holds into words.
func lockFailure(err error) error {
	var locked *release.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	f := &failure{code: exitLocked, message: locked.Error(), cause: err}
	return f.hint("wait longer with --lock-timeout 5m")
}
