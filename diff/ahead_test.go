package diff

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

func TestWhatWasReadAheadIsNotReadAgain(t *testing.T) {
	w, s := deployed(t, app)
	want := compute(t, w, s, app, apply())
	w.calls = map[string]int{}
	p, err := Compute(t.Context(), ReadAhead(t.Context(), w, s, apply()), s, wanted(t, app), apply())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(actions(want), actions(p)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int{"list": 3, "schemas": 1}, w.calls); d != "" {
		t.Error(d)
	}
}

func TestASecondPlanReadsAnew(t *testing.T) {
	w, s := deployed(t, app)
	r := ReadAhead(t.Context(), w, s, apply())
	if _, err := Compute(t.Context(), r, s, wanted(t, app), apply()); err != nil {
		t.Fatal(err)
	}
	w.calls = map[string]int{}
	if _, err := Compute(t.Context(), r, s, wanted(t, app), apply()); err != nil {
		t.Fatal(err)
	}
	if n := w.calls["list"]; n != 3 {
		t.Errorf("%d lists; the first plan's are of before", n)
	}
}

// slow is a server whose lists take longer than anybody waits.
type slow struct{ *world }

func (slow) List(ctx context.Context, _ object.Kind, _, _ string) (*unstructured.UnstructuredList, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestReadingAheadEndsWithWhoWaits(t *testing.T) {
	w, s := deployed(t, app)
	r := ReadAhead(t.Context(), slow{w}, s, apply())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Compute(ctx, r, s, wanted(t, app), apply()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
