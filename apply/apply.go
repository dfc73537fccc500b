// Package apply carries out a plan: it runs each change as soon as its needs are
// met, waits until everything is ready, and then prunes. It is the only package
// that changes application objects. It renders nothing and decides nothing;
// without the plan's steps it does nothing.
package apply

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// Cluster is what apply needs of a cluster; cluster.Client satisfies it.
type Cluster interface {
	diff.Reader
	rollout.Watcher
	// Apply is a server-side apply, unforced unless o says so.
	Apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (live *unstructured.Unstructured, created bool, err error)
	// Patch is a merge patch of metadata.managedFields.
	Patch(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error)
	Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error
}

// Journal is where a run checks that it may write and notes what became of
// objects; release.Lock satisfies it.
type Journal interface {
	Held() error
	Note(id object.ID, o release.Owned)
	Forget(id object.ID)
}

// EventKind says what an Event tells.
type EventKind string

// The kinds of events, in the order in which an object meets them.
const (
	Started EventKind = "started"
	Wrote   EventKind = "wrote"   // the write is done: created, updated, deleted
	Waiting EventKind = "waiting" // the state changed and is not final
	// Retrying comes before and after a write: a request is sent again, Err says why; or,
	// where Err is nil, one that was sent again has been answered.
	Retrying EventKind = "retrying"
	Done     EventKind = "done"   // ready, or gone; at NoWait also going
	Broke    EventKind = "failed" // the write failed, or the rollout for certain
)

// Event is one step of a run, for progress.
type Event struct {
	At     time.Time
	ID     object.ID
	Action diff.Action
	Kind   EventKind
	State  rollout.State
	Err    error
}

// Options are the manner of a run.
type Options struct {
	// Timeout bounds the run from its first write; 0 means DefaultTimeout.
	Timeout time.Duration
	// NoWait prunes and ends without waiting for readiness, nor until what it deleted
	// is gone, unless other changes wait for that.
	NoWait bool
	// WaitOldPods waits until the pods of older revisions are gone, too.
	WaitOldPods bool
	// Tail follows the logs of new pods while they are waited for; nil does not.
	Tail *rollout.Tail
	// Log is called, from any goroutine, for what hooks printed that say so
	// (helm.sh/hook-output-log-policy); nil drops it.
	Log func(rollout.LogLine)
	// Concurrency bounds the changes in flight; 0 means 32.
	Concurrency int
	// Report is called for every event, never concurrently.
	Report func(Event)
	// Stopping is closed when the user wants the run to end: nothing new starts,
	// and what is in flight is finished.
	Stopping <-chan struct{}
}

// The times of a run.
const (
	DefaultTimeout = 10 * time.Minute
	// failureGrace is how long the others may go on after the first certain
	// failure, so that causes are reported together.
	failureGrace = 15 * time.Second
	// stopGrace is how long requests in flight may take after an interrupt.
	stopGrace = 3 * time.Second
	// explainTime bounds the search for causes.
	explainTime = 10 * time.Second

	defaultConcurrency = 32
)

// Outcome says how a run ended.
type Outcome string

// The outcomes.
const (
	Succeeded   Outcome = "succeeded"
	Failed      Outcome = "failed" // a write or a rollout failed
	TimedOut    Outcome = "timed out"
	Interrupted Outcome = "interrupted"
	Stale       Outcome = "stale" // an object changed since the plan was made
	Lost        Outcome = "lost"  // the lock was lost
)

// Result says what a run did. It is given on failure too.
type Result struct {
	Outcome Outcome
	// States are the last states of all objects that the run followed.
	States map[object.ID]rollout.State
	// Errs are the errors of writes.
	Errs map[object.ID]error
	// Finished, NotReady and NotStarted split the changes that had steps. What
	// was waited for and is unchanged is in NotReady too, if it is not ready.
	Finished, NotReady, NotStarted []object.ID
	// Going are objects that are being deleted and were not waited for; States says
	// what they wait for. They stay in the inventory.
	Going []object.ID
	// InFlight counts the changes that were in flight at an interrupt and were
	// finished.
	InFlight  int
	Diagnosis rollout.Diagnosis
	// Hooks are those that were run, in the order in which they ended.
	Hooks []release.HookRun
}

// Run carries out a plan under a lock, and waits for all objects of the release,
// changed or not. journal may be nil for a plan without steps: then it only
// waits. ctx must live as long as the run; to end a run early close
// Options.Stopping, which finishes what is in flight.
func Run(ctx context.Context, c Cluster, journal Journal, p *diff.Plan, o Options) *Result {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	p, onFailure := splitFailure(p)
	r := newRun(c, journal, p, o)
	r.noteUnchanged()
	res := r.toItsEnd(ctx)
	if onFailure != nil && res.failed() {
		runOnFailure(ctx, newRun(c, journal, onFailure, o), res)
	}
	return res
}
