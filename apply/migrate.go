package apply

import (
	"context"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/diff/fields"
)

// migrate hands fields over in managedFields and changes no value. When the object
// moved on, but for its status and what others own, the same hand-over is made
// again.
func (r *run) migrate(ctx context.Context, c *diff.Change, step *diff.Step) (*unstructured.Unstructured, error) {
	body := step.Body
	for range maxResend {
		if err := r.mayWrite(ctx); err != nil {
			return nil, err
		}
		live, err := r.cluster.Patch(ctx, c.Kind, body)
		switch {
		case err == nil:
			return live, nil
		case replaced(err), apierrors.IsNotFound(err):
			return nil, &StaleError{ID: c.ID, Reason: "was deleted or replaced since the plan was made", Err: err}
		case !apierrors.IsConflict(err):
			return nil, err
		}
		if now, err := r.cluster.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name); err == nil && c.Live != nil &&
			now.GetUID() == c.Live.GetUID() && now.GetGeneration() == c.Live.GetGeneration() &&
			sameOwners(now, step.Body) {
			return now, nil // our own hand-over, whose answer was lost
		}
		now, err := r.unmoved(ctx, c, nil)
		if err != nil {
			return nil, err
		}
		body = body.DeepCopy()
		body.SetResourceVersion(now.GetResourceVersion())
		body.SetManagedFields(handedOver(c.Live, step.Body, now))
	}
	return nil, &StaleError{ID: c.ID, Reason: "keeps changing while its fields are taken over"}
}

// handedOver repeats on a later copy what a plan made of an object's entries:
// those that it removed go, ours is as planned, the others are as they are now.
func handedOver(live, planned, now *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	type name struct{ manager, operation, version, subresource string }
	of := func(e metav1.ManagedFieldsEntry) name {
		return name{e.Manager, string(e.Operation), e.APIVersion, e.Subresource}
	}
	kept, were := map[name]bool{}, map[name]bool{}
	var ours []metav1.ManagedFieldsEntry
	for _, e := range live.GetManagedFields() {
		were[of(e)] = true
	}
	for _, e := range planned.GetManagedFields() {
		kept[of(e)] = true
		ours = append(ours[:0], e) // the last one is the one that was made
	}
	var all []metav1.ManagedFieldsEntry
	for _, e := range now.GetManagedFields() {
		if mine := len(ours) > 0 && of(e) == of(ours[0]); !mine && (kept[of(e)] || !were[of(e)]) {
			all = append(all, e)
		}
	}
	return append(all, ours...)
}

// sameOwners says whether an object's entries are those that a hand-over made, but
// for what status writes and the times of entries say.
func sameOwners(now, planned *unstructured.Unstructured) bool {
	owned := func(u *unstructured.Unstructured) map[string]string {
		all := map[string]string{}
		for _, e := range u.GetManagedFields() {
			if e.Subresource == "" && e.FieldsV1 != nil {
				all[e.Manager+" "+string(e.Operation)+" "+e.APIVersion] = e.FieldsV1.GetRawString()
			}
		}
		return all
	}
	return maps.Equal(owned(now), owned(planned))
}

// yieldAgain leaves fields to others once more, as they are now.
func yieldAgain(body, now *unstructured.Unstructured, manager string, yields [][]string) (*unstructured.Unstructured, error) {
	entries := fields.Entries(now)
	ours, _ := fields.Applied(now, manager)
	for _, keys := range yields {
		if len(fields.Owners(entries, keys, manager)) > 0 || !fields.Owns(ours.Fields, keys) {
			body = &unstructured.Unstructured{Object: fields.Remove(body.Object, keys)}
			continue
		}
		changed, ok := fields.SetAt(body.Object, keys, fields.At(now.Object, keys))
		if !ok {
			return nil, fmt.Errorf("%v: the field is gone", keys)
		}
		body = &unstructured.Unstructured{Object: changed}
	}
	return body, nil
}
