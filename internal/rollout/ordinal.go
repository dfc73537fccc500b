package rollout

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// inTurn says whether a workload is a StatefulSet that goes from one pod to the
// next only when the first is ready.
func inTurn(root *unstructured.Unstructured) bool {
	return root.GetKind() == "StatefulSet" && text(at(root, "spec", "podManagementPolicy")) != "Parallel"
}

// blocker is the pod of an older revision that keeps a StatefulSet from making
// any of the current one: its controller waits for each pod to be ready before it
// touches the next, even for one that the update would mend. nil where there is none.
func (f family) blocker() *unstructured.Unstructured {
	if !inTurn(f.root) || !observed(f.root) || text(at(f.root, "spec", "updateStrategy", "type")) == onDelete {
		return nil
	}
	current, old := f.split()
	if len(current) > 0 {
		return nil
	}
	for _, p := range old {
		if len(problemsOf(p)) > 0 {
			return p
		}
	}
	return nil
}

// addOrdinal says what a StatefulSet holds back until the pod that fails is ready.
func (c *collected) addOrdinal(f *finding, pod *unstructured.Unstructured) {
	if !inTurn(c.root) {
		return
	}
	if blocker := c.blocker(); blocker != nil && uidOf(blocker) == uidOf(pod) {
		f.Detail = append(f.Detail, "it is of the revision before, and the set updates no pod until it is ready or deleted")
		f.See = []string{"delete", "pod", pod.GetName()}
		return
	}
	wanted := number(at(c.root, "spec", "replicas"), 1)
	if made := number(at(c.root, "status", "replicas"), 0); made < wanted {
		f.Detail = append(f.Detail, "the set makes "+plural(wanted-made, "more pod", "more pods")+" only when this one is ready")
		return
	}
	// It updates from the last pod to the first.
	name := pod.GetName()
	ordinal, err := strconv.ParseInt(name[strings.LastIndex(name, "-")+1:], 10, 64)
	left := ordinal - number(at(c.root, "spec", "ordinals", "start"), 0) - number(at(c.root, "spec", "updateStrategy", "rollingUpdate", "partition"), 0)
	if err == nil && left > 0 {
		f.Detail = append(f.Detail, "the set updates "+plural(left, "more pod", "more pods")+" only when this one is ready")
	}
}

// addEviction says that a pod should go and may not: a disruption budget holds it.
func (c *collected) addEviction(f *finding, pod *unstructured.Unstructured) {
	for _, e := range eventsOf(pod, c.events) {
		if message := text(at(e, "message")); strings.Contains(message, "disruption budget") {
			f.Detail = append(f.Detail, text(at(e, "reason"))+": "+shorten(message))
			return
		}
	}
}
