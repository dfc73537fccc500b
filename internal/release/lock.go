package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/internal/object"
)

// retryEvery is how soon a renewal that failed is tried again.
const retryEvery = time.Second

// Lock is a release's lock, held. All writes of records go through it. Its
// methods may be called from several goroutines.
type Lock struct {
	store *Store
	name  string
	nonce string
	// turn is taken by whoever writes or collects: one at a time.
	turn chan struct{}

	mu        sync.Mutex
	rec       *record // as it stands in the cluster, for all we know
	inventory map[object.ID]Owned
	noted     int // changes of the inventory so far
	written   int // how many of them the head has
	renewed   time.Time
	lost      bool
	over      bool // given back
	doubtful  bool // whether the last write succeeded is not known
	intended  time.Time
	keep      int

	stopRenewal context.CancelFunc
	renewal     sync.WaitGroup
}

// begin starts the renewal.
func (l *Lock) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stopRenewal = cancel
	l.renewal.Go(func() { l.renew(ctx) })
}

// stop ends the renewal and waits for it. What it had sent may still arrive;
// then the next write finds our own head in its way.
func (l *Lock) stop() {
	if l.stopRenewal != nil {
		l.stopRenewal()
	}
	l.renewal.Wait()
}

func (l *Lock) renew(ctx context.Context) {
	pause := RenewEvery
	for sleep(ctx, pause) == nil {
		pause = RenewEvery
		err := l.renewOnce(ctx)
		if errors.Is(err, ErrLost) {
			return
		}
		if err != nil {
			pause = retryEvery
		}
	}
}

// renewOnce gives a sign of life, and deletes what it made superfluous. If it
// hangs, it does not keep others from writing for long.
func (l *Lock) renewOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, RenewEvery)
	defer cancel()
	if err := l.write(ctx, edit{}); err != nil {
		return err
	}
	_ = l.collect(ctx) // what is left is collected later
	return nil
}

// State is the release as it is under the lock, with what this run noted. It is
// a copy.
func (l *Lock) State() *State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rec.state(maps.Clone(l.inventory))
}

// Held says without a request whether this run may still write: the last
// renewal is younger than HeldFor. Otherwise the error is an ErrLost.
func (l *Lock) Held() error {
	now := l.store.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost || l.over {
		return ErrLost
	}
	if silent := age(now, l.renewed); silent >= HeldFor {
		return fmt.Errorf("%w: it could not renew it for %s", ErrUnsure, brief(silent))
	}
	return nil
}

// Note records what became of an object; it is written with the next renewal,
// or by Finish.
func (l *Lock) Note(id object.ID, o Owned) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.inventory[id]; ok && known == o {
		return
	}
	l.inventory[id] = o
	l.noted++
}

// Forget takes an object off the inventory: it was seen gone, or is let go.
func (l *Lock) Forget(id object.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.inventory[id]; ok {
		delete(l.inventory, id)
		l.noted++
	}
}

// Finish records how the revision went and releases the lock in one write; the
// revision that it follows becomes superseded, or rolled-back. Retention and the
// collection of chunks that nobody names come with it. It must be given a context
// that outlives an interrupt.
func (l *Lock) Finish(ctx context.Context, status Status, result Result) (Revision, error) {
	l.stop()
	return l.conclude(ctx, status, result, func(h *head) { h.Lock = nil })
}

// Record records how the revision went and keeps the lock, for the revision that
// undoes it.
func (l *Lock) Record(ctx context.Context, status Status, result Result) (Revision, error) {
	return l.conclude(ctx, status, result, func(h *head) { h.Lock.Revision = 0 })
}

