package rollout

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// RanToEnd says whether an object is a Job or a pod that ran to its end and
// succeeded: it has nothing left to do.
func RanToEnd(u *unstructured.Unstructured) bool {
	switch gk := u.GroupVersionKind().GroupKind(); {
	case gk == podKind.GroupKind():
		return text(at(u, "status", "phase")) == "Succeeded"
	case gk.Group == "batch" && gk.Kind == "Job":
		for _, c := range conditions(u) {
			if c.Type == "Complete" && c.Status == "True" {
				return true
			}
		}
	}
	return false
}

// toEnd corrects the state of a pod that has to run to its end: that it runs is
// not enough.
func (t *Target) toEnd(u *unstructured.Unstructured, s State) State {
	if t.ToEnd && s.Phase == Ready && t.ID.GroupKind() == podKind.GroupKind() && !RanToEnd(u) {
		s.Phase, s.Summary = Progressing, "running"
	}
	return s
}
