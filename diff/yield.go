package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// Yield is a field that a plan leaves to somebody else.
type Yield struct {
	Path string `json:"path"`
	// To names who it is left to: another manager, or an autoscaler.
	To string `json:"to"`
	// Ours and Theirs are the bundle's and the live value as text; secret ones
	// are masked. They are empty when they are the same.
	Ours   string `json:"ours,omitempty"`
	Theirs string `json:"theirs,omitempty"`
	// Usual is true where nobody expects anything else: a certificate that is
	// injected, an address that is allocated. It is not worth a line.
	Usual bool `json:"usual,omitempty"`
}

// yielding says how a field yields.
type yielding struct {
	to string
	// hold keeps the live value as long as nobody but us owns the field. Else it
	// is only left out where somebody else does.
	hold bool
	// usual is Yield.Usual.
	usual bool
}

// yield decides which fields of an object are left to others, and returns the
// body to send. A field that yields is sent with its live value while we alone own
// it, for leaving it out would drop it, and left out once somebody else does.
func (p *planner) yield(ctx context.Context, it *item) (*unstructured.Unstructured, error) {
	it.Yields, it.yields = nil, nil
	if it.Live == nil || it.Shared && it.ID.GroupKind() != object.CRDKind {
		return it.wanted, nil
	}
	entries := fields.Entries(it.Live)
	ours := p.mine(it)
	scaler, err := p.scalerOf(ctx, it, ours)
	if err != nil {
		return nil, err
	}
	if scaler == "" && len(it.Policy.Fields) == 0 && !fillsIn(it.ID.GroupKind()) {
		return it.wanted, nil // nothing can yield
	}
	candidates := fields.Union(fields.Of(it.wanted.Object, allFields(it.Live)), ours)
	body := it.wanted
	fields.Walk(candidates, it.Live.Object, it.wanted.Object, func(at fields.Point, whole bool) {
		if !whole || identifying(at) {
			return
		}
		owners := p.losers(it, fields.Owners(entries, at.Keys, p.manager))
		how, ok := p.yields(it, at.Path, owners, scaler)
		if !ok {
			return
		}
		if changed, ok := leave(body, at, how, owners, fields.Owns(ours, at.Keys)); ok {
			body = changed
			it.yields = append(it.yields, at.Keys)
			it.noteYield(at, how)
		}
	})
	return body, nil
}

// leave takes a yielding field out of the body, or puts its live value there.
func leave(body *unstructured.Unstructured, at fields.Point, how yielding, owners []fields.Entry, ours bool) (*unstructured.Unstructured, bool) {
	switch {
	case fields.Equal(at.A, at.B):
		return body, false
	case ours && how.hold && at.A != nil:
		changed, ok := fields.SetAt(body.Object, at.Keys, at.A)
		return &unstructured.Unstructured{Object: changed}, ok
	case at.B == nil || !how.hold && len(owners) == 0 || ours && how.hold:
		return body, false
	}
	return &unstructured.Unstructured{Object: fields.Remove(body.Object, at.Keys)}, true
}

func (it *item) noteYield(at fields.Point, how yielding) {
	y := Yield{Path: at.Path, To: how.to, Usual: how.usual}
	if at.B != nil && !fields.Equal(at.A, at.B) {
		y.Ours, y.Theirs = valueText(it.ID, at.Path, at.B), valueText(it.ID, at.Path, at.A)
	}
	it.Yields = append(it.Yields, y)
}

// identifying are the fields that make an object, or an item of a list, the one
// that it is.
func identifying(at fields.Point) bool {
	switch at.Path {
	case "apiVersion", "kind", "metadata.name", "metadata.namespace":
		return true
	}
	return fields.IsKey(at.Keys)
}

// losers are the owners that stay what they are: those of older tools, whose
// fields become ours, do not count.
func (p *planner) losers(it *item, owners []fields.Entry) []fields.Entry {
	if owner, _ := p.owner(it.Live, string(it.entry.UID)); owner != Nobody || p.older(it) == nil {
		return owners
	}
	return slices.DeleteFunc(slices.Clone(owners), fields.OlderTool)
}

// yields says whether a field yields: by the object's rules or the bundle's, else
// by what is known of the built-in kinds.
func (p *planner) yields(it *item, path string, owners []fields.Entry, scaler string) (yielding, bool) {
	managers := []string{""}
	if len(owners) > 0 {
		managers = managers[:0]
		for _, e := range owners {
			managers = append(managers, e.Manager)
		}
	}
	for _, manager := range managers {
		switch decision := it.Policy.Decide(path, manager); {
		case decision == policy.Yield && manager == "":
			return yielding{to: "whoever sets it", hold: true}, true
		case decision == policy.Yield:
			return yielding{to: manager, hold: true}, true
		case decision != "":
			return yielding{}, false
		}
	}
	_, aggregated := it.wanted.Object["aggregationRule"]
	switch {
	case aggregated && within(path, "rules") && it.ID.Kind == "ClusterRole":
		return yielding{to: "the aggregation of roles", hold: true, usual: true}, true
	case scaler != "" && path == "spec.replicas":
		return yielding{to: scaler, hold: true}, true
	case !builtinYield(it.ID.GroupKind(), path):
		return yielding{}, false
	case len(owners) > 0:
		return yielding{to: owners[0].Manager, usual: true}, true
	}
	return yielding{to: "its controller", usual: true}, true
}

