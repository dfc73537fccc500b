package rollout

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

const (
	againFirst = 200 * time.Millisecond
	againMax   = 3 * time.Second
)

// feedKey is what one watch shows.
type feedKey struct {
	kind      object.Kind
	namespace string
	selector  string
	// parts is true for the pods and ReplicaSets of a workload, false for targets.
	parts bool
}

// feed keeps what one watch shows. Its fields belong to the tracker's mu.
type feed struct {
	key feedKey
	// cache holds the objects by UID, for feeds of pods and ReplicaSets.
	cache map[string]*unstructured.Unstructured
	// listed is true once the cache is complete.
	listed bool
	// users are the workloads that look at the cache; with none it ends.
	users  int
	cancel context.CancelFunc
}

func (f *feed) all() []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, 0, len(f.cache))
	for _, u := range f.cache {
		all = append(all, u)
	}
	return all
}

// feed returns the feed of a key, started if it is new. The caller holds mu.
func (t *Tracker) feed(key feedKey) *feed {
	if f := t.feeds[key]; f != nil {
		return f
	}
	ctx, cancel := context.WithCancel(t.ctx)
	f := &feed{key: key, cache: map[string]*unstructured.Unstructured{}, cancel: cancel}
	t.feeds[key] = f
	t.goes(func() {
		defer cancel()
		t.follow(ctx, f)
	})
	return f
}

// drop ends a feed that nobody looks at any more. The caller holds mu.
func (t *Tracker) drop(f *feed) {
	if f == nil {
		return
	}
	f.users--
	if f.users == 0 && f.key.parts {
		f.cancel()
		delete(t.feeds, f.key)
	}
}

// follow keeps a feed up to date until ctx ends: a LIST, then a watch from
// there. Where watching is forbidden it lists again and again; where listing is
// too, each object is asked for.
func (t *Tracker) follow(ctx context.Context, f *feed) {
	wait, canWatch := againFirst, true
	for ctx.Err() == nil {
		since := t.o.Now()
		list, err := t.w.List(ctx, f.key.kind, f.key.namespace, f.key.selector)
		if err == nil {
			t.relist(f, list, since)
			wait = againFirst
			if canWatch {
				err = t.w.Watch(ctx, f.key.kind, f.key.namespace, f.key.selector, list.GetResourceVersion(), func(e object.Event) error {
					t.event(f, e)
					return nil
				})
				canWatch = !apierrors.IsForbidden(err) && !apierrors.IsMethodNotSupported(err)
			}
			if !canWatch {
				wait = pollEvery
			}
		} else if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			if f.key.parts {
				return // without the right to see its pods the workload's own word must do
			}
			t.askEach(f)
		}
		if pause(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, againMax)
	}
}

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

// relist takes in a whole list that was asked for at since. What was followed
// then and is not in it is gone, or has lost its label: it is asked for.
func (t *Tracker) relist(f *feed, list *unstructured.UnstructuredList, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(f.cache)
	shown := make(map[object.ID]bool, len(list.Items))
	for i := range list.Items {
		u := &list.Items[i]
		if f.key.parts {
			f.cache[uidOf(u)] = u
		}
		id := object.IDOf(u)
		shown[id] = true
		if !f.key.parts {
			t.show(u)
		}
	}
	f.listed = true
	if f.key.parts {
		t.wake(f)
		return
	}
	for id, x := range t.targets {
		if x.Kind == f.key.kind && id.Namespace == f.key.namespace && x.added.Before(since) && !shown[id] {
			x.asks = true
		}
	}
}

// askEach has the targets of a feed asked for one by one, while it cannot be listed.
func (t *Tracker) askEach(f *feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, x := range t.targets {
		if x.Kind == f.key.kind && id.Namespace == f.key.namespace {
			x.asks = true
		}
	}
}

// event takes in what a watch shows.
func (t *Tracker) event(f *feed, e object.Event) {
	if !f.key.parts {
		if !e.Deleted {
			t.observe(e.Object)
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.early, object.IDOf(e.Object))
		if x := t.targets[object.IDOf(e.Object)]; x != nil && (x.UID == "" || x.UID == uidOf(e.Object)) && !x.asking {
			// Gone, or without its label only.
			x.asks, x.asking = true, true
			t.goes(func() { t.ask(x) })
		}
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Deleted {
		delete(f.cache, uidOf(e.Object))
	} else {
		f.cache[uidOf(e.Object)] = e.Object
	}
	t.wake(f)
}

// wake judges the workloads that look at a feed again. The caller holds mu.
func (t *Tracker) wake(f *feed) {
	for _, x := range t.targets {
		if (x.pods == f || x.sets == f) && x.last != nil {
			t.take(x, x.last)
		}
	}
}
