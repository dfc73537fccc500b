package rollout

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// follower is a tracker on a clock that the test moves, and what it reported.
type follower struct {
	*Tracker
	t       *testing.T
	reports chan string

	mu  sync.Mutex
	now time.Time
}

func follow(t *testing.T, m *memory) *follower {
	t.Helper()
	f := &follower{t: t, reports: make(chan string, 1000), now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
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

func TestWhatHasNoReadinessCostsNoRequest(t *testing.T) {
	m := newMemory()
	f := follow(t, m)
	f.Add(target(obj(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop, uid: x}}")))
	f.wants("a ready")
	f.Add(target(deploy(t, 2, 2, 2, 2)))
	f.wants("a ready 2 of 2")
	f.Stop()
	if len(m.calls) != 0 {
		t.Errorf("calls %v", m.calls)
	}
}

func TestADeploymentIsFollowedToItsEnd(t *testing.T) {
	u := deploy(t, 2, 1, 2, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.set(deploy(t, 2, 2, 1, 2))
	f.wants("a progressing 1 of 2 updated")
	m.set(deploy(t, 2, 2, 1, 1)) // nothing that is told changes
	m.set(deploy(t, 2, 2, 2, 1))
	f.wants("a progressing 1 of 2 available")
	m.set(deploy(t, 2, 2, 2, 2))
	f.wants("a ready 2 of 2")
	m.set(deploy(t, 3, 2, 1, 1)) // somebody else's change
	f.Stop()
	f.wantsNothing()
	if n := m.count("list Pod"); n != 0 {
		t.Errorf("pods were listed %d times", n)
	}
}

func TestOneWatchServesAllOfAKindAndNamespace(t *testing.T) {
	m := newMemory()
	f := follow(t, m)
	for i := range 50 {
		u := deploy(t, 2, 1, 0, 0)
		u.SetName(fmt.Sprint("a", i))
		m.set(u)
		f.Add(target(u))
	}
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	f.Stop()
	if m.count("list Deployment") != 1 || m.count("watch Deployment") != 1 {
		t.Errorf("calls %v", m.calls)
	}
}

func TestObservationsFromBeforeTheWriteDoNotCount(t *testing.T) {
	m := newMemory(deploy(t, 1, 1, 2, 2)) // the server's cache is behind
	f := follow(t, m)
	f.Add(target(deploy(t, 2, 1, 2, 2)))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.set(deploy(t, 1, 1, 2, 2))
	other := deploy(t, 3, 3, 2, 2)
	other.SetUID("other")
	m.set(other)
	m.set(deploy(t, 2, 2, 2, 2))
	f.wants("a ready 2 of 2")
}

func TestAWatchThatExpiredIsListedAgain(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.mu.Lock()
	m.objects[object.IDOf(u)] = deploy(t, 2, 2, 2, 2) // while nobody looks
	m.mu.Unlock()
	m.cut()
	f.wants("a ready 2 of 2")
}

func TestAServerThatIsAwayIsAskedAgain(t *testing.T) {
	u := deploy(t, 2, 1, 1, 2)
	m := newMemory(u)
	away := 3
	m.fail = func(call string) error {
		if call == "list Deployment" && away > 0 {
			away--
			return fmt.Errorf("connection refused")
		}
		return nil
	}
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.set(deploy(t, 2, 2, 2, 2))
	f.wants("a ready 2 of 2")
}

func forbidden(calls ...string) func(string) error {
	return func(call string) error {
		for _, c := range calls {
			if c == call {
				return apierrors.NewForbidden(schema.GroupResource{}, "", nil)
			}
		}
		return nil
	}
}

func TestWhereWatchingIsForbiddenItIsListed(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	m.fail = forbidden("watch Deployment")
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the refusal", func() bool { return m.count("watch Deployment") == 1 })
	m.set(deploy(t, 2, 2, 2, 2))
	f.wants("a ready 2 of 2")
	if m.count("watch Deployment") != 1 {
		t.Error("the watch is tried again")
	}
}

func TestWhereListingIsForbiddenEachIsAsked(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	m.fail = forbidden("watch Deployment", "list Deployment")
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	m.set(deploy(t, 2, 2, 2, 2))
	eventually(t, "a report", func() bool { f.later(time.Second); return len(f.reports) > 0 })
	f.wants("a ready 2 of 2")
}

func TestAnObjectThatLostItsLabelIsAsked(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory()
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.mu.Lock()
	m.objects[object.IDOf(u)] = deploy(t, 2, 2, 2, 1)
	for ch := range m.watches {
		ch <- object.Event{Deleted: true, Object: u} // out of the watch's sight
	}
	m.mu.Unlock()
	f.wants("a progressing 1 of 2 available")
}

func TestAnObjectThatIsDeletedIsMissing(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.remove(u)
	f.wants("a missing gone")
	f.later(tickEvery)
	f.later(pollEvery)
	f.wantsNothing() // not what it was when it was last seen
}

func TestAKindThatIsNotServedYetMakesNothingMissing(t *testing.T) {
	unserved := apierrors.NewGenericServerResponse(404, "GET", schema.GroupResource{Resource: "widgets"}, "", "404 page not found", 0, true)
	absent := apierrors.NewNotFound(schema.GroupResource{Resource: "widgets"}, "w")
	if isGone(unserved) || !isGone(absent) {
		t.Errorf("not served %v, absent %v", isGone(unserved), isGone(absent))
	}
}

func TestAnObjectThatIsReplacedIsMissing(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	other := deploy(t, 1, 1, 2, 2)
	other.SetUID("other")
	m.mu.Lock()
	m.objects[object.IDOf(u)] = other
	for ch := range m.watches {
		ch <- object.Event{Deleted: true, Object: u}
	}
	m.mu.Unlock()
	f.wants("a missing replaced by another object of its name")
}

const (
	aSet = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a-new, namespace: shop, uid: new, annotations: {deployment.kubernetes.io/revision: '2'}, ownerReferences: [{controller: true, uid: d}]}}"
	aPod = "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ErrImagePull, message: not found}}}]}}"
)

func TestAnImageThatCannotBePulledFailsEarly(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, aPod))
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.later(time.Second)
	if n := m.count("list Pod"); n != 0 {
		t.Errorf("the pods of a young rollout were listed")
	}
	f.later(time.Second)
	eventually(t, "the pods' watch", func() bool { return m.count("watch Pod") == 1 && m.count("watch ReplicaSet") == 1 })
	f.later(0) // first seen
	f.wants("a progressing 1 of 2 updated ImagePullBackOff")
	f.later(19 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a failed 1 of 2 updated ImagePullBackOff")
}

func TestAnObjectsOwnBudgetCounts(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, aPod))
	f := follow(t, m)
	x := target(u)
	x.Policy = policy.Policy{FailAfter: 3 * time.Second}
	f.Add(x)
	f.wants("a progressing 1 of 2 updated")
	f.later(2 * time.Second)
	eventually(t, "the pods' watch", func() bool { return m.count("watch Pod") == 1 && m.count("watch ReplicaSet") == 1 })
	f.later(0)
	f.wants("a progressing 1 of 2 updated ImagePullBackOff")
	f.later(3 * time.Second)
	f.wants("a failed 1 of 2 updated ImagePullBackOff")
}

