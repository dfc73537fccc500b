package release

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Intent is what a run is about to make.
type Intent struct {
	// Revision is its index entry; the number and the time are set by Intend. Its
	// status may be Deleting, else it becomes Applying.
	Revision Revision
	// Wanted is the content. It says how many revisions are kept; a deletion needs
	// none.
	Wanted *render.Wanted
	// Inventory has an entry for each object that the run intends to make. Entries
	// that exist keep their UID and hashes.
	Inventory map[object.ID]Owned
	// Plan is what the run is about to do, for people to read later; it may be empty.
	Plan []byte
	// Past are revisions that another tool made, oldest first. They become the
	// history of a release that has none.
	Past []Past
}

// Past is a revision that another tool made. Its number, time and status stay;
// what it wanted may be nil, if that is not known.
type Past struct {
	Revision Revision
	Wanted   *render.Wanted
}

// Intend writes down what a run is about to make, before its first write, in one
// write of the head: a new revision that is applying, its content, the inventory.
// It returns the revision with its number and time. The previous revision, if it
// was still applying, becomes interrupted.
func (l *Lock) Intend(ctx context.Context, in Intent) (Revision, error) {
	l.mu.Lock()
	rec := l.rec
	l.mu.Unlock()
	r, w := in.Revision, in.Wanted
	past := rec.Revisions
	if len(past) == 0 {
		for _, p := range in.Past {
			past = append(past, p.Revision)
		}
	}
	r.Number = 1
	if n := len(past); n > 0 {
		r.Number = past[n-1].Number + 1
	}
	now := l.store.now()
	r.When, r.Took = stamp(now), 0
	if r.Status == Deleting {
		w = nil // and no revision is dropped for it: it may fail
	} else {
		r.Status = Applying
	}
	if r.By == "" {
		r.By = l.store.Who.By
	}
	if r.Job == "" {
		r.Job = l.store.Who.Job
	}
	failed := func(err error) (Revision, error) {
		return Revision{}, fmt.Errorf("recording revision %d of release %q: %w", r.Number, l.name, err)
	}
	pieces, err := contentOf(&r, w, rec.Key)
	if err != nil {
		return failed(err)
	}
	var taken []Revision
	if len(rec.Revisions) == 0 {
		more, err := takePast(in.Past, rec.Key, &taken)
		if err != nil {
			return failed(err)
		}
		pieces = slices.Concat(more, pieces)
	}
	if len(in.Plan) > 0 {
		more, err := makePieces(rec.Key, []item{{data: in.Plan}}, contentSmall, contentLarge)
		if err != nil {
			return failed(err)
		}
		r.Plan = digests(more)
		pieces = slices.Concat(pieces, more)
	}
	pieces = once(pieces)
	undo := l.intend(in.Inventory)
	err = l.write(ctx, edit{pieces: pieces, records: true, change: func(h *head) {
		interrupt(h.Revisions)
		h.Revisions = slices.Concat(h.Revisions, taken, []Revision{r})
		if w != nil {
			h.Revisions = retain(h.Revisions, w.Rules.History)
		}
		h.Lock.Revision = r.Number
	}})
	if err != nil {
		undo()
		return failed(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intended = now
	if w != nil {
		l.keep = w.Rules.History
	}
	return r, nil
}

// once drops pieces that occur twice.
func once(pieces []piece) []piece {
	seen := map[string]bool{}
	return slices.DeleteFunc(pieces, func(p piece) bool {
		twice := seen[p.digest]
		seen[p.digest] = true
		return twice
	})
}

// takePast makes the pieces of revisions that another tool made. Not more of them
// are taken than a release keeps beside the new one.
func takePast(past []Past, key string, into *[]Revision) ([]piece, error) {
	all := make([]Revision, len(past), len(past)+1)
	contents := map[int]*render.Wanted{}
	for i, p := range past {
		all[i] = p.Revision
		contents[p.Revision.Number] = p.Wanted
	}
	all = retain(append(all, Revision{Status: Applying}), defaultHistory)
	all = all[:len(all)-1]
	var pieces []piece
	for i := range all {
		r := &all[i]
		if contents[r.Number] == nil {
			continue
		}
		more, err := contentOf(r, contents[r.Number], key)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, more...)
	}
	*into = all
	return pieces, nil
}

// contentOf makes the pieces of what a revision wants, and names them in it.
func contentOf(r *Revision, w *render.Wanted, key string) ([]piece, error) {
	if w == nil {
		r.Objects = keyed(key, nil)
		return nil, nil
	}
	items, bodies, err := encodeContent(w)
	if err != nil {
		return nil, err
	}
	pieces, err := makePieces(key, items, contentSmall, contentLarge)
	if err != nil {
		return nil, err
	}
	r.Content = digests(pieces)
	r.Objects = digestBodies(key, bodies)
	r.Hooks, err = HooksDigest(key, w.AllHooks())
	return pieces, err
}

// intend adds objects to the inventory. What is known of them is kept. The
// returned function takes it back.
func (l *Lock) intend(intended map[object.ID]Owned) (undo func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := maps.Clone(l.inventory)
	for id, o := range intended {
		if known, ok := l.inventory[id]; ok {
			known.Kept, known.Shared, known.Going = o.Kept, o.Shared, o.Going
			if known.UID == "" {
				known.UID = o.UID
			}
			o = known
		}
		l.inventory[id] = o
	}
	l.noted++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inventory = before
		l.noted++
	}
}