func (l *Lock) conclude(ctx context.Context, status Status, result Result, unlock func(*head)) (Revision, error) {
	l.mu.Lock()
	key, intended, keep, number := l.rec.Key, l.intended, l.keep, 0
	if l.rec.Lock != nil {
		number = l.rec.Lock.Revision
	}
	l.mu.Unlock()
	if number == 0 {
		return Revision{}, fmt.Errorf("recording the end of release %q: no revision was begun", l.name)
	}
	items, err := encodeResult(result)
	var pieces []piece
	if err == nil {
		pieces, err = makePieces(key, items, contentSmall, contentLarge)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("recording the end of revision %d of release %q: %w", number, l.name, err)
	}
	if status != Interrupted { // one that is told to end has no time for it
		_ = l.collect(ctx) // what is left is collected by the next run
	}
	var done Revision
	err = l.write(ctx, edit{pieces: pieces, records: true, change: func(h *head) {
		conclude(h.Revisions, status)
		r := h.revision(number)
		r.Result = digests(pieces)
		r.Took = age(l.store.now(), intended).Round(time.Millisecond)
		done = *r
		if status == Deployed {
			h.Revisions = retain(h.Revisions, keep)
		}
		unlock(h)
	}})
	if err != nil {
		return Revision{}, fmt.Errorf("recording the end of revision %d of release %q: %w", number, l.name, err)
	}
	return done, nil
}

// Release gives the lock back without a revision: nothing was written. A head
// that was made for the lock alone goes with it.
func (l *Lock) Release(ctx context.Context) error {
	l.stop()
	if err := l.unlock(ctx); err != nil {
		return fmt.Errorf("unlocking release %q: %w", l.name, err)
	}
	return nil
}

func (l *Lock) unlock(ctx context.Context) error {
	l.mu.Lock()
	empty := len(l.rec.Revisions) == 0 && len(l.inventory) == 0
	doubtful := l.doubtful
	l.mu.Unlock()
	if empty {
		if doubtful {
			if err := l.write(ctx, edit{}); err != nil {
				return err
			}
		}
		if err := l.collect(ctx); err != nil {
			return err
		}
		return l.remove(ctx)
	}
	return l.write(ctx, edit{change: func(h *head) {
		interrupt(h.Revisions)
		h.Lock = nil
	}})
}

// Erase removes all records of the release, the head last, and with it the
// lock. The inventory must be empty but for what is kept or shared. Killed
// half-way, it leaves a head whose next delete ends it. When it fails, the lock
// is given back if that is still possible.
func (l *Lock) Erase(ctx context.Context) error {
	err := l.erase(ctx)
	l.stop()
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrLost) {
		_ = l.unlock(ctx) // or it expires
	}
	return fmt.Errorf("erasing release %q: %w", l.name, err)
}

func (l *Lock) erase(ctx context.Context) error {
	l.mu.Lock()
	for id, o := range l.inventory {
		if !o.Kept && !o.Shared {
			l.mu.Unlock()
			return fmt.Errorf("%s may still exist", id)
		}
	}
	clear(l.inventory)
	l.noted++
	l.mu.Unlock()

	// The head must never name what is not there.
	err := l.write(ctx, edit{records: true, change: func(h *head) {
		h.Revisions = slices.Clone(h.Revisions)
		for i := range h.Revisions {
			h.Revisions[i].Content, h.Revisions[i].Result, h.Revisions[i].Plan = nil, nil, nil
		}
		h.Sweep = true
	}})
	if err == nil {
		err = l.collect(ctx)
	}
	if err == nil {
		l.stop()
		err = l.remove(ctx)
	}
	return err
}

// remove deletes the head, if it is still as this run knows it.
func (l *Lock) remove(ctx context.Context) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	rec, dead := l.rec, l.lost || l.over
	l.mu.Unlock()
	if dead {
		return ErrLost
	}
	for attempt := 0; ; attempt++ {
		err := l.store.Cluster.Delete(ctx, secretKind, l.store.Namespace, headName(l.name), object.DeleteOptions{
			UID: string(rec.secret.GetUID()), Version: rec.secret.GetResourceVersion(), Propagation: "Background",
		})
		if err == nil || apierrors.IsNotFound(err) {
			l.end()
			return nil
		}
		if !unsure(err) && !apierrors.IsConflict(err) {
			return mask(err)
		}
		seen, readErr := l.store.read(ctx, l.name)
		switch {
		case readErr == nil && seen.secret == nil:
			l.end()
			return nil
		case readErr == nil && !l.mine(seen):
			return l.lose()
		case readErr == nil:
			rec = seen
		}
		if attempt == tries-1 || sleep(ctx, backoff(attempt)) != nil {
			return mask(err)
		}
	}
}