func TestOldPodsThatFailDoNotFailTheRollout(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, strings.ReplaceAll(aPod, "uid: new", "uid: old")),
		obj(t, strings.NewReplacer("a-new", "a-old", "uid: new", "uid: old", "'2'", "'1'").Replace(aSet)))
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.later(2 * time.Second)
	eventually(t, "the pods' watch", func() bool { return m.count("watch Pod") == 1 && m.count("watch ReplicaSet") == 1 })
	f.later(0)
	f.later(time.Hour)
	f.wantsNothing()
}

func TestReadinessWithoutAProbeMustLast(t *testing.T) {
	bare := func(available int) *unstructured.Unstructured {
		u := deploy(t, 2, 2, 2, available)
		unstructured.RemoveNestedField(u.Object, "spec", "template", "spec", "containers")
		_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "c"}}, "spec", "template", "spec", "containers")
		return u
	}
	m := newMemory(bare(0))
	f := follow(t, m)
	f.Add(target(bare(0)))
	f.wants("a progressing 0 of 2 available")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	m.set(bare(2))
	f.wants("a progressing 2 of 2, settling")
	m.set(bare(1))
	f.wants("a progressing 1 of 2 available")
	m.set(bare(2))
	f.wants("a progressing 2 of 2, settling")
	f.later(2 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a ready 2 of 2")
}

