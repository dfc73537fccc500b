package rollout

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

const (
	// tickEvery is how often budgets are looked at; they are told in seconds.
	tickEvery = time.Second
	// pollEvery is how often is asked about what cannot be watched.
	pollEvery = 2 * time.Second
	// podsAfter is how long a workload may take before its pods are looked at:
	// most are ready by then, and cost nothing.
	podsAfter = 1500 * time.Millisecond
	// settleAfter is how long readiness must hold where no probe stands behind it:
	// then it says only that the process was started. So it must where it was lost
	// before.
	settleAfter = 3 * time.Second
	// settleMax bounds it where containers crashed before.
	settleMax = time.Minute
	// silentAfter is how long an object without a status may take to get one.
	silentAfter = 3 * time.Second
	// mountAfter is how long a pod may prepare its volumes before the events are
	// asked what keeps it.
	mountAfter = 5 * time.Second
)

// Options say how objects are followed.
type Options struct {
	// Selector finds the objects that are followed: the release's label.
	Selector string
	// Report is called for every change of state, never concurrently, by Add or
	// from the tracker's goroutines. It must not block for long nor call the tracker.
	Report func(object.ID, State)
	// Listed tells the resourceVersion that all that Selector finds in a place was
	// listed at, before the first Add: targets there need no other list. It may be
	// nil, or answer "".
	Listed func(k object.Kind, namespace string) string
	// Judge is the bundle's own say about kinds; nil is none.
	Judge *Judge
	// WaitOldPods holds readiness back until the pods of older revisions are gone.
	WaitOldPods bool
	// Tail follows the logs of new pods; nil leaves them alone.
	Tail *Tail
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Tracker follows objects to readiness through watches shared per kind and
// namespace. apply adds objects as it writes them.
type Tracker struct {
	w      Watcher
	o      Options
	ctx    context.Context // of the run that the tracker serves: Add has none
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	ticking bool
	round   int
	targets map[object.ID]*tracked
	byUID   map[string]*tracked
	feeds   map[feedKey]*feed
	parts   map[string]*parts // by namespace
	classes map[object.Kind]*classes
	// early holds what watches showed of objects before they were added: the
	// answer to a write may come later than what came of it. done are those whose
	// way has ended; they may relapse.
	early map[object.ID]*unstructured.Unstructured
	done  map[object.ID]*tracked
}

// tracked is a target on its way.
type tracked struct {
	Target
	added time.Time
	last  *unstructured.Unstructured // the latest that counts; nil before
	state State                      // as last reported
	// asks is true when no watch shows the object: it is asked for.
	asks, asking bool
	// ready is since when it has been ready, while that has to prove itself.
	ready time.Time
	// relapsed is true where it was lost before.
	relapsed bool
	seen     sightings
	tailed   *tailed
}

// NewTracker starts following nothing; ctx ends all that it starts.
func NewTracker(ctx context.Context, w Watcher, o Options) *Tracker {
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithCancel(ctx)
	return &Tracker{
		w: w, o: o, ctx: ctx, cancel: cancel,
		targets: map[object.ID]*tracked{}, byUID: map[string]*tracked{}, feeds: map[feedKey]*feed{}, parts: map[string]*parts{},
		classes: map[object.Kind]*classes{},
		early:   map[object.ID]*unstructured.Unstructured{}, done: map[object.ID]*tracked{},
	}
}

// Add starts following an object, or follows it anew. It does not wait; the
// state is reported, at once where Live tells that it is final.
func (t *Tracker) Add(target Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return
	}
	if before := t.targets[target.ID]; before != nil {
		before.untail()
	}
	x := &tracked{Target: target, added: t.o.Now(), seen: sightings{}}
	t.targets[target.ID] = x
	early := t.early[target.ID]
	delete(t.early, target.ID)
	delete(t.done, target.ID)
	if target.Live != nil && t.take(x, target.Live) {
		return
	}
	if early != nil && !olderThan(early, target.Live) && t.take(x, early) {
		return
	}
	// What is shared between releases carries no label: no watch shows it.
	x.asks = !t.selects(target.Live)
	t.feed(feedKey{kind: target.Kind, namespace: target.ID.Namespace, selector: t.o.Selector}, nil)
	if !t.ticking {
		t.ticking = true
		t.goes(t.ticks)
	}
}

// selects says whether the watches show an object.
func (t *Tracker) selects(u *unstructured.Unstructured) bool {
	name, value, ok := strings.Cut(t.o.Selector, "=")
	return !ok || u != nil && labelOf(u, name) == value
}

// Stop ends all watches and waits for them. No report comes after it.
func (t *Tracker) Stop() {
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
}

// goes runs fn on a goroutine that Stop waits for. The caller holds mu.
func (t *Tracker) goes(fn func()) {
	if !t.stopped {
		t.wg.Go(fn)
	}
}

// take judges an observation of a target, and says whether that ends its way.
// The caller holds mu.
func (t *Tracker) take(x *tracked, u *unstructured.Unstructured) bool {
	if x.UID != "" && uidOf(u) != x.UID || generationOf(u) < x.Generation {
		return false // another object, or one from before our write
	}
	x.last = u
	t.byUID[uidOf(u)] = x
	s := x.toEnd(u, t.o.Judge.Of(u))
	switch {
	case s.Phase == Progressing:
		x.ready = time.Time{}
		s = t.judge(x, s)
	case isSilent(s) && !x.Unchanged && t.o.Now().Sub(x.added) < silentAfter:
		s = State{Phase: Progressing, Summary: "no status yet"}
	case awaitsController(u, s) && !x.Unchanged:
		s = t.byClass(u, s)
	case s.Phase == Ready && !RanToEnd(u):
		s = t.outlast(x, t.settle(x, s))
	}
	if t.tell(x, s) {
		return true
	}
	t.tail(x)
	return false
}

