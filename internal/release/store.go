package release

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Cluster reads and writes Secrets; cluster.Client satisfies it.
type Cluster interface {
	Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error)
	// ListMetadata lists objects without their content; namespace "" is all.
	ListMetadata(ctx context.Context, k object.Kind, namespace, selector string) ([]*unstructured.Unstructured, error)
	Create(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error)
	Update(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Delete with empty UID and version is unconditional.
	Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error
}

// Errors that callers branch on.
var (
	// ErrLocked: another run holds the lock (exit 8); see LockedError.
	ErrLocked = errors.New("locked")
	// ErrLost: the lock was lost to another run (exit 8). Whoever meets it stops writing.
	ErrLost = errors.New("the lock was lost to another run")
)

// LockedError says who holds the lock.
type LockedError struct {
	Release string
	Holder  Holder
	Waited  time.Duration
}

func (e *LockedError) Error() string { return "locked: " + e.Holder.By + " holds " + e.Release }

// Is makes errors.Is(err, ErrLocked) hold.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Store keeps the records of the releases of one namespace.
type Store struct {
	Cluster   Cluster
	Namespace string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Who is recorded as holder and author.
	Who Who
}

// Who runs belay.
type Who struct {
	By  string // user@host
	PID int
	Job string // URL of the CI job, or empty
}

// Summary is a release as list shows it, read from the head's metadata alone.
type Summary struct {
	Namespace, Name string
	Revision        int
	Status          Status
	When            time.Time
	Bundle, Version string
	Environment     string
}

// List returns the releases of the store's namespace, or of all when it is empty.
func (s *Store) List(ctx context.Context) ([]Summary, error) {
	return nil, errors.New("listing: unfinished")
}

// Load reads a release's head and inventory. A release that never was is the
// zero State with an empty inventory, and no error.
func (s *Store) Load(ctx context.Context, name string) (*State, error) {
	return nil, errors.New("loading: unfinished")
}

// Content reads what a revision wanted.
func (s *Store) Content(ctx context.Context, name string, r *Revision) (*render.Wanted, error) {
	return nil, errors.New("loading: unfinished")
}

// Outcome reads how a revision ended; nil when nothing was kept.
func (s *Store) Outcome(ctx context.Context, name string, r *Revision) (*Result, error) {
	return nil, errors.New("loading: unfinished")
}

// Lock takes the release's lock, waiting at most wait (0: fail at once) for
// another holder to finish or to give no sign of life for LockLife. waiting is
// called when waiting begins and then about every second. The namespace must
// exist. A head that does not exist is created. The lock is renewed until
// Finish or Release.
func (s *Store) Lock(ctx context.Context, name string, wait time.Duration, waiting func(Holder)) (*Lock, error) {
	return nil, errors.New("locking: unfinished")
}
