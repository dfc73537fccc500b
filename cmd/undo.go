package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

// onFailure says what to do when a run fails.
const (
	failureKeep     = "keep"
	failureRollback = "rollback"
)

// undoes says whether a run that ended so is to be rolled back: it was asked
// for, and the bundle is to blame. A server that is away would fail the
// rollback too.
func (d *deployment) undoes(revision release.Revision, result *apply.Result) bool {
	good := lastDeployed(d.state)
	if d.o.OnFailure != failureRollback || d.o.Op != diff.OpApply || good == nil || good.Objects == revision.Objects {
		return false
	}
	switch result.Outcome {
	case apply.TimedOut:
	case apply.Failed:
		for _, err := range result.Errs {
			var answer apierrors.APIStatus
			if !errors.As(err, &answer) || answer.Status().Code >= 500 {
				return false
			}
		}
	default:
		return false
	}
	return true
}

// lastDeployed is the revision that was in force before the run, or nil.
func lastDeployed(s *release.State) *release.Revision {
	for i := len(s.Revisions) - 1; i >= 0; i-- {
		if s.Revisions[i].Status == release.Deployed {
			return &s.Revisions[i]
		}
	}
	return nil
}

// undo records that a run failed and walks the line once more, under the same
// lock, with what was last deployed. The cause is reported first.
func (d *deployment) undo(ctx context.Context, lock *release.Lock, result *apply.Result, began time.Time) error {
	failed, err := lock.Record(ctx, statusOf(result.Outcome), d.kept(result))
	if err != nil {
		return errors.Join(err, giveBack(ctx, lock))
	}
	end := d.end(failed, result, d.now().Sub(began))
	report.WriteCause(d.stderr, end, d.colorFor(d.stderrTerminal))

	back := *d
	back.o.Op, back.o.ToRevision, back.o.Adopt = diff.OpRollback, lastDeployed(d.state).Number, nil
	back.o.Note = fmt.Sprintf("revision %d failed", failed.Number)
	back.want = back.wantRevision
	undone := back.rollBack(ctx, lock)
	undone.Failed = failed
	report.WriteUndone(d.stderr, undone, d.colorFor(d.stderrTerminal))
	end.Undone = &undone
	if err := d.endDocuments(end); err != nil {
		return err
	}
	if undone.Err != nil {
		return exitWith(exitRollbackFailed)
	}
	return exitWith(exitRolledBack)
}

// rollBack plans and carries out the way back, under a lock that is held.
func (d *deployment) rollBack(ctx context.Context, lock *release.Lock) (u report.Undone) {
	began := d.now()
	u.Flags, u.Target = d.hintFlags(d.target.Namespace), d.target
	giveUp := func(err error) report.Undone {
		u.Err = errors.Join(err, giveBack(ctx, lock))
		return u
	}
	if err := d.makePlan(ctx, lock.State()); err != nil {
		return giveUp(err)
	}
	u.To, u.Plan = d.rollbackTo, d.plan
	if len(d.plan.Refused) > 0 {
		return giveUp(errors.New(d.plan.Refused[0].Message))
	}
	revision, err := lock.Intend(ctx, d.intent())
	if err != nil {
		return giveUp(err)
	}
	result := d.run(ctx, lock, began)
	recorded, err := d.conclude(ctx, lock, result)
	if err == nil {
		revision = recorded
	}
	u.Revision, u.Took, u.Result, u.Err = revision, d.now().Sub(began), result, err
	if result.Outcome != apply.Succeeded && err == nil {
		u.Err = errors.New(string(result.Outcome))
	}
	return u
}
