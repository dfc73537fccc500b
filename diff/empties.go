package diff

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// keepEmpties knows a habit of the server: when the last field of a map goes, an
// empty map in its place goes too, and only the next apply puts it there. So the
// apply is sent twice, and the answer is corrected. In the same way a Service that
// changes its type loses fields of the old type that the manifest still has, and the
// next apply is refused for them. Some fields the server never keeps: it is asked.
func (p *planner) keepEmpties(ctx context.Context, it *item) error {
	ours, _ := fields.Applied(it.answer, p.manager)
	corrected := it.answer.Object
	var empties [][]string
	var paths []string
	fields.Walk(ours.Fields, it.body.Object, it.answer.Object, func(at fields.Point, whole bool) {
		if !whole || at.A == nil || at.B != nil || fields.At(it.Live.Object, at.Keys) == nil {
			return
		}
		if set, ok := fields.SetAt(corrected, at.Keys, at.A); ok {
			corrected, empties, paths = set, append(empties, at.Keys), append(paths, at.Path)
		}
	})
	if len(empties) == 0 {
		return nil
	}
	body := (&unstructured.Unstructured{Object: corrected}).DeepCopy()
	unstructured.RemoveNestedField(body.Object, "metadata", "managedFields")
	stored, err := p.dryRunUpdate(ctx, it, body)
	if err != nil {
		return p.emptiesRefused(ctx, it, err)
	}
	var dropped []string
	for i, keys := range empties {
		kept := fields.At(stored.Object, keys) // with its defaults
		if kept == nil {
			dropped = append(dropped, paths[i])
			continue
		}
		if answer, ok := fields.SetAt(it.answer.Object, keys, kept); ok {
			it.answer, it.twice = &unstructured.Unstructured{Object: answer}, true
		}
	}
	return p.droppedRefused(ctx, it, dropped)
}

// droppedRefused asks whether the server would refuse in a new object what it drops
// from this one while it changes: then the next apply would be refused for it.
func (p *planner) droppedRefused(ctx context.Context, it *item, dropped []string) error {
	if len(dropped) == 0 {
		return nil
	}
	asNew := p.r.DryRunCreate(ctx, it.Kind, it.body)
	d := statusOf(asNew).Details
	if apierrors.IsInvalid(asNew) && d != nil && slices.ContainsFunc(d.Causes, func(c metav1.StatusCause) bool { return slices.Contains(dropped, c.Field) }) {
		it.err = asNew
	}
	return nil
}

// emptiesRefused judges a manifest of which the server would not store something. If
// it would not take them in a new object either, they are the user's mistake: the
// first apply would go through, and the one after it never. Otherwise the object
// stays as the first apply leaves it.
func (p *planner) emptiesRefused(ctx context.Context, it *item, refused error) error {
	if fatal(refused) {
		return fmt.Errorf("%s: asking the server what an apply would do: %w", it.ID, refused)
	}
	if !apierrors.IsInvalid(refused) {
		return nil
	}
	asNew := p.r.DryRunCreate(ctx, it.Kind, it.body)
	if apierrors.IsInvalid(asNew) {
		it.err = asNew
	}
	return nil
}

// emptyFirst knows the same habit with custom resources: where the last field of a
// map goes, and the manifest has an empty map in its place, the server makes a null
// of it and refuses that. So the map goes with a first apply, and comes with a
// second one.
func (p *planner) emptyFirst(ctx context.Context, it *item) error {
	ours, _ := fields.Applied(it.Live, p.manager)
	first := it.body.Object
	var empties [][]string
	fields.Walk(fields.Of(it.body.Object, ours.Fields), it.Live.Object, it.body.Object, func(at fields.Point, whole bool) {
		was, wasMap := at.A.(map[string]any)
		is, isMap := at.B.(map[string]any)
		if whole && wasMap && isMap && len(was) > 0 && len(is) == 0 {
			first, empties = fields.Remove(first, at.Keys), append(empties, at.Keys)
		}
	})
	if len(empties) == 0 {
		return nil
	}
	without := &unstructured.Unstructured{Object: first}
	answer, _, err := p.r.DryRun(ctx, it.Kind, without, object.ApplyOptions{Manager: p.manager, Force: true})
	if err != nil {
		if fatal(err) {
			return fmt.Errorf("%s: asking the server what an apply would do: %w", it.ID, err)
		}
		return nil // it was not for that
	}
	corrected := answer.Object
	for _, keys := range empties {
		set, ok := fields.SetAt(corrected, keys, map[string]any{})
		if !ok {
			return nil
		}
		corrected = set
	}
	body := (&unstructured.Unstructured{Object: corrected}).DeepCopy()
	unstructured.RemoveNestedField(body.Object, "metadata", "managedFields")
	stored, err := p.dryRunUpdate(ctx, it, body)
	if err != nil {
		return p.emptiesRefused(ctx, it, err)
	}
	stored.SetManagedFields(answer.GetManagedFields())
	it.answer, it.first, it.twice, it.err = fields.Grant(stored, p.manager, empties), without, true, nil
	return nil
}
