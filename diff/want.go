package diff

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// complete makes items of the wanted objects: what will be sent, with the
// namespace and the marks that rendering leaves out.
func (p *planner) complete(ctx context.Context) error {
	offered := offeredKinds(p.w.Objects)
	if p.o.Op == OpTest {
		return nil // the objects are there to be tested
	}
	for _, o := range p.w.Owned() {
		it, err := p.item(ctx, o, offered)
		if err != nil {
			return err
		}
		if it == nil {
			continue
		}
		if first, twice := p.byID[it.ID]; twice {
			p.mistake(it, "is defined twice, first at "+first.Source.String())
			continue
		}
		p.add(it)
	}
	return p.hashConfigs()
}

func (p *planner) add(it *item) {
	it.entry, it.wanted = p.s.Inventory[it.ID], it.body
	p.items = append(p.items, it)
	p.byID[it.ID] = it
	if it.ID.GroupKind() == object.CRDKind {
		p.crds[definedKind(it.body)] = it
	}
}

// fromRecords says that what is wanted was written down earlier: versions of the API
// may have gone since.
func (p *planner) fromRecords() bool {
	return p.o.Op == OpRollback || p.o.Op == OpDrift || p.o.Op == OpAdopt
}

// item completes one object; nil when a mistake in it was noted.
func (p *planner) item(ctx context.Context, o object.Object, offered map[schema.GroupVersionKind]object.Kind) (*item, error) {
	it := &item{body: object.Normalize(o.Body), served: true}
	it.ID, it.Source = o.ID(), o.Source
	gvk := o.Body.GroupVersionKind()
	kind, err := p.r.Kind(ctx, gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) && p.fromRecords() {
		if kind, err = p.r.Kind(ctx, gvk.GroupKind(), ""); err == nil {
			it.body.SetAPIVersion(kind.GroupVersion().String())
			it.Warnings = append(it.Warnings, fmt.Sprintf("is sent as %s: the server serves %s no longer", kind.GroupVersion(), gvk.GroupVersion()))
		}
	}
	if meta.IsNoMatchError(err) {
		var ok bool
		if kind, ok = offered[gvk]; !ok {
			p.mistake(it, fmt.Sprintf("the server knows no kind %s in %s", gvk.Kind, gvk.GroupVersion()))
			p.hints[RefusedInput] = append(p.hints[RefusedInput], "add the CustomResourceDefinition to the bundle, or install what brings the kind first")
			return nil, nil
		}
		it.served = false
	} else if err != nil {
		return nil, fmt.Errorf("finding kind %s of %s: %w", gvk.Kind, gvk.GroupVersion(), err)
	}
	it.Kind = kind
	it.Shared = shared(gvk.GroupKind())
	if it.ID.Name == "" {
		p.mistake(it, "has no metadata.name")
		return nil, nil
	}
	p.place(it)
	if it.Policy, err = policy.Of(o, p.w.Rules); err != nil {
		p.policyMistake(it, err)
	}
	if !it.Shared {
		mark(it.body, "labels", object.ReleaseLabel, p.o.Target.Release)
		mark(it.body, "annotations", object.NamespaceAnnotation, p.o.Target.Namespace)
	}
	it.Manifest = object.Hash(it.body.Object)
	return it, nil
}

// shared says which kinds are applied but never owned by a release: others live
// off them too.
func shared(gk schema.GroupKind) bool {
	return gk == object.NamespaceKind || gk == object.CRDKind
}

// place fills in the release's namespace, or drops one that has no meaning.
func (p *planner) place(it *item) {
	ns := it.body.GetNamespace()
	switch {
	case it.Kind.Namespaced && ns == "":
		it.body.SetNamespace(p.o.Target.Namespace)
	case !it.Kind.Namespaced && ns != "":
		unstructured.RemoveNestedField(it.body.Object, "metadata", "namespace")
		it.Warnings = append(it.Warnings, fmt.Sprintf("is cluster-scoped; its namespace %s is left out", ns))
	}
	it.ID = object.IDOf(it.body)
}

// mark sets a label or an annotation. Where the manifest has something else than
// a map there, the server says so.
func mark(u *unstructured.Unstructured, where, key, value string) {
	meta, ok := u.Object["metadata"].(map[string]any)
	if !ok {
		return
	}
	m, ok := meta[where].(map[string]any)
	if !ok {
		if meta[where] != nil {
			return
		}
		m = map[string]any{}
		meta[where] = m
	}
	m[key] = value
}

// offeredKinds finds the kinds that CRDs among the objects define and serve.
func offeredKinds(objs []object.Object) map[schema.GroupVersionKind]object.Kind {
	found := map[schema.GroupVersionKind]object.Kind{}
	for _, o := range objs {
		if o.ID().GroupKind() != object.CRDKind {
			continue
		}
		plural, _, _ := unstructured.NestedString(o.Body.Object, "spec", "names", "plural")
		scope, _, _ := unstructured.NestedString(o.Body.Object, "spec", "scope")
		versions, _, _ := unstructured.NestedSlice(o.Body.Object, "spec", "versions")
		for _, v := range versions {
			m, _ := v.(map[string]any)
			name, _ := m["name"].(string)
			if served, _ := m["served"].(bool); !served || name == "" {
				continue
			}
			gvk := definedKind(o.Body).WithVersion(name)
			found[gvk] = object.Kind{GroupVersionKind: gvk, Resource: plural, Namespaced: scope == "Namespaced"}
		}
	}
	return found
}

func definedKind(crd *unstructured.Unstructured) schema.GroupKind {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: kind}
}

// policyMistake notes what is wrong with an object's annotations.
func (p *planner) policyMistake(it *item, err error) {
	if located := object.Errors(err); len(located) > 0 {
		for _, e := range located {
			p.mistakes = append(p.mistakes, mistake{id: it.ID, text: e.Error()})
			if e.Hint != "" {
				p.hints[RefusedInput] = append(p.hints[RefusedInput], e.Hint)
			}
		}
		return
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			p.mistake(it, e.Error())
		}
		return
	}
	p.mistake(it, err.Error())
}

// namespaceItem is the create of the release's namespace, which no bundle need contain.
func (p *planner) namespaceItem(ctx context.Context) error {
	kind, err := p.r.Kind(ctx, object.NamespaceKind, "v1")
	if err != nil {
		return fmt.Errorf("finding kind Namespace: %w", err)
	}
	body := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": p.o.Target.Namespace},
	}}
	it := &item{body: body, served: true}
	it.ID, it.Kind, it.Shared = object.IDOf(body), kind, true
	it.Reason = "namespace of the release"
	it.Policy = policy.Policy{Wait: policy.WaitReady}
	it.Manifest = object.Hash(body.Object)
	p.add(it)
	p.items = append([]*item{it}, p.items[:len(p.items)-1]...)
	return nil
}