// settle holds readiness back until it has lasted, where it was seen to come and
// nothing but the start of a process stands behind it, or one that crashed before.
func (t *Tracker) settle(x *tracked, s State) State {
	if x.state.Phase != Progressing || s.Wanted == 0 && x.ID.GroupKind() != podKind.GroupKind() {
		return s
	}
	now := t.o.Now()
	if x.ready.IsZero() {
		x.ready = now
	}
	if now.Sub(x.ready) < x.settles(t.familyOf(x)) {
		s.Phase = Progressing
		s.Summary += ", settling"
	}
	return s
}

// settles is how long readiness has to last: longer than what crashed before did.
func (x *tracked) settles(f family) time.Duration {
	var need time.Duration
	if x.relapsed || unprobed(x.last) {
		need = settleAfter
	}
	current, _ := f.split()
	for _, pod := range current {
		for _, c := range items(at(pod, "status", "containerStatuses")) {
			last := in(c, "lastState", "terminated")
			began, ended := moment(in(last, "startedAt")), moment(in(last, "finishedAt"))
			if !began.IsZero() && ended.After(began) {
				need = max(need, min(ended.Sub(began)+settleAfter, settleMax))
			}
		}
	}
	return need
}

// outlast holds readiness back while pods of older revisions are left, where
// that is asked for.
func (t *Tracker) outlast(x *tracked, s State) State {
	if !t.o.WaitOldPods || s.Phase != Ready || !hasPods(x.ID) || x.ID.Kind == "Job" {
		return s
	}
	t.openPods(x)
	old, known, refused := t.oldPods(x)
	switch {
	case refused:
		s.Summary += ", old pods not looked for: no permission to list pods"
		return s
	case known && old == 0:
		return s
	case known:
		s.Summary = fmt.Sprintf("%d of %d, %s", s.Done, s.Wanted, plural(int64(old), "old pod ending", "old pods ending"))
	default:
		s.Summary += ", looking for old pods"
	}
	s.Phase = Progressing
	return s
}

// judge looks whether a workload that is not ready can still become it.
func (t *Tracker) judge(x *tracked, s State) State {
	f := t.familyOf(x)
	found := append(f.problems(), eventProblems(f)...)
	p, certain := x.seen.certain(t.o.Now(), x.Policy, found)
	if certain {
		s.Phase, s.Reason = Failed, p.word()
	} else if s.Reason == "" {
		s.Reason = troubleOf(found)
	}
	return s
}

// tell reports a state that is new, and lets go of a target at the end of its
// way. The caller holds mu.
func (t *Tracker) tell(x *tracked, s State) bool {
	final := s.Phase == Ready || s.Phase == Failed || s.Phase == Missing
	if final {
		t.putAway(x)
	}
	if s != x.state && !t.stopped {
		x.state = s
		if t.o.Report != nil {
			t.o.Report(x.ID, s)
		}
	}
	return final
}

// observe takes in an object that a watch or a question showed.
func (t *Tracker) observe(u *unstructured.Unstructured) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show(u)
}

// show hands an object to its target, or keeps it for the target to come. The
// caller holds mu.
func (t *Tracker) show(u *unstructured.Unstructured) {
	id := object.IDOf(u)
	if x := t.targets[id]; x != nil {
		x.asks = false
		t.take(x, u)
	} else if x := t.done[id]; x == nil {
		t.early[id] = u
	} else if t.hasRelapsed(x, u) {
		t.takeBack(x)
		t.take(x, u)
	}
}

// olderThan says whether an observation is from before another one.
func olderThan(a, b *unstructured.Unstructured) bool {
	if b == nil {
		return false
	}
	x, errX := strconv.ParseUint(a.GetResourceVersion(), 10, 64)
	y, errY := strconv.ParseUint(b.GetResourceVersion(), 10, 64)
	return errX == nil && errY == nil && x < y
}

// ticks looks at what time changes, once a second.
func (t *Tracker) ticks() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.tick()
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *Tracker) tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.round++
	for _, x := range t.targets {
		if x.asks && !x.asking && t.round%int(pollEvery/tickEvery) == 0 {
			x.asking = true
			t.goes(func() { t.ask(x) })
		}
		if x.last == nil || !generationCounts(x) {
			continue
		}
		t.lookCloser(x)
		t.take(x, x.last)
	}
}

func generationCounts(x *tracked) bool { return generationOf(x.last) >= x.Generation }

// lookCloser begins to watch the pods of a workload that takes its time, and the
// events about pods that do not start. The caller holds mu.
func (t *Tracker) lookCloser(x *tracked) {
	s := t.o.Judge.Of(x.last)
	if s.Phase != Progressing || t.o.Now().Sub(x.added) < podsAfter {
		return
	}
	t.openPods(x)
	if preparing(t.familyOf(x), t.o.Now().Sub(x.added)) {
		t.openEvents(x.ID.Namespace)
	}
}

// ask reads an object that no watch shows.
func (t *Tracker) ask(x *tracked) {
	u, err := t.w.Get(t.ctx, x.Kind, x.ID.Namespace, x.ID.Name)
	t.mu.Lock()
	defer t.mu.Unlock()
	x.asking = false
	if t.targets[x.ID] != x {
		return // followed no more, or anew
	}
	switch {
	case err == nil && (x.UID == "" || uidOf(u) == x.UID):
		t.take(x, u)
	case err == nil:
		t.tell(x, replaced)
	case isGone(err):
		t.tell(x, gone)
	}
	// Any other error says nothing about the object.
}

// isGone says whether an answer means that the object does not exist. A server that
// does not serve a new kind yet says as well that it found nothing.
func isGone(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
