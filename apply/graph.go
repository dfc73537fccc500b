package apply

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

func newRun(c Cluster, journal Journal, p *diff.Plan, o Options) *run {
	r := &run{
		cluster: c, journal: journal, plan: p, o: o,
		byID:     make(map[object.ID]*node, len(p.Changes)),
		newKinds: newKinds(p), newQuotas: newQuotas(p),
		inbox: inbox{wake: make(chan struct{}, 1)},
		slots: make(slots, o.Concurrency),
	}
	for i := range p.Changes {
		n := &node{Change: &p.Changes[i], last: comesLast(&p.Changes[i])}
		r.nodes = append(r.nodes, n)
		r.byID[n.ID] = n
		r.left++
		if r.early(n) {
			r.first++
		}
		if len(n.Steps) == 0 {
			n.live = n.Live
			r.move(n, written)
		}
	}
	if p.Wanted != nil {
		r.judge = rollout.NewJudge(p.Wanted.Rules.Readiness)
	}
	for _, e := range p.Order {
		before := r.nodes[e.Before]
		if o.NoWait && e.Need != refs.Established && before.Hook == nil && r.nodes[e.After].Hook != nil {
			e.Need = refs.Exists // as nobody waits for anything but hooks
		}
		if e.Need == refs.Exists && before.progress == written {
			continue
		}
		before.after = append(before.after, e)
		r.nodes[e.After].unmet++
	}
	for i := range p.Barriers {
		r.raise(&p.Barriers[i])
	}
	for _, n := range r.nodes {
		r.rank(n)
	}
	for _, n := range r.nodes {
		if n.progress == pending && n.unmet == 0 {
			r.enqueue(n)
		}
	}
	return r
}

// turn is in which order those are started that may start now.
type turn int

const (
	unknown turn = iota
	longest      // makes pods, which take time to start while the others are written
	leading      // something of the longest waits for it
	resting
	turns
)

// rank finds a change's turn.
func (r *run) rank(n *node) turn {
	switch {
	case n.turn != unknown:
		return n.turn
	case n.Action != diff.Delete && makesPods(n.ID):
		n.turn = longest
		return n.turn
	}
	n.turn = resting
	for _, e := range n.after {
		if r.rank(r.nodes[e.After]) < resting {
			n.turn = leading
		}
	}
	for _, b := range n.barriers {
		if slices.ContainsFunc(b.after, func(n *node) bool { return makesPods(n.ID) }) {
			n.turn = leading
		}
	}
	return n.turn
}

func makesPods(id object.ID) bool {
	return id.Group == "apps" || id.Group == "batch" || id.GroupKind() == schema.GroupKind{Kind: "Pod"}
}

// barrier holds many changes back until many others have met a need.
type barrier struct {
	need  refs.Need // refs.Exists, or more
	left  int       // how many have not met it
	after []*node
}

// raise puts a barrier of the plan up.
func (r *run) raise(planned *diff.Barrier) {
	b := &barrier{need: refs.Ready, left: len(planned.Before)}
	for _, i := range planned.After {
		b.after = append(b.after, r.nodes[i])
	}
	if r.o.NoWait && r.nodes[planned.Before[0]].Hook == nil && b.after[0].Hook != nil {
		b.need = refs.Exists // as nobody waits for anything but hooks
	}
	for _, i := range planned.Before {
		if before := r.nodes[i]; b.need == refs.Exists && before.progress == written {
			b.left--
		} else {
			before.barriers = append(before.barriers, b)
		}
	}
	if b.left == 0 {
		return
	}
	for _, n := range b.after {
		n.unmet++
	}
}

// open lets go what a barrier held back.
func (r *run) open(b *barrier) {
	for _, n := range b.after {
		n.unmet--
		if n.unmet == 0 && n.progress == pending {
			r.enqueue(n)
		}
	}
}

// newKinds are the kinds whose CRDs a plan creates or changes.
func newKinds(p *diff.Plan) map[schema.GroupKind]bool {
	kinds := map[schema.GroupKind]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.ID.GroupKind() != object.CRDKind || len(c.Steps) == 0 {
			continue
		}
		body := c.Steps[len(c.Steps)-1].Body // those before it may hand over fields only
		if body == nil {
			continue
		}
		group, _, _ := unstructured.NestedString(body.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(body.Object, "spec", "names", "kind")
		kinds[schema.GroupKind{Group: group, Kind: kind}] = true
	}
	return kinds
}