// fillsIn are the kinds that builtinYield knows.
func fillsIn(gk schema.GroupKind) bool {
	switch gk.Group {
	case "":
		return gk.Kind == "Service"
	case "rbac.authorization.k8s.io":
		return gk.Kind == "ClusterRole"
	}
	return gk == object.CRDKind || gk.Group == "apiregistration.k8s.io" || gk.Group == "admissionregistration.k8s.io"
}

// builtinYield knows fields that controllers and allocators fill in.
func builtinYield(gk schema.GroupKind, path string) bool {
	switch gk {
	case serviceKind:
		return path == "spec.clusterIP" || within(path, "spec.clusterIPs") || path == "spec.healthCheckNodePort" ||
			within(path, "spec.ports") && strings.HasSuffix(path, ".nodePort")
	case object.CRDKind, schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"},
		schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"},
		schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:
		return strings.HasSuffix(path, ".caBundle")
	}
	return false
}

var (
	serviceKind = schema.GroupKind{Kind: "Service"}
	hpaKind     = schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}
	scaledKind  = schema.GroupKind{Group: "keda.sh", Kind: "ScaledObject"}
)

// scalerOf names the autoscaler of a workload, where it matters: the number of
// replicas is the bundle's to say otherwise. KEDA makes an autoscaler of its own for
// each of its objects.
func (p *planner) scalerOf(ctx context.Context, it *item, ours fields.Set) (string, error) {
	live, exists, err := unstructured.NestedFieldNoCopy(it.Live.Object, "spec", "replicas")
	wanted, said, wantedErr := unstructured.NestedFieldNoCopy(it.wanted.Object, "spec", "replicas")
	owned := fields.Owns(ours, []string{"f:spec", "f:replicas"})
	if err != nil || wantedErr != nil || !exists || !said && !owned || said && fields.Equal(live, wanted) {
		return "", nil
	}
	for _, other := range p.items {
		if gk := other.ID.GroupKind(); (gk == hpaKind || gk == scaledKind) && other.ID.Namespace == it.ID.Namespace && scales(other.wanted, it.ID) {
			return p.name(other.ID), nil
		}
	}
	autoscalers, err := p.autoscalers(ctx, it.ID.Namespace)
	if err != nil {
		return "", err
	}
	for i := range autoscalers {
		if scales(&autoscalers[i], it.ID) && !p.leaves(&autoscalers[i]) {
			return p.name(object.IDOf(&autoscalers[i])), nil
		}
	}
	return "", nil
}

// leaves says that a live object is the release's and no longer wanted.
func (p *planner) leaves(live *unstructured.Unstructured) bool {
	return slices.ContainsFunc(p.leftovers, func(l *leftover) bool { return l.id == object.IDOf(live) })
}

// scales says whether an autoscaler's target is the workload.
func scales(scaler *unstructured.Unstructured, id object.ID) bool {
	target, _, err := unstructured.NestedMap(scaler.Object, "spec", "scaleTargetRef")
	if err != nil || target["name"] != id.Name {
		return false
	}
	kind, _ := target["kind"].(string)
	apiVersion, _ := target["apiVersion"].(string)
	gv, err := schema.ParseGroupVersion(apiVersion)
	return (kind == id.Kind || kind == "" && id.Kind == "Deployment") && (err != nil || apiVersion == "" || gv.Group == id.Group)
}

// autoscalers lists those of a namespace, once: also KEDA's own objects, for while
// one is paused it has no autoscaler.
func (p *planner) autoscalers(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	p.scalersTurn.Lock()
	defer p.scalersTurn.Unlock()
	if found, ok := p.scalers[namespace]; ok {
		return found, nil
	}
	all := []unstructured.Unstructured{}
	for _, gk := range []schema.GroupKind{hpaKind, scaledKind} {
		kind, err := p.r.Kind(ctx, gk, "")
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("finding kind %s: %w", gk, err)
		}
		list, err := p.r.List(ctx, kind, namespace, "")
		if apierrors.IsForbidden(err) {
			p.warnOnce(kind.Resource + " in namespace " + namespace + " may not be listed; those outside of the bundle are not respected")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s in namespace %q: %w", kind.Resource, namespace, err)
		}
		for i := range list.Items {
			list.Items[i].SetGroupVersionKind(kind.GroupVersionKind)
		}
		all = append(all, list.Items...)
	}
	p.scalers[namespace] = all
	return all, nil
}

// warnOnce adds a warning about the whole plan.
func (p *planner) warnOnce(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.plan.Warnings, text) {
		p.plan.Warnings = append(p.plan.Warnings, text)
	}
}
