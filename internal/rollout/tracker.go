package rollout

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// Options say how objects are followed.
type Options struct {
	// Selector finds the objects that are followed: the release's label.
	Selector string
	// Report is called for every change of state, never concurrently, from the
	// tracker's goroutines. It must not block for long nor call the tracker.
	Report func(object.ID, State)
}

// Tracker follows objects to readiness through watches shared per kind and
// namespace. apply adds objects as it writes them.
type Tracker struct{}

// NewTracker starts following nothing; ctx ends all that it starts.
func NewTracker(ctx context.Context, w Watcher, o Options) *Tracker { return &Tracker{} }

// Add starts following an object. It returns at once; its state is reported.
func (t *Tracker) Add(target Target) {}

// Stop ends all watches and waits for them. No report comes after it.
func (t *Tracker) Stop() {}

// Of tells the readiness of an object from itself alone. It is pure.
func Of(u *unstructured.Unstructured) State { return State{Phase: Ready} }

// Explain finds why targets are not ready. What cannot be read is left out of
// the diagnosis, and said in its notes.
func Explain(ctx context.Context, w Watcher, targets []Target) Diagnosis { return Diagnosis{} }
