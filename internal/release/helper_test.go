package release

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/render"
)

// newRun is a process of its own on the cluster.
func newRun(s *secrets, who string) (*Store, *process) {
	p := &process{secrets: s, resume: make(chan struct{})}
	return &Store{Cluster: p, Namespace: "shop", Who: Who{By: who, PID: 1}}, p
}

// wanted makes n ConfigMaps that say text.
func wanted(n int, text string) *render.Wanted {
	w := &render.Wanted{
		Origin: render.Origin{Bundle: "shop", Version: "1.0", Environment: "prod"},
		Values: map[string]any{"text": text, "replicas": int64(3), "ratio": 0.5},
		Rules:  policy.Rules{Timeout: time.Minute},
		Random: map[string]string{"templates/a.yaml:1:2": "s3cret"},
		Notes:  "hello",
	}
	for i := range n {
		w.Objects = append(w.Objects, object.Object{
			Body: &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap",
				"metadata": map[string]any{"name": fmt.Sprintf("cm-%05d", i), "namespace": "shop"},
				"data":     map[string]any{"text": text, "n": int64(i)},
			}},
			Source: object.Source{File: "templates/cm.yaml", Line: i},
		})
	}
	return w
}

func intended(w *render.Wanted) map[object.ID]Owned {
	all := map[object.ID]Owned{}
	for _, o := range w.Objects {
		all[o.ID()] = Owned{}
	}
	return all
}

func uid(n int) types.UID { return types.UID(fmt.Sprintf("7d9c4ab1-0000-4000-8000-%012d", n)) }

// deploy is a whole run: intend, note every object, finish.
func deploy(ctx context.Context, s *Store, w *render.Wanted, r Revision, status Status) (Revision, error) {
	l, err := s.Lock(ctx, "shop", time.Minute, nil)
	if err != nil {
		return Revision{}, err
	}
	if _, err := l.Intend(ctx, Intent{Revision: r, Wanted: w, Inventory: intended(w)}); err != nil {
		_ = l.Release(ctx)
		return Revision{}, err
	}
	for i, o := range w.Objects {
		l.Note(o.ID(), Owned{UID: uid(i), Version: "v1", Manifest: uint64(i), Live: 7, Schema: 1})
	}
	return l.Finish(ctx, status, Result{})
}

func mustDeploy(t *testing.T, s *Store, w *render.Wanted, r Revision, status Status) Revision {
	t.Helper()
	done, err := deploy(t.Context(), s, w, r, status)
	if err != nil {
		t.Fatalf("deploying: %v", err)
	}
	return done
}

func mustLock(t *testing.T, s *Store) *Lock {
	t.Helper()
	l, err := s.Lock(t.Context(), "shop", time.Minute, nil)
	if err != nil {
		t.Fatalf("locking: %v", err)
	}
	return l
}

func mustLoad(t *testing.T, s *Store) *State {
	t.Helper()
	state, err := s.Load(t.Context(), "shop")
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	return state
}

// statuses writes a state's revisions in short: "1 superseded, 2 deployed".
func statuses(s *State) string {
	var all []string
	for _, r := range s.Revisions {
		all = append(all, fmt.Sprintf("%d %s", r.Number, r.Status))
	}
	return strings.Join(all, ", ")
}

// checkSound asserts what must hold whenever and however runs were stopped: all
// that the head names can be read.
func checkSound(t *testing.T, s *secrets) *State {
	t.Helper()
	store, _ := newRun(s, "checker")
	state := mustLoad(t, store)
	for i := range state.Revisions {
		r := &state.Revisions[i]
		if len(r.Content) > 0 {
			if _, err := store.Content(t.Context(), "shop", r); err != nil {
				t.Errorf("reading content: %v", err)
			}
		}
		if _, err := store.Outcome(t.Context(), "shop", r); err != nil {
			t.Errorf("reading outcome: %v", err)
		}
	}
	return state
}

// checkTidy asserts that there is nothing but the head, what it names, and what
// it remembers to have dropped.
func checkTidy(t *testing.T, s *secrets) {
	t.Helper()
	store, _ := newRun(s, "checker")
	r, err := store.read(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	known := r.named()
	for _, digest := range r.Dropped {
		known[digest] = true
	}
	expected := map[string]bool{}
	if r.secret != nil {
		expected[headName("shop")] = true
	}
	for digest := range known {
		expected[chunkName("shop", digest)] = true
	}
	for _, name := range s.names() {
		if !expected[name] {
			t.Errorf("%s is named by nobody (head: %v)", name, slices.Sorted(maps.Keys(expected)))
		}
	}
}
