package fields

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

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
			if !whole || p.B == nil {
				return // gone altogether, or only the container
			}
			// What is not there live is somebody's too, who emptied it.
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

// Twin is a list item of a manifest that is live under another key: a port of
// the same name with another number. An apply would add it beside the other,
// and the server refuses the pair.
type Twin struct {
	// Path is the key field that differs; Ours and Theirs are its values.
	Path         string
	Ours, Theirs any
	Entry        Entry // of who owns the live item; zero when nobody does
}

// Twins finds them in the lists whose keys do not include the name.
func Twins(body, live *unstructured.Unstructured) []Twin {
	entries := Entries(live)
	like := Set{}
	for _, e := range entries {
		like = Union(like, e.Fields)
	}
	var twins []Twin
	walk(Of(body.Object, like), Point{A: live.Object, B: body.Object}, func(p Point, s Set) bool {
		ours, isList := p.B.([]any)
		theirs, _ := p.A.([]any)
		names := keyNames(s)
		if !isList || names == nil || slices.Contains(names, "name") {
			return p.B != nil
		}
		for _, item := range theirs {
			if t, ok := twinOf(item, ours, names); ok {
				key, _ := keyOf(item, names)
				t.Path = p.Path + t.Path
				t.Entry = ownerOf(entries, append(p.Keys[:len(p.Keys):len(p.Keys)], key))
				twins = append(twins, t)
			}
		}
		return true
	})
	return twins
}

// twinOf looks for an item of ours with the name of a live one, if none of ours
// has its key.
func twinOf(live any, ours []any, names []string) (Twin, bool) {
	key, ok := keyOf(live, names)
	m, _ := live.(map[string]any)
	name, named := m["name"].(string)
	if !ok || !named || name == "" || index(ours, key) >= 0 {
		return Twin{}, false
	}
	for _, item := range ours {
		our, _ := item.(map[string]any)
		if our["name"] != name {
			continue
		}
		for _, field := range names {
			value, there := our[field]
			if !there {
				value, _ = keyDefault(field)
			}
			if !Equal(value, m[field]) {
				return Twin{Path: "[" + name + "]." + field, Ours: value, Theirs: m[field]}, true
			}
		}
	}
	return Twin{}, false
}

// ownerOf finds the entry that owns a path.
func ownerOf(entries []Entry, keys []string) Entry {
	for _, e := range entries {
		if has(e.Fields, keys) {
			return e
		}
	}
	return Entry{}
}
