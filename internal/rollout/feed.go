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
	// pollShare bounds the part of its time that a server spends on lists, where
	// nothing can be watched: one in so many.
	pollShare = 10
)

// feedKey is what one watch shows: all objects of a kind in a namespace, or
// those of them that a selector matches.
type feedKey struct {
	kind      object.Kind
	namespace string
	selector  string
}

// feed is one watch. Its fields belong to the tracker's mu.
type feed struct {
	key feedKey
	// parts keeps what workloads are made of; nil where targets are shown.
	parts *cache
}

// feed starts the feed of a key, if there is none yet; parts is for what
// workloads are made of. A feed lasts as long as the tracker, so that no kind and
// namespace is ever watched twice. The caller holds mu.
func (t *Tracker) feed(key feedKey, parts *cache) {
	if t.feeds[key] != nil {
		return
	}
	f := &feed{key: key, parts: parts}
	t.feeds[key] = f
	t.goes(func() { t.follow(t.ctx, f) })
}

// follow keeps a feed up to date until ctx ends: a LIST, then a watch from
// there. Where somebody has listed before it goes on from that. Where watching is
// forbidden it lists again and again; where listing is too, each object is asked for.
func (t *Tracker) follow(ctx context.Context, f *feed) {
	wait, canWatch := againFirst, true
	watch := func(version string) error {
		return t.w.Watch(ctx, f.key.kind, f.key.namespace, f.key.selector, version, func(e object.Event) error {
			t.event(f, e)
			return nil
		})
	}
	if listed := t.listed(f); listed != "" {
		_ = watch(listed) // it says the same, or does better, from a fresh list
	}
	for ctx.Err() == nil {
		since := t.o.Now()
		version, err := t.list(ctx, f, since)
		if err == nil {
			wait = againFirst
			if canWatch {
				err = watch(version)
				canWatch = !apierrors.IsForbidden(err) && !apierrors.IsMethodNotSupported(err)
			}
			if !canWatch {
				wait = max(pollEvery, pollShare*t.o.Now().Sub(since))
			}
		} else if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			if f.parts != nil {
				t.refuse(f) // the workload's own word must do
				return
			}
			t.askEach(f)
		}
		if pause(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, max(againMax, wait))
	}
}

// listed is the resourceVersion that a feed's targets were listed at; empty where
// nobody did.
func (t *Tracker) listed(f *feed) string {
	if f.parts != nil || f.key.selector != t.o.Selector || t.o.Listed == nil {
		return ""
	}
	return t.o.Listed(f.key.kind, f.key.namespace)
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

// list reads all that a feed shows; the reading began at since.
func (t *Tracker) list(ctx context.Context, f *feed, since time.Time) (version string, err error) {
	if f.parts != nil {
		fresh := newCache(f.parts.about)
		version, err = t.w.Each(ctx, f.key.kind, f.key.namespace, f.key.selector, func(u *unstructured.Unstructured) { fresh.put(slim(u)) })
		if err == nil {
			t.relistParts(f, fresh)
		}
		return version, err
	}
	shown := map[object.ID]bool{}
	version, err = t.w.Each(ctx, f.key.kind, f.key.namespace, f.key.selector, func(u *unstructured.Unstructured) {
		shown[object.IDOf(u)] = true
		t.observe(withoutManagers(u))
	})
	if err == nil {
		t.askAbsent(f, shown, since)
	}
	return version, err
}

// withoutManagers drops what readiness does not depend on, and is most of many
// objects. Who calls it owns the object.
func withoutManagers(u *unstructured.Unstructured) *unstructured.Unstructured {
	if meta, ok := at(u, "metadata").(map[string]any); ok {
		delete(meta, "managedFields")
	}
	return u
}

// askAbsent has the targets asked for that a list began at since does not show:
// they are gone, or have lost their label.
func (t *Tracker) askAbsent(f *feed, shown map[object.ID]bool, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
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
	switch {
	case f.parts != nil:
		t.eventOfPart(f, e)
	case !e.Deleted:
		t.observe(withoutManagers(e.Object))
	default:
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.early, object.IDOf(e.Object))
		if x := t.targets[object.IDOf(e.Object)]; x != nil && (x.UID == "" || x.UID == uidOf(e.Object)) && !x.asking {
			// Gone, or without its label only.
			x.asks, x.asking = true, true
			t.goes(func() { t.ask(x) })
		}
	}
}
