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
	"github.com/belay-sh/belay/render"
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
	items, err := encodeContent(w)
	if err != nil {
		return nil, err
	}
	pieces, err := makePieces(key, items, contentSmall, contentLarge)
	if err != nil {
		return nil, err
	}
	r.Content = digests(pieces)
	if r.Objects, err = digestObjects(key, w.Objects); err == nil {
		r.Hooks, err = HooksDigest(key, w.AllHooks())
	}
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
			known.Kept, known.Shared = o.Kept, o.Shared
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
		return fmt.Errorf("%w, for all this run knows: it could not renew it for %s", ErrLost, brief(silent))
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
