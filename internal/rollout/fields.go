package rollout

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The helpers below read fields of objects as the server sends them, without
// copies. What is absent or of another type is the zero value: an object that
// the server accepted has the types of its schema.

func at(u *unstructured.Unstructured, path ...string) any { return in(u.Object, path...) }

func in(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func items(v any) []any {
	l, _ := v.([]any)
	return l
}

func yes(v any) bool {
	b, _ := v.(bool)
	return b
}

// number reads a count, or otherwise where there is none.
func number(v any, otherwise int64) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return otherwise
}

// moment reads a time of the server; the zero time where there is none.
func moment(v any) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text(v))
	if err != nil {
		return time.Time{}
	}
	return t
}

// condition is one of status.conditions.
type condition struct {
	Type, Status, Reason, Message string
	// Generation is what it was judged from; 0 where it does not say.
	Generation int64
}

func conditions(u *unstructured.Unstructured) []condition { return conditionsIn(at(u, "status")) }

// conditionsIn reads the conditions of a status, or of a part of one.
func conditionsIn(status any) []condition {
	raw := items(in(status, "conditions"))
	all := make([]condition, 0, len(raw))
	for _, c := range raw {
		all = append(all, condition{
			Type: text(in(c, "type")), Status: text(in(c, "status")),
			Reason: text(in(c, "reason")), Message: text(in(c, "message")),
			Generation: number(in(c, "observedGeneration"), 0),
		})
	}
	return all
}

// conditionOf finds a condition; the zero one has no Status.
func conditionOf(u *unstructured.Unstructured, kind string) condition {
	for _, c := range conditions(u) {
		if c.Type == kind {
			return c
		}
	}
	return condition{}
}

// owned says whether an object is controlled by the one with that UID.
func owned(u *unstructured.Unstructured, uid string) bool {
	return uid != "" && ownerOf(u) == uid
}

// ownerOf is the UID of the controller of an object, or empty.
func ownerOf(u *unstructured.Unstructured) string {
	for _, o := range items(at(u, "metadata", "ownerReferences")) {
		if yes(in(o, "controller")) {
			return text(in(o, "uid"))
		}
	}
	return ""
}

func uidOf(u *unstructured.Unstructured) string { return text(at(u, "metadata", "uid")) }

func generationOf(u *unstructured.Unstructured) int64 {
	return number(at(u, "metadata", "generation"), 0)
}

func labelOf(u *unstructured.Unstructured, name string) string {
	return text(at(u, "metadata", "labels", name))
}

func annotationOf(u *unstructured.Unstructured, name string) string {
	return text(at(u, "metadata", "annotations", name))
}

func deleting(u *unstructured.Unstructured) bool {
	return text(at(u, "metadata", "deletionTimestamp")) != ""
}
