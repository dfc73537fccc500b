package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

// onFailure says what to do when a run fails.
const (
	failureKeep     = "keep"
	failureRollback = "rollback"
)

// undoes says whether a run that ended so is to be rolled back.
func (d *deployment) undoes(revision release.Revision, result *apply.Result) bool {
	return d.rollsBack(result) && d.keptWhy(revision, result) == ""
}

// rollsBack says whether a rollback was asked for, should the run fail, and it did.
func (d *deployment) rollsBack(result *apply.Result) bool {
	failed := result.Outcome == apply.Failed || result.Outcome == apply.TimedOut
	return d.o.OnFailure == failureRollback && d.o.Op == diff.OpApply && failed
}

// keptWhy says why a run that failed is not rolled back, though that was asked for; it
// is empty when nothing speaks against it.
func (d *deployment) keptWhy(revision release.Revision, result *apply.Result) string {
	good := lastDeployed(d.state)
	switch {
	case !d.rollsBack(result):
		return ""
	case good == nil:
		return "no revision before it was deployed"
	case good.Objects == revision.Objects:
		return fmt.Sprintf("revision %d is the same", good.Number)
	case !bundleToBlame(result):
		return "the bundle is not to blame, and a rollback would meet the same"
	}
	return ""
}

// bundleToBlame says whether a run failed for what it wanted. A server that is away, or
// too busy to answer in time, would fail the rollback too.
func bundleToBlame(result *apply.Result) bool {
	for _, err := range result.Errs {
		var answer apierrors.APIStatus
		if !errors.As(err, &answer) {
			return false
		}
		switch code := answer.Status().Code; {
		case code >= http.StatusInternalServerError, code == http.StatusTooManyRequests, code == http.StatusUnauthorized:
			return false
		}
	}
	// Where the time was up before anything was seen not to be ready, requests took it.
	return result.Outcome == apply.Failed || slices.ContainsFunc(result.NotReady, func(id object.ID) bool {
		return result.States[id].Phase != ""
	})
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
