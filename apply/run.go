package apply

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// progress is how far a change has come.
type progress int

const (
	pending progress = iota
	running          // its steps are being sent
	written          // all steps are answered; it may not be ready yet
	done             // nothing is left to wait for
	broken           // a write or the rollout failed for certain
)

// node is a change on its way.
type node struct {
	*diff.Change
	progress progress
	// unmet counts the edges that still hold the change back; after are those
	// that wait for it.
	unmet int
	after []diff.Edge
	// barriers are those that wait for it with others.
	barriers []*barrier
	state    rollout.State
	began    time.Time // of the first step
	since    time.Time // of the write, or of the wait without one, for the object's own timeout
	live     *unstructured.Unstructured
	going    *unstructured.Unstructured // as it was last seen while it is being deleted
	err      error
	turn     turn
	// last is true for hooks that run after the deletions.
	last bool
	// gathered is true once the result of a hook is known.
	gathered bool
	// told is true once an event has told of it.
	told bool
}

// run is the state of one run. Only the loop's goroutine touches it; writers and
// the tracker hand in messages through the inbox.
type run struct {
	cluster Cluster
	journal Journal
	plan    *diff.Plan
	o       Options

	nodes    []*node
	byID     map[object.ID]*node
	newKinds map[schema.GroupKind]bool // whose CRDs the plan changes
	// newQuotas are the namespaces whose quotas the plan changes.
	newQuotas map[string]bool
	inbox     inbox
	tracker   *rollout.Tracker
	judge     *rollout.Judge
	outcome   Outcome // empty while all goes well

	// queues hold the changes that may start now, by their turn; second those that
	// may once the first half of the run is done.
	queues [turns][]*node
	second []*node
	// Counts of nodes, kept by move: not done; not done and of the first half;
	// written; running.
	left, first, waiting, inFlight int

	slots    slots
	finished int // changes finished after an interrupt
	// unsure is since when the run has not heard that it holds its lock.
	unsure time.Time

	// writes ends when requests must; hooks are the results so far.
	writes context.Context
	hooks  []release.HookRun
}

// toItsEnd runs, looks for causes, and tidies up. An interrupt ends these two as well.
func (r *run) toItsEnd(ctx context.Context) *Result {
	r.loop(ctx)
	ctx, cancel := untilClosed(ctx, r.o.Stopping)
	defer cancel()
	res := r.result(ctx)
	r.tidy(ctx, res)
	return res
}

