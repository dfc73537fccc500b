package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// StaleError says that an object is no longer as the plan saw it.
type StaleError struct {
	ID     object.ID
	Reason string
	Err    error // what the server said, or nil
}

func (e *StaleError) Error() string { return e.ID.String() + " " + e.Reason }
func (e *StaleError) Unwrap() error { return e.Err }

func outcomeOf(err error) Outcome {
	var stale *StaleError
	switch {
	case errors.As(err, &stale):
		return Stale
	case errors.Is(err, release.ErrLost):
		return Lost
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	default:
		return Failed
	}
}

// write sends a change's steps, one after the other, and notes what became of
// the object. It returns the object as the last step left it, nil when it is gone. It
// sees a deletion through to its end, or only if see is true.
func (r *run) write(ctx context.Context, c *diff.Change, see bool) (*unstructured.Unstructured, error) {
	if c.Live != nil && c.Live.GetDeletionTimestamp() != nil && c.Action != diff.Delete {
		if err := r.waitGone(ctx, c, string(c.Live.GetUID())); err != nil {
			return nil, err
		}
	}
	var live *unstructured.Unstructured
	for i := range c.Steps {
		step := &c.Steps[i]
		var err error
		switch step.Verb {
		case diff.VerbMigrate:
			live, err = r.migrate(ctx, c, step)
			if err == nil {
				c = since(c, live)
			}
		case diff.VerbApply:
			live, err = r.apply(ctx, c, step)
			if err == nil && step.UID != "" {
				c = since(c, live)
			}
		case diff.VerbDelete:
			live, err = r.delete(ctx, c, step, see || c.Action != diff.Delete)
		case diff.VerbClear:
			live, err = nil, r.clear(ctx, c, step)
		}
		if err != nil {
			return nil, err
		}
	}
	if c.Hook != nil { // hooks are not the release's
		return live, nil
	}
	switch {
	case live == nil:
		r.journal.Forget(c.ID)
		return nil, nil
	case c.Action == diff.Delete:
		r.journal.Note(c.ID, going(c, live))
		return live, nil
	}
	r.journal.Note(c.ID, r.owned(c, live))
	return live, nil
}

// owned is what the inventory says of an object that was applied.
func (r *run) owned(c *diff.Change, live *unstructured.Unstructured) release.Owned {
	return release.Owned{
		UID: live.GetUID(), Version: c.Kind.Version, Shared: c.Shared,
		Manifest: c.Manifest, Schema: c.Schema, Live: fields.Own(live, r.plan.Target.Manager()),
		Done: rollout.RanToEnd(live),
	}
}

// going is what the inventory says of an object that is being deleted.
func going(c *diff.Change, live *unstructured.Unstructured) release.Owned {
	return release.Owned{UID: live.GetUID(), Version: c.Kind.Version, Shared: c.Shared, Going: true}
}

// maxResend bounds how often a write is sent again because only the object's
// status moved.
const maxResend = 20

// apply sends one server-side apply. When the server says that the object moved
// on since the plan, it is sent again if nothing that we own did, and is stale
// otherwise.
func (r *run) apply(ctx context.Context, c *diff.Change, step *diff.Step) (*unstructured.Unstructured, error) {
	body := step.Body
	if step.UID != "" && c.Live != nil && c.Live.GetResourceVersion() != step.Version {
		body = body.DeepCopy() // an earlier step of ours moved the object
		body.SetResourceVersion(c.Live.GetResourceVersion())
	}
	for range maxResend {
		live, created, err := r.applyOnce(ctx, c, body, step.Force)
		switch {
		case err == nil && step.UID == "" && !created && !step.Force && r.othersOwn(live):
			return nil, &StaleError{ID: c.ID, Reason: "was created by somebody else since the plan was made"}
		case err == nil:
			return live, nil
		case step.UID != "" && replaced(err):
			return nil, &StaleError{ID: c.ID, Reason: "was deleted or replaced since the plan was made", Err: err}
		case apierrors.IsConflict(err) && hasFieldConflict(err) && len(step.Yields) == 0:
			return nil, &StaleError{ID: c.ID, Reason: "was changed by another manager since the plan was made: " + err.Error(), Err: err}
		case !apierrors.IsConflict(err) || step.UID == "":
			return nil, err
		}
		now, err := r.unmoved(ctx, c, step)
		if err != nil {
			return nil, err
		}
		if body, err = yieldAgain(body.DeepCopy(), now, r.plan.Target.Manager(), step.Yields); err != nil {
			return nil, &StaleError{ID: c.ID, Reason: "was changed since the plan was made", Err: err}
		}
		body.SetResourceVersion(now.GetResourceVersion())
	}
	return nil, &StaleError{ID: c.ID, Reason: "keeps changing while it is written"}
}

