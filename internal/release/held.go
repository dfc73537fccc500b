package release

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// edit is a change of the records under the lock. The zero edit is a sign of
// life, and writes what was noted.
type edit struct {
	// pieces are written before the head that names them.
	pieces []piece
	// change is applied to a copy of the head.
	change func(*head)
	// records says that change touches revisions.
	records bool
	// sign is a sign of life and nothing else.
	sign bool
}

// write brings an edit, and what was noted since the last one, into the
// cluster. The error is ErrLost when the lock is another's.
func (l *Lock) write(ctx context.Context, e edit) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.swap(ctx, e)
}

// swap is a write whose turn it is.
func (l *Lock) swap(ctx context.Context, e edit) error {
	l.mu.Lock()
	dead := l.lost || l.over
	l.mu.Unlock()
	if dead {
		return ErrLost
	}
	started := l.store.now()
	before := l.current()
	next, pieces, noted, err := l.draft(e)
	if err != nil {
		return err
	}
	named := before.named()
	pieces = slices.DeleteFunc(pieces, func(p piece) bool { return named[p.digest] })
	if len(pieces) > 0 && l.Held() != nil {
		// Nothing fences chunks: the head must show first whose the lock is.
		if err := l.swap(ctx, edit{sign: true}); err != nil {
			return err
		}
		if err := l.Held(); err != nil {
			return err // it took too long
		}
		return l.swap(ctx, e)
	}
	if err := l.store.put(ctx, l.name, pieces, l.Held); err != nil {
		l.litter(pieces)
		return err
	}
	saved, err := l.store.save(ctx, l.name, next, l.mine)
	if errors.Is(err, errMoved) {
		return l.lose()
	}
	if err != nil {
		l.litter(pieces)
		l.doubt()
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rec, l.written, l.renewed = saved, noted, started
	l.doubtful, l.over = false, saved.Lock == nil
	return nil
}

func (l *Lock) current() *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rec
}

// draft makes the head that a write would bring, with the pieces that it
// needs, and says up to which change of the inventory it goes.
func (l *Lock) draft(e edit) (*record, []piece, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, pieces := l.rec.clone(), e.pieces
	next.Lock.Beat++
	next.Lock.Renewed = stamp(l.store.now())
	if e.change != nil {
		e.change(&next.head)
	}
	if e.sign {
		return next, nil, l.written, nil
	}
	if l.noted != l.written {
		items := encodeInventory(l.inventory)
		packed, err := pack(join(items))
		if err != nil {
			return nil, nil, 0, err
		}
		next.packed, next.Inventory = packed, nil
		if len(packed) > embedMax {
			more, err := makePieces(next.Key, items, inventorySmall, inventoryLarge)
			if err != nil {
				return nil, nil, 0, err
			}
			next.packed, next.Inventory = nil, digests(more)
			pieces = slices.Concat(pieces, more)
		}
	}
	if e.records || l.noted != l.written {
		next.Edition++
	}
	next.leave(&l.rec.head)
	return next, pieces, l.noted, nil
}

func join(items []item) []byte {
	parts := make([][]byte, len(items))
	for i, it := range items {
		parts[i] = it.data
	}
	return slices.Concat(parts...)
}

// mine says that a head is held by this run.
func (l *Lock) mine(r *record) bool { return r.Lock != nil && r.Lock.Nonce == l.nonce }

// litter remembers that chunks may have been written that no head names.
func (l *Lock) litter(pieces []piece) {
	if len(pieces) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rec := l.rec.clone()
	rec.Sweep = true
	l.rec = rec
}

// doubt remembers that the cluster may have, or may get, a head that this run
// took for not written. The next write replaces it.
func (l *Lock) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubtful = true
}

// lose ends the lock: it is another's.
func (l *Lock) lose() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
	return ErrLost
}

// end marks the lock as given back.
func (l *Lock) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// collect deletes chunks that the head in the cluster does not name. What could
// not be deleted stays in the head's list.
func (l *Lock) collect(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	rec, doubtful := l.rec, l.doubtful
	l.mu.Unlock()
	if doubtful {
		return errors.New("it is not known what the head names")
	}
	if !rec.Sweep && len(rec.Dropped) == 0 {
		return nil
	}
	garbage, err := l.store.garbage(ctx, l.name, &rec.head)
	if err == nil {
		err = l.store.drop(ctx, l.name, garbage, l.Held)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clean := l.rec.clone()
	clean.Dropped, clean.Sweep = nil, false
	l.rec = clean
	return nil
}

// HooksDigest is the same for the same hooks, keyed with the release's State.Key; it
// is empty when there are none. A revision keeps that of its own.
func HooksDigest(key string, hooks []object.Object) (string, error) {
	if len(hooks) == 0 {
		return "", nil
	}
	bodies := make([][]byte, len(hooks))
	for i, h := range hooks {
		var err error
		if bodies[i], err = encodeLine(h.Body.Object); err != nil {
			return "", err
		}
	}
	return digestBodies(key, bodies), nil
}

// digestBodies is the same for the same objects, in whatever order and from
// whatever files they come.
func digestBodies(key string, bodies [][]byte) string {
	sums := make([]string, len(bodies))
	for i, body := range bodies {
		sums[i] = keyed(key, body)
	}
	slices.Sort(sums)
	return keyed(key, []byte(strings.Join(sums, "")))
}
