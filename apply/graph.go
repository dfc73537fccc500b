package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
)

func newRun(c Cluster, journal Journal, p *diff.Plan, o Options) *run {
	r := &run{
		cluster: c, journal: journal, plan: p, o: o,
		byID:     make(map[object.ID]*node, len(p.Changes)),
		newKinds: newKinds(p),
		inbox:    inbox{wake: make(chan struct{}, 1)},
	}
	for i := range p.Changes {
		n := &node{Change: &p.Changes[i]}
		r.nodes = append(r.nodes, n)
		r.byID[n.ID] = n
		r.left++
		if n.Action != diff.Delete {
			r.upserts++
		}
		if len(n.Steps) == 0 {
			n.live = n.Live
			r.move(n, written)
		}
	}
	for _, e := range p.Order {
		before := r.nodes[e.Before]
		if e.Need == refs.Exists && before.progress == written {
			continue
		}
		before.after = append(before.after, e)
		r.nodes[e.After].unmet++
	}
	for _, n := range r.nodes {
		if n.progress == pending && n.unmet == 0 {
			r.enqueue(n)
		}
	}
	return r
}

// newKinds are the kinds whose CRDs a plan creates or changes.
func newKinds(p *diff.Plan) map[schema.GroupKind]bool {
	kinds := map[schema.GroupKind]bool{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.ID.GroupKind() != object.CRDKind || len(c.Steps) == 0 || c.Steps[0].Body == nil {
			continue
		}
		group, _, _ := unstructured.NestedString(c.Steps[0].Body.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(c.Steps[0].Body.Object, "spec", "names", "kind")
		kinds[schema.GroupKind{Group: group, Kind: kind}] = true
	}
	return kinds
}

// enqueue lets a change start that nothing holds back any more.
func (r *run) enqueue(n *node) {
	if n.Action == diff.Delete {
		r.prunes = append(r.prunes, n)
		return
	}
	r.queue = append(r.queue, n)
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
			if n.Action != diff.Delete {
				r.upserts -= by
			}
		}
	}
	count(n.progress, -1)
	n.progress = to
	count(to, 1)
}

// startReady starts every change whose needs are met. Deletions begin when all
// else is done.
func (r *run) startReady(ctx context.Context) {
	if r.outcome != "" {
		return
	}
	if r.upserts == 0 {
		r.queue, r.prunes = append(r.queue, r.prunes...), nil
	}
	for len(r.queue) > 0 && r.inFlight < r.o.Concurrency {
		n := r.queue[0]
		if err := r.journal.Held(); err != nil {
			n.err = err
			r.end(Lost)
			return
		}
		r.queue = r.queue[1:]
		r.move(n, running)
		r.report(n, Started, nil)
		go func() {
			live, err := r.write(ctx, n.Change)
			r.inbox.put(message{writer: n, live: live, err: err})
		}()
	}
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
}
