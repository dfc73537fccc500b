package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// RecordTests keeps how tests of a revision went, in place of what it had of them,
// and releases the lock in the same write. It must be given a context that
// outlives an interrupt.
func (l *Lock) RecordTests(ctx context.Context, number int, tests []HookRun) error {
	l.stop()
	if err := l.recordTests(ctx, number, tests); err != nil {
		return fmt.Errorf("recording the tests of revision %d of release %q: %w", number, l.name, err)
	}
	return nil
}

func (l *Lock) recordTests(ctx context.Context, number int, tests []HookRun) error {
	l.mu.Lock()
	rec := l.rec
	l.mu.Unlock()
	revision := rec.revision(number)
	if revision == nil {
		return errors.New("it is not kept any more")
	}
	kept, err := l.store.Outcome(ctx, l.name, revision)
	if err != nil {
		return err
	}
	if kept == nil {
		kept = &Result{}
	}
	before := slices.DeleteFunc(kept.Tests, func(old HookRun) bool {
		return slices.ContainsFunc(tests, func(t HookRun) bool { return t.ID == old.ID })
	})
	kept.Tests = slices.Concat(before, tests)
	items, err := encodeResult(*kept)
	if err != nil {
		return err
	}
	pieces, err := makePieces(rec.Key, items, contentSmall, contentLarge)
	if err != nil {
		return err
	}
	return l.write(ctx, edit{pieces: pieces, records: true, change: func(h *head) {
		interrupt(h.Revisions)
		h.revision(number).Result = digests(pieces)
		h.Lock = nil
	}})
}
