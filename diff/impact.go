package diff

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// impact says what an update of a workload does to its pods.
func impact(it *item) []string {
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

func isZero(v any) bool {
	switch v := v.(type) {
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}