// early says whether a change belongs to the first half of the run: deletions wait
// until all else is ready, or all else waits for them.
func (r *run) early(n *node) bool {
	return !n.last && (n.Action == diff.Delete) == r.plan.PruneFirst
}

// newQuotas are the namespaces whose quotas a plan changes.
func newQuotas(p *diff.Plan) map[string]bool {
	namespaces := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.ID.GroupKind() == (schema.GroupKind{Kind: "ResourceQuota"}) && len(c.Steps) > 0 {
			namespaces[c.ID.Namespace] = true
		}
	}
	return namespaces
}

// enqueue lets a change start that nothing holds back any more but the half of the
// run that it belongs to.
func (r *run) enqueue(n *node) {
	if r.early(n) {
		r.queues[n.turn] = append(r.queues[n.turn], n)
	} else {
		r.second = append(r.second, n)
	}
}

// move is the only place that changes a node's progress.
func (r *run) move(n *node, to progress) {
	count := func(p progress, by int) {
		switch {
		case p == running:
			r.inFlight += by
		case p == written:
			r.waiting += by
		}
		if p >= done {
			r.left -= by
			if r.early(n) {
				r.first -= by
			}
		}
	}
	count(n.progress, -1)
	n.progress = to
	count(to, 1)
}

// startReady starts every change whose needs are met. The second half begins when
// the first is done.
func (r *run) startReady(ctx context.Context) {
	if r.outcome != "" {
		return
	}
	if r.first == 0 {
		r.queues[resting], r.second = append(r.queues[resting], r.second...), nil
	}
	for {
		next := slices.IndexFunc(r.queues[:], func(queue []*node) bool { return len(queue) > 0 })
		if next < 0 || !r.slots.tryTake() {
			return
		}
		n := r.queues[next][0]
		if err := r.journal.Held(); err != nil {
			r.slots.giveBack()
			if r.mayWait(err) {
				return // the ticker comes back to it
			}
			n.err = err
			r.end(Lost)
			return
		}
		r.unsure = time.Time{}
		r.queues[next] = r.queues[next][1:]
		r.byID[n.ID] = n // a hook may be there twice
		r.move(n, running)
		n.began = time.Now()
		r.report(n, Started, nil)
		see := r.awaited(n)
		go func() {
			m := r.carryOut(ctx, n, see)
			r.slots.giveBack()
			r.inbox.put(m)
		}()
	}
}

// awaited says whether a deletion has to be seen through to its end: somebody waits
// for that, the user or other changes.
func (r *run) awaited(n *node) bool {
	return !r.o.NoWait || r.plan.PruneFirst ||
		slices.ContainsFunc(n.after, func(e diff.Edge) bool { return e.Need != refs.Exists }) ||
		slices.ContainsFunc(n.barriers, func(b *barrier) bool { return b.need != refs.Exists })
}

// unsureFor is how long a run waits to hear that it still holds its lock. A server
// that is overloaded answers late.
const unsureFor = time.Minute

// mayWait says whether the lock may turn out to be held after all.
func (r *run) mayWait(err error) bool {
	if !errors.Is(err, release.ErrUnsure) {
		return false
	}
	if r.unsure.IsZero() {
		r.unsure = time.Now()
	}
	return time.Since(r.unsure) < unsureFor
}

// unblock meets the edges that need no more than need.
func (r *run) unblock(n *node, need refs.Need) {
	var left []diff.Edge
	for _, e := range n.after {
		if need == refs.Ready || e.Need == refs.Exists {
			after := r.nodes[e.After]
			after.unmet--
			if after.unmet == 0 && after.progress == pending {
				r.enqueue(after)
			}
			continue
		}
		left = append(left, e)
	}
	n.after = left
	n.barriers = slices.DeleteFunc(n.barriers, func(b *barrier) bool {
		if need != refs.Ready && b.need != refs.Exists {
			return false
		}
		if b.left--; b.left == 0 {
			r.open(b)
		}
		return true
	})
}
