package diff

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// moving is a world in which a controller writes an object's status, so that only
// its latest version can be replaced.
type moving struct {
	*world
	asked []string
}

func (m *moving) DryRunUpdate(_ context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	m.asked = append(m.asked, body.GetResourceVersion())
	if now := m.objects[object.IDOf(body)]; now.GetResourceVersion() != body.GetResourceVersion() {
		return nil, apierrors.NewConflict(k.GVR().GroupResource(), body.GetName(), errors.New("the object has been modified"))
	}
	return body.DeepCopy(), nil
}

func TestAStatusThatMovesOnIsNoMistakeOfTheBundle(t *testing.T) {
	for _, test := range []struct {
		name     string
		changes  func(*unstructured.Unstructured)
		asked    int
		conflict bool
	}{
		{"its status", func(*unstructured.Unstructured) {}, 2, false},
		{"what it should be", func(u *unstructured.Unstructured) { u.SetGeneration(2) }, 1, true},
		{"it was made anew", func(u *unstructured.Unstructured) { u.SetUID("other") }, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &moving{world: newWorld(t)}
			kind := m.kinds[schema.GroupKind{Group: "apps", Kind: "Deployment"}]
			live := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment",
				"metadata": map[string]any{"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": int64(1)},
			}}
			it := &item{Change: Change{ID: object.IDOf(live), Kind: kind, Live: live}}
			now := live.DeepCopy()
			now.SetResourceVersion("2")
			test.changes(now)
			m.objects[it.ID] = now
			p := &planner{r: m}
			_, err := p.dryRunUpdate(context.Background(), it, live.DeepCopy())
			if apierrors.IsConflict(err) != test.conflict || len(m.asked) != test.asked {
				t.Errorf("asked for %v, %v", m.asked, err)
			}
		})
	}
}