func TestEventsTellWhatAPodDoesNot(t *testing.T) {
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: a-x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'True'}]}}"
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, pod), obj(t, about("a-x", "FailedMount", `MountVolume.SetUp failed for volume "cfg" : configmap "a" not found`)))
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.later(2 * time.Second)
	eventually(t, "the pods' watch", func() bool { return m.count("watch Pod") == 1 && m.count("watch ReplicaSet") == 1 })
	f.later(0)
	if m.count("list Event") != 0 {
		t.Error("the events of a young pod were listed")
	}
	f.later(mountAfter)
	eventually(t, "the events", func() bool {
		f.Tracker.mu.Lock()
		defer f.Tracker.mu.Unlock()
		return len(f.partsOf("shop").events.of) == 1
	})
	f.wants("a progressing 1 of 2 updated FailedMount")
	f.later(59 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a failed 1 of 2 updated FailedMount")
}

func TestNoReportAfterStop(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	f.Stop()
	f.Add(target(deploy(t, 2, 2, 2, 2)))
	f.observe(deploy(t, 2, 2, 2, 2))
	f.wantsNothing()
	if len(m.watches) != 0 {
		t.Error("a watch goes on")
	}
}

func TestWhatAWatchShowsBeforeTheAnswerToAWriteCounts(t *testing.T) {
	first := deploy(t, 2, 1, 0, 2)
	first.SetName("first")
	m := newMemory(first)
	f := follow(t, m)
	f.Add(target(first)) // opens the watch
	f.wants("first progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	ready, written := deploy(t, 2, 2, 2, 2), deploy(t, 2, 1, 0, 2)
	ready.SetResourceVersion("12")
	written.SetResourceVersion("11")
	m.set(ready)
	eventually(t, "the event", func() bool {
		f.Tracker.mu.Lock()
		defer f.Tracker.mu.Unlock()
		return len(f.early) == 1
	})
	f.Add(target(written)) // whose answer was slow
	f.wants("a progressing not observed yet")
	f.wants("a ready 2 of 2")
	if len(f.early) != 0 {
		t.Error("it is kept")
	}
}

func TestWhatCarriesNoLabelIsAskedFor(t *testing.T) {
	first, second := deploy(t, 2, 1, 0, 2), deploy(t, 2, 1, 0, 2)
	first.SetName("first")
	m := newMemory(first)
	f := follow(t, m)
	f.Add(target(first))
	f.wants("first progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
	f.Add(target(second)) // after the LIST, which it would not be in either
	f.wants("a progressing not observed yet")
	m.mu.Lock()
	m.objects[object.IDOf(second)] = deploy(t, 2, 2, 2, 2)
	m.mu.Unlock()
	eventually(t, "a report", func() bool { f.later(time.Second); return len(f.reports) > 0 })
	f.wants("a ready 2 of 2")
}

func TestReadinessMustOutlastTheCrashBefore(t *testing.T) {
	crashed := "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Running, containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {}}, lastState: {terminated: {exitCode: 1, startedAt: '2026-11-21T20:00:00Z', finishedAt: '2026-11-21T20:00:20Z'}}}]}}"
	bare := func(available int) *unstructured.Unstructured {
		u := deploy(t, 2, 2, 2, available)
		_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "c"}}, "spec", "template", "spec", "containers")
		return u
	}
	m := newMemory(bare(1), obj(t, aSet), obj(t, crashed))
	f := follow(t, m)
	f.Add(target(bare(1)))
	f.wants("a progressing 1 of 2 available")
	f.later(2 * time.Second)
	eventually(t, "the pod", func() bool {
		f.Tracker.mu.Lock()
		defer f.Tracker.mu.Unlock()
		return len(f.partsOf("shop").pods.of) == 1 && len(f.partsOf("shop").sets.of) == 1
	})
	f.observe(bare(2))
	f.wants("a progressing 2 of 2, settling")
	f.later(22 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a ready 2 of 2")
}