// since is a change after one of its steps: the object is as that left it.
func since(c *diff.Change, live *unstructured.Unstructured) *diff.Change {
	after := *c
	after.Live = live
	return &after
}

// servedWithin is how long a server may take to serve a CRD that it has
// established, and every is how often it is asked meanwhile.
const (
	servedWithin = 10 * time.Second
	servedEvery  = 200 * time.Millisecond
)

// applyOnce is one apply. What the server refuses because it has not taken up yet
// what this run did is tried again for a while: a custom resource whose CRD the run
// changed, for servers of one cluster do not learn of it at once; what exceeded a
// quota that the run changed, for quotas are counted a moment later.
func (r *run) applyOnce(ctx context.Context, c *diff.Change, body *unstructured.Unstructured, force bool) (*unstructured.Unstructured, bool, error) {
	o := object.ApplyOptions{Manager: r.plan.Target.Manager(), Force: force}
	patience, cancel := context.WithTimeout(ctx, servedWithin)
	defer cancel()
	told := object.ResendingOf(ctx).Told
	for first := true; ; first = false {
		if err := r.mayWrite(ctx); err != nil {
			return nil, false, err
		}
		live, created, err := r.cluster.Apply(ctx, c.Kind, body, o)
		if err == nil || !r.notTakenUpYet(c.ID, err) || pause(patience, servedEvery) != nil {
			if !first {
				told(nil)
			}
			return live, created, err
		}
		told(err)
	}
}

func (r *run) notTakenUpYet(id object.ID, err error) bool {
	if r.newQuotas[id.Namespace] && apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota") {
		return true
	}
	return r.newKinds[id.GroupKind()] && notServedYet(err)
}

// notServedYet recognises what a server says of a kind, or of a field, that it
// does not know yet.
func notServedYet(err error) bool {
	return apierrors.IsNotFound(err) || strings.Contains(err.Error(), "field not declared in schema")
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// delete sends one deletion and, if it is to be seen through, follows the object until
// it is gone. What it returns still exists.
func (r *run) delete(ctx context.Context, c *diff.Change, step *diff.Step, see bool) (*unstructured.Unstructured, error) {
	accepted := func() (*unstructured.Unstructured, error) {
		if see {
			return nil, r.waitGone(ctx, c, step.UID)
		}
		now, err := r.lookGone(ctx, c, step.UID)
		if err != nil && ctx.Err() == nil && !isFinal(err) {
			return c.Live, nil // the next run will know
		}
		return now, err
	}
	o := object.DeleteOptions{UID: step.UID, Version: step.Version, Propagation: step.Propagation}
	for range maxResend {
		if err := r.mayWrite(ctx); err != nil {
			return nil, err
		}
		err := r.cluster.Delete(ctx, c.Kind, c.ID.Namespace, c.ID.Name, o)
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil
		case err == nil:
			return accepted()
		case !apierrors.IsConflict(err):
			return nil, err
		}
		if going, err := r.cluster.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name); err == nil &&
			going.GetDeletionTimestamp() != nil && string(going.GetUID()) == step.UID {
			return accepted() // our own deletion, whose answer was lost
		}
		now, err := r.unmoved(ctx, c, nil)
		if err != nil {
			var stale *StaleError
			if errors.As(err, &stale) && stale.Err != nil && apierrors.IsNotFound(stale.Err) {
				return nil, nil
			}
			return nil, err
		}
		o.Version = now.GetResourceVersion()
	}
	return nil, &StaleError{ID: c.ID, Reason: "keeps changing while it is deleted"}
}

