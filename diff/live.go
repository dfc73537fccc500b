package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// reading is what one object needs to be read with a GET, and where it goes.
type reading struct {
	kind object.Kind
	id   object.ID
	into **unstructured.Unstructured
	// denied is told when reading is forbidden; nil means it is noted as lacking.
	denied func()
}

// read finds the live objects: one LIST per kind and namespace by the release's
// label, all at once, and a GET for what the label cannot find.
func (p *planner) read(ctx context.Context) error {
	if err := p.findLeftovers(ctx); err != nil {
		return err
	}
	places := p.places()
	hits := make([]map[string]*unstructured.Unstructured, len(places))
	versions := make([]string, len(places))
	refused := make([]bool, len(places))
	var namespace *unstructured.Unstructured
	gets := p.sharedReadings()
	nsUnknown := false
	if p.needsNamespace() {
		gets = append(gets, p.namespaceReading(&namespace, &nsUnknown))
	}
	jobs := len(places) + len(gets) + 1
	err := p.parallel(ctx, jobs, func(ctx context.Context, i int) (err error) {
		switch {
		case i < len(places):
			hits[i], versions[i], refused[i], err = p.list(ctx, places[i])
		case i < jobs-1:
			err = p.get(ctx, gets[i-len(places)])
		default:
			err = p.readSchemas(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	p.tellUnlisted(places, refused)
	p.plan.Listed = make(map[Scope]string, len(places))
	for i, at := range places {
		p.plan.Listed[at] = versions[i]
	}
	if err := p.readRest(ctx, p.assign(places, hits, refused)); err != nil {
		return err
	}
	return p.namespaces(ctx, namespace, nsUnknown)
}

// tellUnlisted says what has to be read one by one for want of the right to list it.
func (p *planner) tellUnlisted(places []Scope, refused []bool) {
	var names []string
	for i, at := range places {
		if refused[i] {
			names = append(names, resourceName(object.Access{Group: at.Kind.Group, Resource: at.Kind.Resource}))
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		p.plan.Warnings = append(p.plan.Warnings, "you may not list "+strings.Join(slices.Compact(names), ", ")+
			": objects are read one by one"+p.roleHint())
	}
}

// findLeftovers lists the inventory's entries that are not wanted, and how their
// kinds are served.
func (p *planner) findLeftovers(ctx context.Context) error {
	own := object.ID{Kind: "Namespace", Name: p.o.Target.Namespace}
	hooks := p.hookIDs()
	for id, entry := range p.s.Inventory {
		switch {
		case p.byID[id] != nil, p.o.Op == OpDrift, p.o.Op == OpTest:
		case id == own && p.deletesNamespace():
		case hooks[id]: // it was the release's, and is run now
			p.plan.Gone = append(p.plan.Gone, id)
		case id == own:
			p.plan.Gone = append(p.plan.Gone, id) // the release's own is never in question
		case entry.Kept && p.o.Op != OpDelete && !(p.o.DeleteCRDs && id.GroupKind() == object.CRDKind): // let go earlier, and said then
		default:
			p.leftovers = append(p.leftovers, &leftover{id: id, entry: entry})
		}
	}
	if p.deletesNamespace() {
		p.leftovers = append(p.leftovers, &leftover{id: own, entry: release.Owned{Shared: true}})
	}
	slices.SortFunc(p.leftovers, func(a, b *leftover) int { return a.id.Compare(b.id) })
	for _, l := range p.leftovers {
		version := versionOf(l.entry)
		kind, err := p.r.Kind(ctx, l.id.GroupKind(), version)
		if meta.IsNoMatchError(err) && version != "" {
			kind, err = p.r.Kind(ctx, l.id.GroupKind(), "")
		}
		if err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("finding kind %s: %w", l.id.GroupKind(), err)
		}
		l.kind, l.served = kind, err == nil
	}
	return nil
}

// versionOf is the version that an object was last sent in, without its group.
func versionOf(entry release.Owned) string {
	return entry.Version[strings.LastIndex(entry.Version, "/")+1:]
}

// places returns where objects of the release may be, in a stable order.
func (p *planner) places() []Scope {
	seen := map[Scope]bool{}
	var all []Scope
	add := func(kind object.Kind, namespace string) {
		at := Scope{kind, namespace}
		if !seen[at] {
			seen[at] = true
			all = append(all, at)
		}
	}
	for _, it := range p.items {
		if it.served && !it.Shared {
			add(it.Kind, it.ID.Namespace)
		}
	}
	for _, l := range p.leftovers {
		if l.served && !l.entry.Shared {
			add(l.kind, l.id.Namespace)
		}
	}
	return all
}

// list finds a release's objects in one place, by name, and the resourceVersion of
// the whole. refused is true when the user may not list there.
func (p *planner) list(ctx context.Context, at Scope) (hits map[string]*unstructured.Unstructured, version string, refused bool, err error) {
	list, err := p.r.List(ctx, at.Kind, at.Namespace, object.ReleaseLabel+"="+p.o.Target.Release)
	switch {
	case apierrors.IsForbidden(err):
		return nil, "", true, nil
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return nil, "", false, nil
	case err != nil:
		return nil, "", false, fmt.Errorf("listing %s in namespace %q: %w", at.Kind.GVR().GroupResource(), at.Namespace, err)
	}
	hits = make(map[string]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		u := &list.Items[i]
		u.SetGroupVersionKind(at.Kind.GroupVersionKind)
		hits[u.GetName()] = u
	}
	return hits, list.GetResourceVersion(), false, nil
}

// get reads one object; one that is not there is nil.
func (p *planner) get(ctx context.Context, g reading) error {
	live, err := p.r.Get(ctx, g.kind, g.id.Namespace, g.id.Name)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsForbidden(err) && g.denied != nil:
		g.denied()
		return nil
	case err != nil:
		return fmt.Errorf("reading %s: %w", g.id, err)
	}
	*g.into = live
	return nil
}

// sharedReadings are the GETs of objects that carry no label.
func (p *planner) sharedReadings() []reading {
	var gets []reading
	for _, it := range p.items {
		if it.served && it.Shared {
			gets = append(gets, it.reading())
		}
	}
	return gets
}

func (it *item) reading() reading {
	return reading{kind: it.Kind, id: it.ID, into: &it.Live, denied: func() { it.unread = true }}
}

// readSchemas reads the keys of the schemas, if there is anything to compare.
func (p *planner) readSchemas(ctx context.Context) error {
	if len(p.items) == 0 {
		return nil
	}
	schemas, err := p.r.Schemas(ctx)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return nil // then nothing is unchanged without a request
	}
	if err != nil {
		return fmt.Errorf("reading the server's schemas: %w", err)
	}
	p.schemas = schemas
	return nil
}

// assign gives the hits to the objects that they are, and returns what has to be
// read one by one. A hit that is neither wanted nor in the inventory is nobody's
// business: labels find, they do not prove.
func (p *planner) assign(places []Scope, hits []map[string]*unstructured.Unstructured, refused []bool) []reading {
	at := make(map[Scope]int, len(places))
	for i, where := range places {
		at[where] = i
	}
	var rest []reading
	for _, it := range p.items {
		i, ok := at[Scope{it.Kind, it.ID.Namespace}]
		if !ok || it.Shared {
			continue
		}
		it.Live = hits[i][it.ID.Name]
		if refused[i] {
			rest = append(rest, it.reading())
		}
	}
	for _, l := range p.leftovers {
		if !l.served {
			continue
		}
		if i, ok := at[Scope{l.kind, l.id.Namespace}]; ok && !l.entry.Shared {
			l.live = hits[i][l.id.Name]
		}
		if l.live == nil {
			rest = append(rest, reading{kind: l.kind, id: l.id, into: &l.live, denied: func() {
				p.lacks(object.Access{Verb: "get", Group: l.kind.Group, Resource: l.kind.Resource, Namespace: l.id.Namespace}, l.id)
			}})
		}
	}
	return rest
}

func (p *planner) readRest(ctx context.Context, rest []reading) error {
	return p.parallel(ctx, len(rest), func(ctx context.Context, i int) error { return p.get(ctx, rest[i]) })
}

// needsNamespace says whether the release's namespace has to be looked at: it
// exists when the release's records were read from it.
func (p *planner) needsNamespace() bool {
	own := object.ID{Kind: "Namespace", Name: p.o.Target.Namespace}
	return p.o.Op != OpDelete && p.s.Version == "" && p.byID[own] == nil
}

func (p *planner) namespaceReading(into **unstructured.Unstructured, unknown *bool) reading {
	kind := object.Kind{Resource: "namespaces"}
	kind.Version, kind.Kind = "v1", "Namespace"
	id := object.ID{Kind: "Namespace", Name: p.o.Target.Namespace}
	return reading{kind: kind, id: id, into: into, denied: func() { *unknown = true }}
}

// namespaces notes which namespaces this plan creates and which are going away.
func (p *planner) namespaces(ctx context.Context, own *unstructured.Unstructured, unknown bool) error {
	if p.needsNamespace() && !unknown {
		switch {
		case own == nil:
			if err := p.namespaceItem(ctx); err != nil {
				return err
			}
		case own.GetDeletionTimestamp() != nil:
			p.dying[own.GetName()] = true
		}
	}
	for _, it := range p.items {
		if it.ID.GroupKind() != object.NamespaceKind || it.unread {
			continue
		}
		if it.Live == nil {
			p.newNamespaces[it.ID.Name] = true
		} else if it.Live.GetDeletionTimestamp() != nil {
			p.dying[it.ID.Name] = true
		}
	}
	return nil
}
