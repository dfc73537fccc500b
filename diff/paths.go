package diff

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// paths compares live and merged at what we own before or after.
func (p *planner) paths(it *item) []PathChange {
	before, had := fields.Applied(it.seen(), p.manager)
	after, _ := fields.Applied(it.answer, p.manager)
	found := pathChanges(before.Fields, after.Fields, it.Live.Object, it.answer.Object)
	if !had || it.before != nil {
		// All of its fields change hands, and that is said in a word.
		found = slices.DeleteFunc(found, func(c PathChange) bool { return c.Ownership })
	}
	return found
}

// guessPaths is paths where the server gives no answer: the manifest is compared
// with what is live.
func (p *planner) guessPaths(it *item) []PathChange {
	before, _ := fields.Applied(it.Live, p.manager)
	body := withMeta(it.body, func(meta map[string]any) {
		delete(meta, "name")
		delete(meta, "namespace")
	})
	delete(body.Object, "apiVersion")
	delete(body.Object, "kind")
	if meta, ok := body.Object["metadata"].(map[string]any); ok && len(meta) == 0 {
		delete(body.Object, "metadata") // else it would stand for all that is in it
	}
	fillClaims(body.Object, it.Live.Object)
	after := fields.Of(body.Object, allFields(it.Live))
	guessed := pathChanges(before.Fields, after, it.Live.Object, body.Object)
	return slices.DeleteFunc(guessed, func(c PathChange) bool {
		return c.Ownership || sameQuantity(c.From, c.To)
	})
}

// claimTemplates is a list that the server takes as a whole, and fills in.
const claimTemplates = "spec.volumeClaimTemplates"

// fillClaims puts into the templates of claims what the server always does, where the
// manifest leaves it out: it does not go.
func fillClaims(body, live map[string]any) {
	spec, _ := body["spec"].(map[string]any)
	wanted, _, err := unstructured.NestedSlice(body, "spec", "volumeClaimTemplates") // a copy
	filled, found, _ := unstructured.NestedSlice(live, "spec", "volumeClaimTemplates")
	if err != nil || !found || len(wanted) != len(filled) {
		return
	}
	for i := range wanted {
		claim, _ := wanted[i].(map[string]any)
		from, _ := filled[i].(map[string]any)
		if claim == nil {
			return
		}
		for _, path := range [][]string{{"apiVersion"}, {"kind"}, {"status"}, {"spec", "volumeMode"}} {
			value, has, _ := unstructured.NestedFieldCopy(from, path...)
			if _, said, err := unstructured.NestedFieldNoCopy(claim, path...); has && !said && err == nil {
				_ = unstructured.SetNestedField(claim, value, path...) // where it fits
			}
		}
	}
	spec = maps.Clone(spec)
	spec["volumeClaimTemplates"] = wanted
	body["spec"] = spec
}

// sameQuantity says that two values are one quantity in two spellings: 0.5, 500m.
func sameQuantity(a, b any) bool {
	from, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	to, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && from.Cmp(to) == 0
}

// allFields are the fields that anybody owns: the shape of the object.
func allFields(u *unstructured.Unstructured) fields.Set {
	all := fields.Set{}
	for _, e := range fields.Entries(u) {
		all = fields.Union(all, e.Fields)
	}
	return all
}

// allocates says whether the server chooses what a field gets: a dry-run's choice is
// not the one that the apply will meet.
func allocates(live map[string]any, path string) bool {
	gk := (&unstructured.Unstructured{Object: live}).GroupVersionKind().GroupKind()
	return gk == serviceKind && builtinYield(gk, path)
}

// pathChanges leaves out the marks that belay writes on every object.
func pathChanges(before, after fields.Set, live, merged map[string]any) []PathChange {
	var found []PathChange
	for _, d := range fields.Diff(unmarked(before), unmarked(after), live, merged) {
		if d.Given && allocates(live, d.Path) {
			d.To = "assigned by the server"
		}
		found = append(found, PathChange{Path: d.Path, From: d.From, To: d.To, Ownership: d.Ownership})
	}
	return found
}

func unmarked(s fields.Set) fields.Set {
	return s.Without("metadata", "labels", object.ReleaseLabel).
		Without("metadata", "annotations", object.NamespaceAnnotation).
		Without("spec", "template", "metadata", "annotations", object.ConfigHashAnnotation)
}

// ownershipReason says why an object is written although no field of the
// bundle's changes.
func (p *planner) ownershipReason(it *item) string {
	before, had := fields.Applied(it.Live, p.manager)
	after, _ := fields.Applied(it.answer, p.manager)
	switch {
	case !had:
		return "its fields become the release's"
	case !p.marked(it.Live):
		return "the release's marks are put back"
	case before.APIVersion != after.APIVersion:
		return "is managed as " + after.APIVersion + ", was as " + before.APIVersion
	default:
		return "only the ownership of fields changes"
	}
}
