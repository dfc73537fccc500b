package diff

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Between compares what two revisions wanted. Its plan has no steps and is carried
// out by nobody; the cluster is only asked how kinds are served, and which lists of
// an object have keys.
func Between(ctx context.Context, r Reader, from, to *render.Wanted, o Options) (*Plan, error) {
	p := newPlanner(r, nil, to, o)
	before, _, err := p.revision(ctx, from)
	if err != nil {
		return nil, err
	}
	after, order, err := p.revision(ctx, to)
	if err != nil {
		return nil, err
	}
	var both []*Change
	for _, id := range order {
		c := after[id]
		was := before[id]
		switch {
		case was == nil:
			c.Action = Create
		case object.Hash(was.Merged.Object) == object.Hash(c.Merged.Object):
			c.Action = Unchanged
		default:
			c.Action, c.Live = Update, was.Merged
			both = append(both, c)
		}
	}
	err = p.parallel(ctx, len(both), func(ctx context.Context, i int) error { return p.compare(ctx, both[i]) })
	if err != nil {
		return nil, err
	}
	for _, id := range order {
		p.plan.Changes = append(p.plan.Changes, *after[id])
	}
	for _, o := range from.Objects {
		c := before[p.placedID(o)]
		if c != nil && after[c.ID] == nil {
			c.Action, c.Live, c.Merged = Delete, c.Merged, nil
			p.plan.Changes = append(p.plan.Changes, *c)
		}
	}
	return p.plan, nil
}

// revision makes a change of each object that a revision wanted; Merged is the
// manifest.
func (p *planner) revision(ctx context.Context, w *render.Wanted) (map[object.ID]*Change, []object.ID, error) {
	all := map[object.ID]*Change{}
	var order []object.ID
	for _, o := range w.Objects {
		body := object.Normalize(o.Body)
		kind, err := p.r.Kind(ctx, o.ID().GroupKind(), "")
		switch {
		case meta.IsNoMatchError(err):
			kind.GroupVersionKind = body.GroupVersionKind()
		case err != nil:
			return nil, nil, fmt.Errorf("finding kind %s: %w", o.ID().GroupKind(), err)
		case kind.Namespaced && body.GetNamespace() == "":
			body.SetNamespace(p.o.Target.Namespace)
		}
		c := &Change{ID: object.IDOf(body), Kind: kind, Source: o.Source, Merged: body}
		if p.byID[o.ID()] == nil {
			p.byID[o.ID()] = &item{Change: Change{ID: c.ID}}
		}
		if all[c.ID] == nil {
			order = append(order, c.ID)
		}
		all[c.ID] = c
	}
	return all, order, nil
}

// placedID is an object's identity where it lives.
func (p *planner) placedID(o object.Object) object.ID { return p.byID[o.ID()].ID }

// compare finds the fields that differ.
func (p *planner) compare(ctx context.Context, c *Change) error {
	like := fields.Set{}
	if c.Kind.Resource != "" {
		live, err := p.r.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name)
		switch {
		case err == nil:
			like = allFields(live)
		case !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err):
			return fmt.Errorf("reading %s: %w", c.ID, err)
		}
	}
	c.Paths = pathChanges(fields.Of(plainBody(c.Live), like), fields.Of(plainBody(c.Merged), like), c.Live.Object, c.Merged.Object)
	if was, is := c.Live.GetAPIVersion(), c.Merged.GetAPIVersion(); was != is {
		c.Paths = append([]PathChange{{Path: "apiVersion", From: was, To: is}}, c.Paths...)
	}
	return nil
}

// plainBody is a manifest without what says which object it is.
func plainBody(u *unstructured.Unstructured) map[string]any {
	body := withMeta(u, func(meta map[string]any) {
		delete(meta, "name")
		delete(meta, "namespace")
	})
	delete(body.Object, "apiVersion")
	delete(body.Object, "kind")
	return body.Object
}
