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
)

func (p *planner) namespaceID() object.ID {
	return object.ID{Kind: object.NamespaceKind.Kind, Name: p.o.Target.Namespace}
}

// deletesNamespace says whether the release's namespace goes with it.
func (p *planner) deletesNamespace() bool { return p.o.Op == OpDelete && p.o.DeleteNamespace }

// deletesShared says whether the user asked for the deletion of a shared object
// that is no longer wanted.
func (p *planner) deletesShared(id object.ID) bool {
	if id.GroupKind() == object.CRDKind {
		return p.o.DeleteCRDs
	}
	return p.deletesNamespace()
}

// weighShared says what goes with the definitions and namespaces that the plan
// deletes: all that lives off them, whoever made it.
func (p *planner) weighShared(ctx context.Context) error {
	dying := map[string]bool{}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		if c.Action != Delete || !c.Shared {
			continue
		}
		var said string
		var err error
		if c.ID.GroupKind() == object.CRDKind {
			said, err = p.weighDefinition(ctx, c)
		} else {
			dying[c.ID.Name] = true
			said, err = p.weighNamespace(ctx, c.ID.Name)
		}
		if err != nil {
			return err
		}
		if said != "" {
			c.Warnings = append(c.Warnings, said)
		}
	}
	// What is protected cannot be kept in a namespace that goes.
	p.plan.Changes = slices.DeleteFunc(p.plan.Changes, func(c Change) bool {
		return c.Action == Keep && dying[c.ID.Namespace]
	})
	return nil
}

// weighDefinition counts the objects of a kind that its definition takes along.
func (p *planner) weighDefinition(ctx context.Context, c *Change) (string, error) {
	gk := definedKind(c.Live)
	kind, err := p.r.Kind(ctx, gk, "")
	if meta.IsNoMatchError(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding kind %s: %w", gk, err)
	}
	objects, err := p.r.ListMetadata(ctx, kind, "", "")
	switch {
	case apierrors.IsForbidden(err):
		return "takes all " + gk.Kind + " objects with it, in all namespaces; how many may not be asked", nil
	case apierrors.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("counting the objects of %s: %w", gk, err)
	}
	others := p.othersApply(c.Live)
	if len(objects) == 0 {
		return others, nil
	}
	text := fmt.Sprintf("takes %s with it: %s", plural(len(objects), gk.Kind+" object", gk.Kind+" objects"), p.byOwner(objects))
	if others != "" {
		text += "; it " + others
	}
	return text, nil
}

// byOwner counts objects by the release that they belong to.
func (p *planner) byOwner(objects []*unstructured.Unstructured) string {
	counts := map[string]int{}
	for _, u := range objects {
		counts[p.ownerWords(u)]++
	}
	var parts []string
	for _, owner := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d of %s", counts[owner], owner))
	}
	return strings.Join(parts, ", ")
}

func (p *planner) ownerWords(u *unstructured.Unstructured) string {
	name, ns := u.GetLabels()[object.ReleaseLabel], u.GetAnnotations()[object.NamespaceAnnotation]
	switch {
	case name == "":
		return "no release in " + namespaceWords(u.GetNamespace())
	case name == p.o.Target.Release && ns == p.o.Target.Namespace:
		return "this release"
	default:
		return "release " + name + " in " + namespaceWords(ns)
	}
}

func namespaceWords(ns string) string {
	if ns == "" {
		return "no namespace"
	}
	return "namespace " + ns
}

// othersApply names the other releases of belay's that bring a shared object too.
func (p *planner) othersApply(live *unstructured.Unstructured) string {
	var names []string
	for _, entry := range live.GetManagedFields() {
		parts := strings.Split(entry.Manager, "/")
		if len(parts) == 3 && parts[0] == "belay" && entry.Manager != p.manager {
			names = append(names, "release "+parts[2]+" in namespace "+parts[1])
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "is brought by " + strings.Join(slices.Compact(names), " and ") + " as well"
}

// weighNamespace names what else lives in a namespace.
func (p *planner) weighNamespace(ctx context.Context, ns string) (string, error) {
	kinds, err := p.r.Kinds(ctx)
	if err != nil {
		return "", fmt.Errorf("looking what lives in namespace %s: %w", ns, err)
	}
	found := make([][]object.ID, len(kinds))
	unseen := make([]bool, len(kinds))
	err = p.parallel(ctx, len(kinds), func(ctx context.Context, i int) error {
		if passing(kinds[i].Kind) {
			return nil
		}
		objects, err := p.r.ListMetadata(ctx, kinds[i], ns, "")
		switch {
		case apierrors.IsForbidden(err):
			unseen[i] = true
			return nil
		case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
			return nil
		case err != nil:
			return fmt.Errorf("looking what lives in namespace %s: %w", ns, err)
		}
		for _, u := range objects {
			if id := object.IDOf(u); !p.goes(id) && !comesByItself(u) && !p.record(id) {
				found[i] = append(found[i], id)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	ids := slices.Concat(found...)
	slices.SortFunc(ids, object.ID.Compare)
	ids = slices.Compact(ids)
	text := "nothing else lives in it"
	if len(ids) > 0 {
		text = fmt.Sprintf("takes %s with it that the release does not delete: %s",
			plural(len(ids), "object", "objects"), p.someNames(ids))
	}
	if n := countTrue(unseen); n > 0 {
		text += fmt.Sprintf("; %s of objects may not be listed", plural(n, "kind", "kinds"))
	}
	return text, nil
}

// manyNames is how many names a warning holds.
const manyNames = 10

func (p *planner) someNames(ids []object.ID) string {
	shown := ids[:min(len(ids), manyNames)]
	var names []string
	for _, id := range shown {
		if name, ok := strings.CutPrefix(id.Name, "belay."); ok && id.GroupKind() == object.SecretKind {
			names = append(names, "the release "+name)
			continue
		}
		names = append(names, object.ID{Group: id.Group, Kind: id.Kind, Name: id.Name}.In(""))
	}
	text := strings.Join(names, ", ")
	if left := len(ids) - len(shown); left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return text
}

// goes says whether the plan deletes an object by itself.
func (p *planner) goes(id object.ID) bool {
	return slices.ContainsFunc(p.plan.Changes, func(c Change) bool { return c.Action == Delete && c.ID == id })
}

// record says whether an object is a record of this release, or a piece of
// another's: heads alone stand for releases.
func (p *planner) record(id object.ID) bool {
	name, ok := strings.CutPrefix(id.Name, "belay.")
	return id.GroupKind() == object.SecretKind && ok && (name == p.o.Target.Release || strings.Contains(name, "."))
}

// passing says which kinds controllers make for other objects, or mirror.
func passing(kind string) bool {
	switch kind {
	case "Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics":
		return true
	}
	return false
}

// comesByItself says whether nobody made an object: controllers and the cluster
// make it wherever there is something to make it for.
func comesByItself(u *unstructured.Unstructured) bool {
	switch u.GetKind() {
	case "ServiceAccount":
		return u.GetName() == "default"
	case "ConfigMap":
		return u.GetName() == "kube-root-ca.crt" || u.GetName() == "openshift-service-ca.crt"
	}
	return len(u.GetOwnerReferences()) > 0
}

func countTrue(all []bool) int {
	n := 0
	for _, yes := range all {
		if yes {
			n++
		}
	}
	return n
}
