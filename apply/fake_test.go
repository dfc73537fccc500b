package apply

import (
	"context"
	"fmt"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/release"
)

// script is a cluster that answers as a test says, and remembers what it was
// asked to write. What apply does to a real server is tested in internal/e2e.
type script struct {
	Cluster // reads that no test expects panic
	mu      sync.Mutex
	writes  []string
	live    map[string]*unstructured.Unstructured
	// onApply answers an apply; nil means success.
	onApply func(body *unstructured.Unstructured) error
	// lingers is how many GETs a deleted object survives.
	lingers int
	// tellGone logs when one that lingered is gone.
	tellGone bool
	// heldBy names for an object the one that must be gone before it can go.
	heldBy map[string]string
}

func (s *script) log(format string, args ...any) {
	s.writes = append(s.writes, fmt.Sprintf(format, args...))
}

func (s *script) Apply(_ context.Context, _ object.Kind, body *unstructured.Unstructured, _ object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onApply != nil {
		if err := s.onApply(body); err != nil {
			s.log("refuse %s at %s", body.GetName(), body.GetResourceVersion())
			return nil, false, err
		}
	}
	s.log("apply %s", body.GetName())
	_, exists := s.live[body.GetName()]
	live := body.DeepCopy()
	live.SetUID("uid-of-" + live.GetUID())
	if s.live == nil {
		s.live = map[string]*unstructured.Unstructured{}
	}
	s.live[body.GetName()] = live
	return live, !exists, nil
}

func (s *script) Delete(_ context.Context, _ object.Kind, _, name string, o object.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log("delete %s %s", name, o.Propagation)
	if s.lingers == 0 && s.heldBy[name] == "" {
		delete(s.live, name)
	}
	return nil
}

func (s *script) Get(_ context.Context, _ object.Kind, _, name string) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lingers > 0 {
		s.lingers--
		if s.lingers == 0 {
			delete(s.live, name)
			if s.tellGone {
				s.log("gone %s", name)
			}
		}
	}
	if holder := s.heldBy[name]; holder != "" && s.live[holder] == nil {
		delete(s.live, name)
	}
	if u, ok := s.live[name]; ok {
		return u.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

// journal is a lock that is held until it is lost.
type journal struct {
	mu   sync.Mutex
	lost bool
	// unsure is how many questions it does not know the answer to.
	unsure int
	notes  map[string]release.Owned
	gone   []string
}

func (j *journal) Held() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost {
		return release.ErrLost
	}
	if j.unsure > 0 {
		j.unsure--
		return release.ErrUnsure
	}
	return nil
}

func (j *journal) Note(id object.ID, o release.Owned) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.notes == nil {
		j.notes = map[string]release.Owned{}
	}
	j.notes[id.Name] = o
}

func (j *journal) Forget(id object.ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.gone = append(j.gone, id.Name)
}

func configMap(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": "shop"},
	}}
}

// change makes a change of a config map with the one step that its action needs.
func change(name string, action diff.Action) diff.Change {
	body := configMap(name)
	c := diff.Change{
		ID: object.IDOf(body), Action: action, Policy: policy.Policy{Wait: policy.WaitNone},
		Kind: object.Kind{GroupVersionKind: body.GroupVersionKind(), Resource: "configmaps", Namespaced: true},
	}
	switch action {
	case diff.Create, diff.Update:
		c.Steps = []diff.Step{{Verb: diff.VerbApply, Body: body}}
	case diff.Delete:
		c.Live = body
		c.Steps = []diff.Step{{Verb: diff.VerbDelete, Propagation: "Background"}}
	case diff.Recreate:
		c.Live = body
		c.Steps = []diff.Step{{Verb: diff.VerbDelete, Propagation: "Foreground"}, {Verb: diff.VerbApply, Body: body}}
	default:
		c.Live = body
	}
	return c
}

func planOf(edges []diff.Edge, changes ...diff.Change) *diff.Plan {
	return &diff.Plan{
		Target:  diff.Target{Namespace: "shop", Release: "shop"},
		Changes: changes, Order: edges,
	}
}

func edge(before, after int) diff.Edge {
	return diff.Edge{Before: before, After: after, Need: refs.Exists}
}

// exists makes the objects of all changes that have a live one exist.
func (s *script) exists(p *diff.Plan) *script {
	s.live = map[string]*unstructured.Unstructured{}
	for _, c := range p.Changes {
		if c.Live != nil {
			s.live[c.ID.Name] = c.Live
		}
	}
	return s
}

func names(ids []object.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.Name)
	}
	return out
}

func mustOutcome(t *testing.T, r *Result, want Outcome) {
	t.Helper()
	if r.Outcome != want {
		t.Fatalf("outcome %q, want %q; errors %v", r.Outcome, want, r.Errs)
	}
}
