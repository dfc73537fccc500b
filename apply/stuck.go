package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// goingState is the state of an object that was deleted and still exists.
func goingState(now *unstructured.Unstructured) rollout.State {
	summary := "is being deleted"
	if f := now.GetFinalizers(); len(f) > 0 {
		summary += "; waits for " + strings.Join(f, ", ")
	}
	return rollout.State{Phase: rollout.Deleting, Summary: summary}
}

// isGoing says that the plan leaves an object alone, for it is being deleted.
func (n *node) isGoing() bool {
	return n.Action == diff.Keep && n.Leftover && n.Live != nil && n.Live.GetDeletionTimestamp() != nil
}

// whatHolds says why an object that was deleted still exists: what each of its
// finalizers waits for and who has to remove it.
func whatHolds(n *node) rollout.Cause {
	c := rollout.Cause{ID: n.ID, Source: n.Source, State: n.state, Headline: n.state.Summary}
	c.See = []string{"get", see(n.ID), n.ID.Name, "-o", "yaml"}
	if n.going == nil {
		return c
	}
	var because []string
	for _, finalizer := range n.going.GetFinalizers() {
		because = append(because, holds(n.going, finalizer))
	}
	conditions, _, _ := unstructured.NestedSlice(n.going.Object, "status", "conditions")
	for _, raw := range conditions { // a namespace says what is left in it
		condition, _ := raw.(map[string]any)
		kind, _ := condition["type"].(string)
		message, _ := condition["message"].(string)
		if condition["status"] == "True" && n.ID.GroupKind() == object.NamespaceKind && strings.HasPrefix(kind, "Namespace") {
			because = append(because, message)
		}
	}
	if len(because) > 0 {
		c.Because, c.Detail = because[0], because[1:]
	}
	return c
}

// holds says what a finalizer waits for.
func holds(u *unstructured.Unstructured, finalizer string) string {
	switch finalizer {
	case metav1.FinalizerDeleteDependents:
		return "what it owns is deleted before it, and is not gone yet"
	case metav1.FinalizerOrphanDependents:
		return "the garbage collector has not let go of what it owns yet"
	case "customresourcecleanup.apiextensions.k8s.io":
		return "objects of its kind still exist, and have finalizers of their own"
	case "kubernetes.io/pvc-protection":
		return "a pod still uses it"
	case "kubernetes.io/pv-protection":
		return "a claim is still bound to it"
	case "service.kubernetes.io/load-balancer-cleanup":
		return "the cloud controller has not removed its load balancer yet"
	}
	text := "the finalizer " + finalizer + " holds it"
	if by := setBy(u, finalizer); by != "" {
		text += ", set by " + by
	}
	return text + "; its controller has to remove it: is that running?"
}

// setBy is the field manager that set a finalizer, or empty.
func setBy(u *unstructured.Unstructured, finalizer string) string {
	for _, entry := range u.GetManagedFields() {
		if entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"v:\"`+finalizer+`\""`) {
			if strings.HasPrefix(entry.Manager, "belay/") {
				return "the bundle"
			}
			return entry.Manager
		}
	}
	return ""
}

// see is how kubectl names a kind.
func see(id object.ID) string {
	kind := strings.ToLower(id.Kind)
	if strings.Contains(id.Group, ".") {
		kind += "." + id.Group
	}
	return kind
}

// manyInstances is how many objects are named that hold the definition of their kind.
const manyInstances = 5

// instances names the objects that hold the definition of their kind, and what holds
// them. Where they cannot be read, nothing is named.
func (r *run) instances(ctx context.Context, definition *unstructured.Unstructured, c *rollout.Cause) {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	name, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	kind, err := r.cluster.Kind(ctx, schema.GroupKind{Group: group, Kind: name}, "")
	if err != nil {
		return
	}
	all, err := r.cluster.ListMetadata(ctx, kind, "", "")
	if err != nil || len(all) == 0 {
		return
	}
	c.See = []string{"get", kind.GVR().GroupResource().String(), "-A"}
	slices.SortFunc(all, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	for _, u := range all[:min(len(all), manyInstances)] {
		text := name + "/" + u.GetName()
		if ns := u.GetNamespace(); ns != "" {
			text += " in namespace " + ns
		}
		if f := u.GetFinalizers(); len(f) > 0 {
			text += " waits for " + strings.Join(f, ", ")
		}
		c.Detail = append(c.Detail, text)
	}
	if left := len(all) - manyInstances; left > 0 {
		c.Detail = append(c.Detail, fmt.Sprintf("and %d more", left))
	}
}

// held are the causes of deletions that do not end, in a stable order.
func (r *run) held(ctx context.Context) []rollout.Cause {
	var causes []rollout.Cause
	for _, n := range r.nodes {
		if n.state.Phase == rollout.Deleting && n.err == nil && (n.progress == written || n.progress == broken) {
			c := whatHolds(n)
			if n.ID.GroupKind() == object.CRDKind && n.going != nil && (r.outcome == Failed || r.outcome == TimedOut) {
				r.instances(ctx, n.going, &c)
			}
			causes = append(causes, c)
		}
	}
	slices.SortFunc(causes, func(a, b rollout.Cause) int { return a.ID.Compare(b.ID) })
	return causes
}
