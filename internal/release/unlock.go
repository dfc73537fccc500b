package release

import (
	"context"
	"errors"
	"fmt"
)

// ErrFree says that nobody holds the lock, or no longer the one who did.
var ErrFree = errors.New("the lock is not held")

// Unlock takes the lock away from a holder that was seen. A holder that lives
// notices at its next record, or before its next write once the lock would have
// expired, and stops; its revision becomes interrupted. The error is ErrFree when
// it holds the lock no more.
func (s *Store) Unlock(ctx context.Context, name string, seen Holder) error {
	for {
		r, err := s.read(ctx, name)
		if err != nil {
			return err
		}
		if r.Lock == nil || r.Lock.Nonce != seen.Nonce {
			return ErrFree
		}
		next := r.clone()
		next.Lock = nil
		interrupt(next.Revisions)
		// Whoever held it may have left chunks, and changed objects after its last note.
		next.Sweep = true
		next.Edition++
		version := versionOf(r)
		_, err = s.save(ctx, name, next, func(now *record) bool { return versionOf(now) == version })
		if errors.Is(err, errMoved) {
			continue // it gave a sign of life
		}
		if err != nil {
			return fmt.Errorf("unlocking release %q: %w", name, err)
		}
		return nil
	}
}
