package fields

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// Loss is a path that another manager would lose by our apply.
type Loss struct {
	Point       // A is the live value, B ours
	Entry Entry // the loser's, as it is live
	// Same is true when the values are equal in different spelling ("0.5",
	// "500m"): nobody needs to lose anything if the live spelling is sent.
	Same bool
}

// BeforeFirstApply is the manager that the server invents for fields of objects
// that have no managedFields.
const BeforeFirstApply = "before-first-apply"

// Losses finds what others would lose: the answer of a forced dry-run tells,
// for what a manager owns live and no longer owns in the answer was taken from it.
func Losses(live, answer *unstructured.Unstructured, manager string) []Loss {
	entries := Entries(live)
	if len(entries) == 0 {
		return unmanaged(live, answer, manager)
	}
	after := map[[4]string]Set{}
	for _, e := range Entries(answer) {
		after[identity(e)] = e.Fields
	}
	var losses []Loss
	for _, e := range entries {
		if e.Manager == manager && e.Operation == "Apply" {
			continue
		}
		lost := Minus(e.Fields, after[identity(e)])
		Walk(lost, live.Object, answer.Object, func(p Point, whole bool) {
			if !whole || p.A == nil || p.B == nil {
				return // gone altogether, or only the container
			}
			losses = append(losses, Loss{Point: p, Entry: e, Same: Equal(p.A, p.B)})
		})
	}
	return losses
}

// unmanaged compares values, where there are no managedFields to compare.
func unmanaged(live, answer *unstructured.Unstructured, manager string) []Loss {
	ours, _ := Applied(answer, manager)
	var losses []Loss
	Walk(ours.Fields, live.Object, answer.Object, func(p Point, whole bool) {
		if whole && p.A != nil && p.B != nil && !Equal(p.A, p.B) {
			losses = append(losses, Loss{Point: p, Entry: Entry{Manager: BeforeFirstApply, Operation: "Update"}})
		}
	})
	return losses
}

func identity(e Entry) [4]string {
	return [4]string{e.Manager, e.Operation, e.APIVersion, e.Subresource}
}
