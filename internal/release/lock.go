package release

import (
	"context"
	"errors"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Lock is a release's lock, held. All writes of records go through it. Its
// methods may be called from several goroutines.
type Lock struct{}

// State is the release as it is under the lock, with what this run noted.
func (l *Lock) State() *State { return nil }

// Intend writes down what a run is about to make, before its first write: a new
// revision that is applying, its content, and an inventory entry for each object
// it intends to make (entries that exist keep their UID and hashes). The number
// and time of the revision are set by it and returned. The previous revision, if
// it was still applying, becomes interrupted. r.Status may be Deleting, else it is
// Applying.
func (l *Lock) Intend(ctx context.Context, r Revision, w *render.Wanted, intended map[object.ID]Owned) (Revision, error) {
	return Revision{}, errors.New("intending: unfinished")
}

// Held says without a request whether this run may still write: the last
// renewal is younger than HeldFor. Otherwise the error is ErrLost.
func (l *Lock) Held() error { return nil }

// Note records what became of an object; it is written with the next renewal,
// or by Finish.
func (l *Lock) Note(id object.ID, o Owned) {}

// Forget takes an object off the inventory: it was seen gone, or is let go.
func (l *Lock) Forget(id object.ID) {}

// Finish records how the revision went and releases the lock in one write; the
// revision that it follows becomes superseded, or rolled-back. Retention and the
// collection of chunks that nobody names follow. It must be given a context
// that outlives an interrupt.
func (l *Lock) Finish(ctx context.Context, status Status, result Result) (Revision, error) {
	return Revision{}, errors.New("finishing: unfinished")
}

// Erase removes all records of the release, the head last. Only for a release
// whose inventory is empty.
func (l *Lock) Erase(ctx context.Context) error { return errors.New("erasing: unfinished") }

// Release gives the lock back without a revision: nothing was written.
func (l *Lock) Release(ctx context.Context) error { return nil }