// loop runs until nothing is left to do or to wait for.
func (r *run) loop(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writes, stopWrites := context.WithCancel(ctx)
	defer stopWrites()
	r.writes = writes
	r.tracker = rollout.NewTracker(ctx, r.cluster, rollout.Options{
		Selector: object.ReleaseLabel + "=" + r.plan.Target.Release,
		Judge:    r.judge,
		Listed: func(k object.Kind, namespace string) string {
			return r.plan.Listed[diff.Scope{Kind: k, Namespace: namespace}]
		},
		WaitOldPods: r.o.WaitOldPods,
		Tail:        r.o.Tail,
		Report: func(id object.ID, s rollout.State) {
			r.inbox.put(message{id: id, state: s})
		},
	})
	defer r.tracker.Stop()

	deadline := time.NewTimer(r.o.Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var grace, cut <-chan time.Time
	stopping, ended := r.o.Stopping, ctx.Done()

	r.followUnchanged()
	for {
		if !closed(stopping) {
			r.startReady(writes)
		}
		switch {
		case r.outcome == Lost:
			stopWrites()
		case r.outcome != "" && grace == nil && cut == nil:
			grace = time.After(failureGrace) // what is in flight may wait for ever
		}
		if r.over() {
			return
		}
		select {
		case <-r.inbox.wake:
			for _, m := range r.inbox.take() {
				r.receive(m)
			}
		case <-stopping:
			stopping = nil
			r.outcome = Interrupted
			cut = time.After(stopGrace)
		case <-cut:
			stopWrites()
		case <-tick.C:
			r.expire(time.Now())
			if r.lost() {
				r.end(Lost) // also while it only waits: another run is at it
			}
		case <-deadline.C:
			r.end(TimedOut)
			stopWrites()
		case <-grace:
			r.settle()
			stopWrites()
		case <-ended:
			ended = nil
			r.end(Interrupted)
			stopWrites()
		}
	}
}

// lost says whether the lock is known to be another's. A server that is away tells
// nothing of it, and ends no wait.
func (r *run) lost() bool {
	if r.journal == nil {
		return false
	}
	err := r.journal.Held()
	return errors.Is(err, release.ErrLost) && !errors.Is(err, release.ErrUnsure)
}

// over says whether the run has ended: no request is in flight, and there is
// nothing left to wait for.
func (r *run) over() bool {
	if r.inFlight > 0 {
		return false
	}
	switch r.outcome {
	case "":
		if r.left > 0 {
			return false
		}
		r.outcome = Succeeded
		return true
	case Failed:
		// The others may still fail, and their causes belong in the same report.
		return r.waiting == 0
	default:
		return true
	}
}

// end gives the run its outcome, unless it has one.
func (r *run) end(o Outcome) {
	if r.outcome == "" {
		r.outcome = o
	}
}

// settle stops waiting for what is not ready after a failure elsewhere.
func (r *run) settle() {
	for _, n := range r.nodes {
		if n.progress == written {
			r.move(n, broken)
		}
	}
}

// expire fails objects whose own timeout has passed.
func (r *run) expire(now time.Time) {
	for _, n := range r.nodes {
		if n.progress == written && n.Policy.Timeout > 0 && !n.since.IsZero() && now.Sub(n.since) > n.Policy.Timeout {
			r.move(n, broken)
			r.end(TimedOut)
		}
	}
}

// receive takes in what a writer or the tracker says.
func (r *run) receive(m message) {
	if m.writer != nil {
		r.receiveWrite(m.writer, m)
		return
	}
	if m.hook != nil {
		r.receiveHook(m.hook, m)
		return
	}
	if m.retried != nil {
		r.report(m.retried, Retrying, m.err)
		return
	}
	n := r.byID[m.id]
	if n != nil && n.progress == done && n.Action != diff.Run && !r.o.NoWait && (m.state.Phase == rollout.Progressing || m.state.Phase == rollout.Failed) {
		r.move(n, written) // it was ready, and is so no longer
		n.since = time.Now()
	}
	if n == nil || n.progress != written && m.state.Phase != rollout.Deleting {
		return
	}
	n.state = m.state
	if m.live != nil {
		n.going = m.live
	}
	if n.Action == diff.Run && n.progress == written && ended(m.state) {
		r.gatherLater(n)
		return
	}
	switch m.state.Phase {
	case rollout.Ready:
		r.finish(n)
	case rollout.Failed, rollout.Missing: // nobody but another run makes it again
		r.move(n, broken)
		r.end(Failed)
		r.report(n, Broke, nil)
	default:
		r.report(n, Waiting, nil)
	}
}

func (r *run) receiveWrite(n *node, m message) {
	if m.err != nil {
		r.move(n, broken)
		var cut *cutOffError
		if errors.Is(m.err, context.Canceled) && r.outcome != "" && (r.outcome != TimedOut || !errors.As(m.err, &cut)) {
			return // cut off at the end of the run: no cause of anything
		}
		n.err = m.err
		r.end(outcomeOf(m.err))
		r.report(n, Broke, m.err)
		return
	}
	n.live, n.since = m.live, time.Now()
	if n.state = (rollout.State{}); n.Action == diff.Delete && m.live != nil {
		n.state = goingState(m.live)
	}
	r.move(n, written)
	if r.outcome != "" {
		r.finished++
	}
	r.report(n, Wrote, nil)
	r.unblock(n, refs.Exists)
	if n.Action == diff.Delete || n.Action == diff.Clear || n.Action == diff.Run && !diff.RunsToEnd(n.ID.GroupKind()) ||
		n.Policy.Wait == policy.WaitNone || n.Policy.Wait == policy.WaitExists {
		if n.state.Phase != rollout.Deleting {
			n.state = rollout.State{Phase: rollout.Ready}
		}
		r.finish(n)
		return
	}
	r.follow(n)
}

// follow waits for an object's readiness. Where nobody waits it is followed only
// for the changes that need it.
func (r *run) follow(n *node) {
	if r.o.NoWait && len(n.after) == 0 && len(n.barriers) == 0 && n.Action != diff.Run {
		r.finish(n)
		return
	}
	r.tracker.Add(rollout.Target{
		ID: n.ID, Kind: n.Kind, Policy: n.Policy,
		Generation: n.live.GetGeneration(), UID: string(n.live.GetUID()), Live: n.live,
		Unchanged: n.Action == diff.Unchanged, ToEnd: n.Action == diff.Run,
	})
}

// followUnchanged waits for what the plan leaves as it is: after a run that
// failed or was cut off it may not be ready.
func (r *run) followUnchanged() {
	for _, n := range r.nodes {
		if n.progress != written {
			continue
		}
		if n.Action != diff.Unchanged || n.live == nil || n.Policy.Wait != policy.WaitReady {
			if n.state = (rollout.State{Phase: rollout.Ready}); n.isGoing() {
				n.state = goingState(n.Live)
			}
			if r.move(n, done); n.Made {
				r.report(n, Started, nil)
				r.report(n, Wrote, nil)
				r.report(n, Done, nil)
			}
			r.unblock(n, refs.Ready)
			continue
		}
		n.since = time.Now()
		r.follow(n)
	}
}

// finish ends a change's way, and lets go what waited for it.
func (r *run) finish(n *node) {
	r.move(n, done)
	r.noteEnd(n)
	if len(n.Steps) > 0 || n.told {
		r.report(n, Done, nil)
	}
	r.unblock(n, refs.Ready)
}

// untilClosed is ctx until c is closed.
func untilClosed(ctx context.Context, c <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-c:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (r *run) report(n *node, kind EventKind, err error) {
	n.told = true
	r.o.Report(Event{At: time.Now(), ID: n.ID, Action: n.Action, Kind: kind, State: n.state, Err: err})
}