// unmoved reads an object again, and returns it if it is still what the plan saw
// but for its status and what others own. Fields that the step leaves to others
// may move: that is what leaving them means. Where it forces nothing, the server
// guards what others own.
func (r *run) unmoved(ctx context.Context, c *diff.Change, step *diff.Step) (*unstructured.Unstructured, error) {
	now, err := r.cluster.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name)
	if apierrors.IsNotFound(err) {
		return nil, &StaleError{ID: c.ID, Reason: "was deleted since the plan was made", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reading it again: %w", c.ID, err)
	}
	manager := r.plan.Target.Manager()
	var yields [][]string
	if step != nil && !step.Force {
		yields = step.Yields
	}
	switch {
	case c.Live == nil:
		return nil, &StaleError{ID: c.ID, Reason: "was created since the plan was made"}
	case now.GetUID() != c.Live.GetUID():
		return nil, &StaleError{ID: c.ID, Reason: "was replaced since the plan was made"}
	case c.Merged != nil && fields.OwnBut(now, manager, yields) == fields.OwnBut(c.Merged, manager, yields):
		// Our own write, whose answer was lost: sent again it changes nothing.
	case c.Unchecked != "" && step != nil && step.Body != nil && holdsAll(now.Object, withoutVersion(step.Body)):
		// The same, where the plan could not know what the server makes of it.
	case len(yields) == 0 && now.GetGeneration() != c.Live.GetGeneration(),
		fields.OwnBut(now, manager, yields) != fields.OwnBut(c.Live, manager, yields):
		return nil, &StaleError{ID: c.ID, Reason: "was changed since the plan was made"}
	}
	return now, nil
}

// goneFirst and goneLast bound the pauses between looks at an object that is
// going: most are gone at once, one with finalizers may take minutes.
const (
	goneFirst = 20 * time.Millisecond
	goneLast  = time.Second
)

// waitGone waits until the object with that UID no longer exists. A server that is
// away for longer than requests are sent again tells nothing of the object. It is
// for whoever has a slot.
func (r *run) waitGone(ctx context.Context, c *diff.Change, uid string) error {
	told, away, slot := object.ResendingOf(ctx).Told, false, true
	defer func() {
		if !slot {
			r.slots.take()
		}
	}()
	for wait := goneFirst; ; wait = min(2*wait, goneLast) {
		now, err := r.lookGone(ctx, c, uid)
		switch {
		case err != nil && (ctx.Err() != nil || isFinal(err)):
			return err
		case err == nil && now == nil:
			return nil
		case err != nil:
			away = true
			told(err)
		default:
			if away {
				away = false
				told(nil)
			}
			if slot {
				slot = false
				r.slots.giveBack()
			}
			r.inbox.put(message{id: c.ID, live: now, state: goingState(now)})
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("%s: waiting until it is gone: %w", c.ID, err)
		}
	}
}

// isFinal says whether an answer will be the same the next time.
func isFinal(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return false
	}
	code := answer.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError && code != http.StatusTooManyRequests
}

// lookGone returns the object with that UID, nil when it no longer exists.
func (r *run) lookGone(ctx context.Context, c *diff.Change, uid string) (*unstructured.Unstructured, error) {
	now, err := r.cluster.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name)
	if apierrors.IsNotFound(err) || err == nil && uid != "" && string(now.GetUID()) != uid {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: waiting until it is gone: %w", c.ID, err)
	}
	return now, nil
}

// othersOwn says whether another manager than ours has written an object's
// fields: then a create that found it there was not ours.
func (r *run) othersOwn(live *unstructured.Unstructured) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "" && entry.Manager != r.plan.Target.Manager() &&
			entry.Operation == metav1.ManagedFieldsOperationApply {
			return true
		}
	}
	return false
}

// replaced says whether the server refused because the object has another UID
// than the plan saw, or is gone. The 409 for it carries no cause, only words.
func replaced(err error) bool {
	return apierrors.IsConflict(err) && strings.Contains(err.Error(), "uid mismatch") ||
		apierrors.IsInvalid(err) && hasCause(err, "", "metadata.uid")
}

func hasFieldConflict(err error) bool {
	return hasCause(err, metav1.CauseTypeFieldManagerConflict, "")
}

// hasCause looks for a cause of that type, or of that field; empty matches all.
func hasCause(err error, kind metav1.CauseType, field string) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		if (kind == "" || cause.Type == kind) && (field == "" || cause.Field == field) {
			return true
		}
	}
	return false
}
