package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

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

// Store keeps the records of the releases of one namespace. It holds nothing
// itself; its methods may be called from several goroutines.
type Store struct {
	Cluster   Cluster
	Namespace string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Who is recorded as holder and author.
	Who Who
	// Key becomes the State.Key of a release that has none yet; empty makes one.
	Key string
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

// List returns the releases of the store's namespace, or of all when it is
// empty, by namespace and name. Releases without a revision are left out.
func (s *Store) List(ctx context.Context) ([]Summary, error) {
	found, err := s.Cluster.ListMetadata(ctx, secretKind, s.Namespace, managedByLabel+"="+managedBy+","+partLabel+"="+partHead)
	if err != nil {
		return nil, fmt.Errorf("listing releases: %w", mask(err))
	}
	all := make([]Summary, 0, len(found))
	for _, u := range found {
		if summary, ok := s.summarize(u); ok {
			all = append(all, summary)
		}
	}
	slices.SortFunc(all, func(a, b Summary) int {
		if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all, nil
}

func (s *Store) summarize(u *unstructured.Unstructured) (Summary, bool) {
	notes := u.GetAnnotations()
	revision, err := strconv.Atoi(notes[revisionAnnotation])
	if err != nil {
		return Summary{}, false // locked before the first revision
	}
	summary := Summary{
		Namespace:   u.GetNamespace(),
		Name:        u.GetLabels()[recordLabel],
		Revision:    revision,
		Status:      Status(notes[statusAnnotation]),
		Bundle:      notes[bundleAnnotation],
		Version:     notes[versionAnnotation],
		Environment: notes[environmentAnnotation],
	}
	// A time that cannot be read is the zero time: shown as unknown, or long ago.
	summary.When, _ = time.Parse(time.RFC3339, notes[whenAnnotation])
	renewed, _ := time.Parse(time.RFC3339, notes[renewedAnnotation])
	if summary.Status == Applying && s.now().Sub(renewed) > seemsGone {
		summary.Status = Interrupted
	}
	return summary, true
}

// Load reads a release's head and inventory: one request for all but large
// releases. A release that never was is the zero State with an empty
// inventory, and no error.
func (s *Store) Load(ctx context.Context, name string) (*State, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	version := ""
	for {
		r, err := s.read(ctx, name)
		if err != nil {
			return nil, err
		}
		if r.secret == nil {
			return &State{Inventory: map[object.ID]Owned{}}, nil
		}
		inventory, err := s.inventory(ctx, name, r)
		if errors.Is(err, errMissing) && r.secret.GetResourceVersion() != version {
			version = r.secret.GetResourceVersion() // perhaps a run has written a new one meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the inventory of release %q: %w", name, err)
		}
		return s.seen(r, inventory), nil
	}
}

// LoadHead reads a release without its inventory, which is nil then: one
// request however large the release is, for those who read its revisions only.
func (s *Store) LoadHead(ctx context.Context, name string) (*State, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	r, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	if r.secret == nil {
		return &State{}, nil
	}
	return s.seen(r, nil), nil
}

// seen is what a reader is told of a record: a revision whose run gives no sign
// of life is interrupted.
func (s *Store) seen(r *record, inventory map[object.ID]Owned) *State {
	state := r.state(inventory)
	if state.Holder == nil || s.now().Sub(state.Holder.Renewed) > seemsGone {
		interrupt(state.Revisions)
	}
	return state
}

// read reads the head. The record has no secret when there is none.
func (s *Store) read(ctx context.Context, name string) (*record, error) {
	u, err := s.Cluster.Get(ctx, secretKind, s.Namespace, headName(name))
	if apierrors.IsNotFound(err) {
		return &record{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading release %q: %w", name, mask(err))
	}
	r, err := recordOf(u)
	if err != nil {
		return nil, fmt.Errorf("reading release %q: %w", name, err)
	}
	return r, nil
}

func (s *Store) inventory(ctx context.Context, name string, r *record) (map[object.ID]Owned, error) {
	raw, err := []byte(nil), error(nil)
	switch {
	case len(r.Inventory) > 0:
		raw, err = s.get(ctx, name, r.Inventory)
	case len(r.packed) > 0:
		raw, err = unpack(r.packed)
	}
	if err != nil {
		return nil, err
	}
	return decodeInventory(raw)
}

func (r *record) state(inventory map[object.ID]Owned) *State {
	state := &State{Version: r.version(), Revisions: slices.Clone(r.Revisions), Inventory: inventory, Key: r.Key}
	if r.Lock != nil {
		holder := *r.Lock
		state.Holder = &holder
	}
	return state
}

// Content reads what a revision wanted.
func (s *Store) Content(ctx context.Context, name string, r *Revision) (*render.Wanted, error) {
	if len(r.Content) == 0 {
		return nil, fmt.Errorf("reading revision %d of release %q: it has no content", r.Number, name)
	}
	raw, err := s.get(ctx, name, r.Content)
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of release %q: %w", r.Number, name, err)
	}
	w, err := decodeContent(raw)
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of release %q: %w", r.Number, name, err)
	}
	return w, nil
}

// Outcome reads how a revision ended; nil when nothing was kept.
func (s *Store) Outcome(ctx context.Context, name string, r *Revision) (*Result, error) {
	if len(r.Result) == 0 {
		return nil, nil
	}
	raw, err := s.get(ctx, name, r.Result)
	if err != nil {
		return nil, fmt.Errorf("reading the result of revision %d of release %q: %w", r.Number, name, err)
	}
	var result Result
	if utiljson.Unmarshal(raw, &result) != nil {
		return nil, fmt.Errorf("reading the result of revision %d of release %q: %w", r.Number, name, errContent)
	}
	return &result, nil
}

// Plan reads what a revision's run was about to do, as Intend was given it; nil
// when that was not kept.
func (s *Store) Plan(ctx context.Context, name string, r *Revision) ([]byte, error) {
	if len(r.Plan) == 0 {
		return nil, nil
	}
	raw, err := s.get(ctx, name, r.Plan)
	if err != nil {
		return nil, fmt.Errorf("reading the plan of revision %d of release %q: %w", r.Number, name, err)
	}
	return raw, nil
}
