// Package apply carries out a plan: it runs each change as soon as its needs are
// met, waits until everything is ready, and then prunes. It is the only package
// that changes application objects. It renders nothing and decides nothing;
// without the plan's steps it does nothing.
package apply

import (
	"context"
	"errors"
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
	Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error
}

// EventKind says what an Event tells.
type EventKind string

// The kinds of events, in the order in which an object meets them.
const (
	Started EventKind = "started"
	Wrote   EventKind = "wrote"   // the write is done: created, updated, …
	Waiting EventKind = "waiting" // State changed, not final
	Done    EventKind = "done"    // ready, or gone
	Broke   EventKind = "failed"  // certain failure, of the write or the rollout
)

// Event is one step of a run, for progress.
type Event struct {
	At     time.Time // since the epoch
	ID     object.ID
	Action diff.Action
	Kind   EventKind
	State  rollout.State
	Err    error
}

// Options are the manner of a run.
type Options struct {
	// Timeout bounds the run from its first write; 0 means 10 minutes.
	Timeout time.Duration
	// NoWait prunes and ends without waiting for readiness.
	NoWait bool
	// Concurrency bounds changes in flight; 0 means 32.
	Concurrency int
	// Report is called for every event, never concurrently.
	Report func(Event)
	// Stopping is closed when the user wants the run to end: nothing new starts,
	// what is in flight is finished.
	Stopping <-chan struct{}
}

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
	// States are the objects' last states; Errs the errors of writes.
	States map[object.ID]rollout.State
	Errs   map[object.ID]error
	// Finished, NotReady and NotStarted split the changes that had steps.
	Finished, NotReady, NotStarted []object.ID
	// InFlight counts requests that were finished after an interrupt.
	InFlight  int
	Diagnosis rollout.Diagnosis
}

// Run carries out a plan under a lock. The error is what stopped it from
// running at all; how it went is in the Result.
func Run(ctx context.Context, c Cluster, l *release.Lock, p *diff.Plan, o Options) (*Result, error) {
	return nil, errors.New("applying: unfinished")
}
