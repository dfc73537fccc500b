package release

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/belay-sh/belay/internal/object"
)

const (
	// pollEvery is how often a waiter looks at the head.
	pollEvery = time.Second
	// raceDelay is how long whoever lost a race for a free lock stands back.
	raceDelay = 50 * time.Millisecond
	// lastWords is how long a run that is told to end may take to give back a
	// lock that it was just about to get.
	lastWords = 2 * time.Second
)

// Lock takes the release's lock, waiting at most wait (0: fail at once) for
// another holder to finish or to give no sign of life for LockLife. waiting,
// which may be nil, is called when waiting begins and then about every second.
// The namespace must exist. A head that does not exist is created. The lock is
// renewed until Finish, Release or Erase, one of which must be called. Its
// State is of the moment when the lock was taken: if its Version is not that of
// an earlier Load, another run came between. The error is a LockedError when
// another run still holds the lock.
func (s *Store) Lock(ctx context.Context, name string, wait time.Duration, waiting func(Holder)) (*Lock, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	began := s.now()
	var v vigil
	for {
		r, err := s.read(ctx, name)
		switch {
		case err == nil:
		case v.holder != nil && unsure(err) && ctx.Err() == nil && s.now().Sub(began) < wait:
			if err := sleep(ctx, pollEvery); err != nil {
				return nil, err
			}
			continue
		default:
			return nil, err
		}
		if r.Lock == nil || v.silent(s.now(), r.Lock) {
			l, err := s.take(ctx, name, r)
			if !errors.Is(err, errMoved) {
				return l, err
			}
			if err := sleep(ctx, raceDelay); err != nil {
				return nil, err
			}
			continue
		}
		waited := s.now().Sub(began)
		if waited >= wait {
			return nil, &LockedError{Release: name, Holder: *r.Lock, Waited: waited}
		}
		if waiting != nil {
			waiting(*r.Lock)
		}
		if err := sleep(ctx, min(pollEvery, wait-waited)); err != nil {
			return nil, err
		}
	}
}

// vigil watches a holder for signs of life.
type vigil struct {
	holder *Holder
	since  time.Time
}

// silent says that the holder has given no sign of life for LockLife, on our
// own clock. A clock that stands still while this machine sleeps makes it later,
// never earlier.
func (v *vigil) silent(now time.Time, h *Holder) bool {
	if v.holder == nil || v.holder.Nonce != h.Nonce || v.holder.Beat != h.Beat {
		v.holder, v.since = h, now
	}
	return now.Sub(v.since) >= LockLife
}

// take writes the lock into the head, if nobody was faster (then the error is
// errMoved), and reads the inventory under it.
func (s *Store) take(ctx context.Context, name string, r *record) (*Lock, error) {
	now := s.now()
	next := r.clone()
	if r.secret == nil {
		next = &record{head: head{Format: format, Key: cmp.Or(s.Key, rand.Text())}}
	}
	if r.Lock != nil {
		// Whoever died may have left chunks, and changed objects after its last note.
		next.Sweep = true
		next.Edition++
	}
	interrupt(next.Revisions)
	nonce := rand.Text()
	next.Lock = &Holder{
		By: s.Who.By, PID: s.Who.PID, Job: s.Who.Job,
		Since: stamp(now), Renewed: stamp(now), Nonce: nonce,
	}
	l := &Lock{
		store: s, name: name, nonce: nonce, turn: make(chan struct{}, 1),
		rec: next, inventory: map[object.ID]Owned{}, renewed: now,
	}

	longer, cancel := grace(ctx, lastWords)
	defer cancel()
	version := versionOf(r)
	saved, err := s.save(longer, name, next, func(seen *record) bool { return versionOf(seen) == version })
	switch {
	case errors.Is(err, errMoved):
		return nil, err
	case err == nil:
		l.rec = saved
		l.inventory, err = s.inventory(ctx, name, saved)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		l.abandon(ctx)
		return nil, fmt.Errorf("locking release %q: %w", name, err)
	}
	l.begin()
	return l, nil
}

// abandon gives back a lock that may or may not have been taken, as far as that
// is possible in short time; if it is not, the lock expires.
func (l *Lock) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	seen, err := l.store.read(ctx, l.name)
	if err == nil && l.mine(seen) {
		l.rec = seen
		_ = l.unlock(ctx) // what stopped the run is the error to report
	}
}

func versionOf(r *record) string {
	if r.secret == nil {
		return ""
	}
	return string(r.secret.GetUID()) + "/" + r.secret.GetResourceVersion()
}

// stamp is a time as it is recorded.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
