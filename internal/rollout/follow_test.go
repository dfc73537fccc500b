package rollout

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// follower is a tracker on a clock that the test moves, and what it reported.
type follower struct {
	*Tracker
	t       *testing.T
	m       *memory
	reports chan string

	mu  sync.Mutex
	now time.Time
}

func follow(t *testing.T, m *memory) *follower {
	t.Helper()
	f := &follower{t: t, m: m, reports: make(chan string, 1000), now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	f.Tracker = NewTracker(t.Context(), m, Options{
		Selector: "belay.sh/release=shop",
		Report: func(id object.ID, s State) {
			f.reports <- strings.TrimSpace(fmt.Sprintf("%s %s %s %s", id.Name, s.Phase, s.Summary, s.Reason))
		},
		Now: func() time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.now
		},
	})
	// The test ticks.
	f.ticking = true
	t.Cleanup(f.Stop)
	return f
}

func (f *follower) later(d time.Duration) {
	f.mu.Lock()
	f.now = f.now.Add(d)
	f.mu.Unlock()
	f.tick()
}

// wants waits for a report.
func (f *follower) wants(want string) {
	f.t.Helper()
	select {
	case got := <-f.reports:
		if got != want {
			f.t.Fatalf("reported %q, want %q", got, want)
		}
	case <-time.After(5 * time.Second):
		f.t.Fatalf("nothing was reported, want %q", want)
	}
}

func (f *follower) wantsNothing() {
	f.t.Helper()
	select {
	case got := <-f.reports:
		f.t.Fatalf("reported %q, want nothing", got)
	default:
	}
}

// begins follows a Deployment whose write is not observed yet, until it is watched.
func (f *follower) begins(u *unstructured.Unstructured) {
	f.t.Helper()
	f.Add(target(u))
	f.wants(u.GetName() + " progressing not observed yet")
	f.watches("Deployment")
}

// watches waits until there is a watch, the first and only, on each of the kinds.
func (f *follower) watches(kinds ...string) {
	f.t.Helper()
	for _, kind := range kinds {
		eventually(f.t, "the watch of "+kind, func() bool { return f.m.count("watch "+kind) == 1 })
	}
}

// holds asks a question of what the tracker knows while it may change.
func (f *follower) holds(question func() bool) func() bool {
	return func() bool {
		f.Tracker.mu.Lock()
		defer f.Tracker.mu.Unlock()
		return question()
	}
}

// eventually waits until a condition of another goroutine holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not come about", what)
}

func target(u *unstructured.Unstructured) Target {
	gvk := u.GroupVersionKind()
	return Target{
		ID: object.IDOf(u), UID: string(u.GetUID()), Generation: u.GetGeneration(), Live: u,
		Kind: object.Kind{GroupVersionKind: gvk, Resource: strings.ToLower(gvk.Kind) + "s", Namespaced: true},
	}
}

// deploy is a Deployment named a of two replicas in an observed state.
func deploy(t *testing.T, generation, observed, updated, available int) *unstructured.Unstructured {
	return obj(t, fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: shop, uid: d, generation: %d, annotations: {deployment.kubernetes.io/revision: '2'}},
		spec: {replicas: 2, selector: {matchLabels: {app: a}}, template: {spec: {containers: [{name: c, readinessProbe: {}}]}}},
		status: {observedGeneration: %d, replicas: 2, updatedReplicas: %d, readyReplicas: %d, availableReplicas: %d}}`, generation, observed, updated, available, available))
}

// probeless is deploy, observed and updated, with a container that has no probe.
func probeless(t *testing.T, available int) *unstructured.Unstructured {
	u := deploy(t, 2, 2, 2, available)
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "c"}}, "spec", "template", "spec", "containers")
	return u
}
