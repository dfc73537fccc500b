package diff

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/policy"
)

// impact says what a change does besides.
func impact(it *item) []string {
	if it.Action == Recreate {
		if it.Policy.OnImmutable == policy.ImmutableOrphan {
			return append([]string{livesOn(it)}, claimsStay(it)...)
		}
		return append(stops(&it.Change), claimsStay(it)...)
	}
	if it.Action == Update && it.ID.GroupKind() == (schema.GroupKind{Kind: "Service"}) {
		for _, c := range it.Paths {
			if !c.Ownership && within(c.Path, "spec.selector") {
				return []string{"sends its traffic to other pods"}
			}
		}
	}
	return podImpact(it)
}

// livesOn says what becomes of the dependents of an object that is recreated without
// them: the new one takes over those that its selector finds.
func livesOn(it *item) string {
	const text = "what depends on it lives on"
	raw, ok, err := unstructured.NestedMap(it.body.Object, "spec", "selector")
	if !ok || err != nil || !makesPods(it.ID.GroupKind()) {
		return text
	}
	var selector metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &selector) != nil {
		return text
	}
	finds, err := metav1.LabelSelectorAsSelector(&selector)
	found, _, _ := unstructured.NestedStringMap(it.Live.Object, "spec", "template", "metadata", "labels")
	if err != nil || finds.Matches(labels.Set(found)) {
		return text
	}
	return text + " and is nobody's then, for the new selector does not match it"
}

// claimsStay says that other templates of claims change nothing about those that there
// are: where they survive, the new object takes them as they are.
func claimsStay(it *item) []string {
	when, _, _ := unstructured.NestedString(it.Live.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
	for _, c := range it.Paths {
		if it.ID.Kind == "StatefulSet" && within(c.Path, claimTemplates) && (when != "Delete" || it.Policy.OnImmutable == policy.ImmutableOrphan) {
			return []string{"its claims stay as they are"}
		}
	}
	return nil
}

// loses says whose values go with an object that is recreated: what others set on it,
// and the new one does not have.
func (p *planner) loses(it *item) []string {
	if it.Action != Recreate {
		return nil
	}
	var managers []string
	for _, e := range fields.Entries(it.Live) {
		if e.Manager == p.manager || e.Subresource == "status" || slices.Contains(managers, e.Manager) {
			continue
		}
		lost := false
		fields.Walk(e.Fields, it.Live.Object, it.body.Object, func(at fields.Point, whole bool) {
			_, holder := at.A.(map[string]any) // what is in it is somebody's
			lost = lost || whole && !holder && at.A != nil && !fields.Equal(at.A, at.B)
		})
		if lost {
			managers = append(managers, e.Manager)
		}
	}
	if len(managers) == 0 {
		return nil
	}
	return []string{"loses what " + strings.Join(managers, ", ") + " set"}
}

// stops says what the deletion of an object takes with it: pods, and claims where a
// StatefulSet says so.
func stops(c *Change) []string {
	if c.Live == nil || c.ID.Group != "apps" {
		return nil
	}
	var said []string
	if n, ok := podCount(c.ID.Kind, c.Live); ok && n > 0 {
		said = append(said, "stops "+plural(int(n), "pod", "pods"))
	}
	when, _, _ := unstructured.NestedString(c.Live.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
	if when == "Delete" {
		said = append(said, "deletes its claims and their data")
	}
	return said
}

// podImpact says what an update of a workload does to its pods.
func podImpact(it *item) []string {
	if it.Action != Update || it.Live == nil || it.ID.Group != "apps" {
		return nil
	}
	var said []string
	running, ok := podCount(it.ID.Kind, it.Live)
	if !ok {
		return nil
	}
	for _, c := range it.Paths {
		if !c.Ownership && c.Path == "spec.replicas" && isZero(c.To) && running > 0 {
			said = append(said, fmt.Sprintf("stops %s", plural(int(running), "pod", "pods")))
			running = 0
		}
	}
	when, _, _ := unstructured.NestedString(it.Merged.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled")
	for _, c := range it.Paths {
		if from, to, ok := numbers(c); ok && c.Path == "spec.replicas" && to < from && when == "Delete" {
			said = append(said, "deletes the claims of the pods that go, and their data")
		}
	}
	for _, c := range it.Paths {
		if c.Ownership || !within(c.Path, "spec.template") || running == 0 {
			continue
		}
		strategy, _, _ := unstructured.NestedString(it.Merged.Object, "spec", "updateStrategy", "type")
		if strategy == "OnDelete" {
			return append(said, fmt.Sprintf("%s change when they are deleted", plural(int(running), "pod", "pods")))
		}
		return append(said, "restarts "+plural(int(running), "pod", "pods"))
	}
	return said
}

// podCount is how many pods a live workload wants; ok is false for other kinds.
func podCount(kind string, live *unstructured.Unstructured) (n int64, ok bool) {
	switch kind {
	case "Deployment", "StatefulSet":
		n, found, err := unstructured.NestedInt64(live.Object, "spec", "replicas")
		if !found || err != nil {
			n = 1
		}
		return n, true
	case "DaemonSet":
		n, _, _ := unstructured.NestedInt64(live.Object, "status", "desiredNumberScheduled")
		return n, true
	}
	return 0, false
}

func numbers(c PathChange) (from, to int64, ok bool) {
	from, was := c.From.(int64)
	to, is := c.To.(int64)
	return from, to, was && is
}

func isZero(v any) bool {
	switch v := v.(type) {
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}
