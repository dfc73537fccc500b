package apply

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// An operator may hold one object until another is gone.
func TestWhatWaitsToBeGoneTakesNoSlot(t *testing.T) {
	p := planOf(nil, change("held", diff.Delete), change("holder", diff.Delete))
	s := (&script{heldBy: map[string]string{"held": "holder"}}).exists(p)
	mustOutcome(t, Run(t.Context(), s, &journal{}, p, Options{Concurrency: 1, Timeout: 30 * time.Second}), Succeeded)
}

// throng is a cluster whose objects all go at once, and that counts how many writes
// it gets at the same time.
type throng struct {
	*script
	left      atomic.Int32 // deletions until all go
	now, most atomic.Int32
}

func (c *throng) Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	if c.left.Load() > 0 {
		return configMap(name), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

func (c *throng) Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error {
	defer c.left.Add(-1)
	return c.script.Delete(ctx, k, namespace, name, o)
}

func (c *throng) Apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	time.Sleep(30 * time.Millisecond)
	return c.script.Apply(ctx, k, body, o)
}

func TestWhatWasWaitedForIsWrittenWithinTheBound(t *testing.T) {
	var changes []diff.Change
	for i := range 9 {
		changes = append(changes, change(fmt.Sprintf("object-%d", i), diff.Recreate))
	}
	p := planOf(nil, changes...)
	c := &throng{script: (&script{}).exists(p)}
	c.left.Store(int32(len(changes)))
	mustOutcome(t, Run(t.Context(), c, &journal{}, p, Options{Concurrency: 3, Timeout: 30 * time.Second}), Succeeded)
	if most := c.most.Load(); most > 3 {
		t.Errorf("%d writes at once, want 3 at most", most)
	}
}
