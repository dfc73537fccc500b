package diff

import (
	"context"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// ahead is a Reader that lists before it is asked.
type ahead struct {
	Reader
	selector string
	known    chan struct{} // closed once all lists are in it

	mu    sync.Mutex
	lists map[Scope]*listing
}

// listing is a LIST that is under way until done is closed.
type listing struct {
	done chan struct{}
	list *unstructured.UnstructuredList
	err  error
}

// ReadAhead begins to list where the inventory has objects, for Compute to find it
// done: what is wanted takes its time to render, and the server its own. Of o it
// looks at Op, Target and Concurrency. The lists end with ctx.
func ReadAhead(ctx context.Context, r Reader, s *release.State, o Options) Reader {
	if len(s.Inventory) == 0 || o.Op == OpTest {
		return r
	}
	a := &ahead{
		Reader: r, selector: object.ReleaseLabel + "=" + o.Target.Release,
		known: make(chan struct{}), lists: map[Scope]*listing{},
	}
	go a.begin(ctx, s.Inventory, o)
	return a
}

// begin finds out where to list, and lists.
func (a *ahead) begin(ctx context.Context, inventory map[object.ID]release.Owned, o Options) {
	kinds := map[schema.GroupVersionKind]object.Kind{}
	for id, entry := range inventory {
		if entry.Shared || entry.Kept && o.Op != OpDelete {
			continue
		}
		gvk := id.GroupKind().WithVersion(versionOf(entry))
		kind, known := kinds[gvk]
		if !known {
			kind, _ = a.Kind(ctx, gvk.GroupKind(), gvk.Version) // Compute says what is wrong
			kinds[gvk] = kind
		}
		at := Scope{kind, id.Namespace}
		if kind.Resource != "" && a.lists[at] == nil {
			a.lists[at] = &listing{done: make(chan struct{})}
		}
	}
	begun := maps.Clone(a.lists)
	close(a.known)
	var g errgroup.Group
	g.SetLimit(o.concurrency())
	for at, l := range begun {
		g.Go(func() error {
			defer close(l.done)
			l.list, l.err = a.Reader.List(ctx, at.Kind, at.Namespace, a.selector)
			return nil
		})
	}
	_ = g.Wait() // the errors are in the listings
}

// List gives away what was listed ahead, once: who asks again wants to know of now.
func (a *ahead) List(ctx context.Context, k object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error) {
	if selector == a.selector {
		select {
		case <-a.known:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if l := a.take(Scope{k, namespace}); l != nil {
			select {
			case <-l.done:
				return l.list, l.err
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	return a.Reader.List(ctx, k, namespace, selector)
}

func (a *ahead) take(at Scope) *listing {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lists[at]
	delete(a.lists, at)
	return l
}
