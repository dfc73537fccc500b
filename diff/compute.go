package diff

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
)

// Compute makes the plan that turns the live state into w; for a delete w may be
// nil. Everything that can be known before the first write is in Plan.Refused,
// all at once. The error is one that stopped planning: the server could not be asked.
func Compute(ctx context.Context, r Reader, s *release.State, w *render.Wanted, o Options) (*Plan, error) {
	p := newPlanner(r, s, w, o)
	p.checkOrigin()
	stages := []func(context.Context) error{
		p.complete,    // what is wanted, as it will be sent
		p.read,        // what is live
		p.ask,         // what the server would make of it
		p.checkUnseen, // what it cannot be asked about yet
		p.investigate, // why it would not
	}
	for _, stage := range stages {
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	p.judge()
	if err := p.weighDefinitions(ctx); err != nil {
		return nil, err
	}
	if o.Op == OpDrift {
		p.findForeign()
		p.assemble()
		p.refuse()
		return p.plan, nil
	}
	p.prune()
	p.tellExclusive()
	if err := p.weighShared(ctx); err != nil {
		return nil, err
	}
	p.assemble()
	if err := p.hooks(ctx); err != nil {
		return nil, err
	}
	p.order()
	p.orderHooks()
	p.guard()
	if err := p.checkRights(ctx); err != nil {
		return nil, err
	}
	p.refuse()
	return p.plan, nil
}

// planner is a plan in the making.
type planner struct {
	r       Reader
	s       *release.State
	w       *render.Wanted
	o       Options
	manager string
	plan    *Plan

	// items are the wanted objects in the bundle's order; crds those that define
	// a kind, by it.
	items []*item
	byID  map[object.ID]*item
	crds  map[schema.GroupKind]*item
	// hookRefs are the hooks of the plan, for what they refer to.
	hookRefs []object.Object
	// leftovers are the inventory's entries that are not wanted.
	leftovers []*leftover
	// schemas are the keys of the group-versions; nil when they are unknown.
	schemas map[string]string
	// newNamespaces are created by this plan; dying ones are being deleted.
	newNamespaces, dying map[string]bool

	mistakes []mistake
	foreign  []*item
	stuck    []*item // immutable fields would have to change
	mixed    []*item // invalid together with what others set
	user     string  // what the server calls the user, once it said so
	hints    map[int][]string

	mu      sync.Mutex // guards lacking and the plan's warnings, which are filled while reading
	lacking []lack

	scalersTurn sync.Mutex // guards scalers, and makes a namespace read once
	scalers     map[string][]unstructured.Unstructured
	schemaTurn  sync.Mutex // guards documents, and makes each read once
	documents   map[schema.GroupVersion][]byte
}

// item is a wanted object on its way to a Change.
type item struct {
	Change
	// wanted is what the bundle says, with the release's marks; body is what will
	// be sent, without preconditions: less what is left to others.
	wanted, body *unstructured.Unstructured
	// yields are the keys of the fields that are left to others.
	yields [][]string
	// before is the live object as a migration leaves it, if there is one.
	before *unstructured.Unstructured
	entry  release.Owned // what the inventory knows of it; zero when nothing
	// served is false for a kind that only this plan's CRD will bring.
	served bool
	// configs are the ConfigMaps and Secrets whose change restarts its pods.
	configs []*item
	// moved is true when somebody gave list items of ours other keys.
	moved bool
	// unread is true when reading it was forbidden.
	unread bool

	asked, created bool
	settled        bool // without an answer
	twice          bool // is applied two times
	// first is what is applied the first time, where that is not the body.
	first     *unstructured.Unstructured
	answer    *unstructured.Unstructured
	err       error // of the dry-run
	asNew     error // of the dry-run create, after an invalid update
	spoilt    bool  // an invalid update is so for what others set
	admission bool  // a refusal that is not for want of rights
}

// leftover is an inventory entry that is no longer wanted.
type leftover struct {
	id     object.ID
	entry  release.Owned
	kind   object.Kind
	served bool
	live   *unstructured.Unstructured
}

func newPlanner(r Reader, s *release.State, w *render.Wanted, o Options) *planner {
	o.Concurrency = o.concurrency()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if s == nil {
		s = &release.State{}
	}
	if w == nil {
		w = &render.Wanted{}
	}
	return &planner{
		r: r, s: s, w: w, o: o,
		manager:       o.Target.Manager(),
		plan:          &Plan{Op: o.Op, Target: o.Target, Base: s.Version, Wanted: w, PruneFirst: o.PruneFirst},
		byID:          map[object.ID]*item{},
		crds:          map[schema.GroupKind]*item{},
		newNamespaces: map[string]bool{},
		dying:         map[string]bool{},
		hints:         map[int][]string{},
		scalers:       map[string][]unstructured.Unstructured{},
		documents:     map[schema.GroupVersion][]byte{},
	}
}

// parallel runs fn for each of n, at most Concurrency at a time.
func (p *planner) parallel(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	// A goroutine does many: each new one would have to grow its stack again.
	for range min(n, p.o.Concurrency) {
		g.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := fn(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// assemble puts the changes into the plan: wanted objects in the bundle's order,
// then what leaves it.
func (p *planner) assemble() {
	changes := make([]Change, 0, len(p.items)+len(p.plan.Changes))
	for _, it := range p.items {
		changes = append(changes, it.Change)
	}
	p.plan.Changes = append(changes, p.plan.Changes...)
}

// name writes an object's identity as people see it who know the release's namespace.
func (p *planner) name(id object.ID) string { return id.In(p.o.Target.Namespace) }

// Same says whether two plans send the same requests in the same order, to the
// same effect. It is the one test of staleness. Versions may differ: others write
// some objects all the time.
func (p *Plan) Same(q *Plan) bool {
	if p == nil || q == nil {
		return p == q
	}
	a, b := p.requests(), q.requests()
	if p.Op != q.Op || len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// request is what matters of a step when plans are compared.
type request struct {
	id          object.ID
	action      Action
	verb        Verb
	force       bool
	uid         string
	propagation string
	body, seen  uint64
}

func (p *Plan) requests() []request {
	var all []request
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Steps) == 0 {
			continue
		}
		seen := shown(c)
		for _, step := range c.Steps {
			all = append(all, request{
				id: c.ID, action: c.Action, verb: step.Verb, force: step.Force,
				uid: step.UID, propagation: step.Propagation, body: bodyHash(step.Body), seen: seen,
			})
		}
	}
	return all
}

// shown hashes what a change was seen to do: the same request takes something
// else away when others have written in between.
func shown(c *Change) uint64 {
	parts := make([]any, 0, len(c.Paths)+len(c.Conflicts))
	for _, path := range c.Paths {
		parts = append(parts, path)
	}
	for _, conflict := range c.Conflicts {
		conflict.Wrote = ""
		parts = append(parts, conflict)
	}
	return object.Hash(parts)
}

func bodyHash(u *unstructured.Unstructured) uint64 {
	if u == nil {
		return 0
	}
	return object.Hash(withMeta(u, func(meta map[string]any) { delete(meta, "resourceVersion") }).Object)
}

// withMeta returns a copy of an object whose metadata alone is its own.
func withMeta(u *unstructured.Unstructured, change func(meta map[string]any)) *unstructured.Unstructured {
	body := make(map[string]any, len(u.Object))
	for key, v := range u.Object {
		body[key] = v
	}
	old, _ := body["metadata"].(map[string]any)
	meta := make(map[string]any, len(old)+2)
	for key, v := range old {
		meta[key] = v
	}
	change(meta)
	body["metadata"] = meta
	return &unstructured.Unstructured{Object: body}
}
