package rollout

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/policy"
)

const (
	aSet = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a-new, namespace: shop, uid: new, annotations: {deployment.kubernetes.io/revision: '2'}, ownerReferences: [{controller: true, uid: d}]}}"
	aPod = "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ErrImagePull, message: not found}}}]}}"
)

// setBefore is aSet of the revision before.
func setBefore(t *testing.T) *unstructured.Unstructured {
	return obj(t, strings.NewReplacer("a-new", "a-old", "uid: new", "uid: old", "'2'", "'1'").Replace(aSet))
}

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
	f.watches("Pod", "ReplicaSet")
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
	f.watches("Pod", "ReplicaSet")
	f.later(0)
	f.wants("a progressing 1 of 2 updated ImagePullBackOff")
	f.later(3 * time.Second)
	f.wants("a failed 1 of 2 updated ImagePullBackOff")
}

func TestOldPodsThatFailDoNotFailTheRollout(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, strings.ReplaceAll(aPod, "uid: new", "uid: old")),
		setBefore(t))
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.later(2 * time.Second)
	f.watches("Pod", "ReplicaSet")
	f.later(0)
	f.later(time.Hour)
	f.wantsNothing()
}

func TestEventsTellWhatAPodDoesNot(t *testing.T) {
	pod := "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: a-x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'True'}]}}"
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u, obj(t, aSet), obj(t, pod), obj(t, about("a-x", "FailedMount", `MountVolume.SetUp failed for volume "cfg" : configmap "a" not found`)))
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.later(2 * time.Second)
	f.watches("Pod", "ReplicaSet")
	f.later(0)
	if m.count("list Event") != 0 {
		t.Error("the events of a young pod were listed")
	}
	f.later(mountAfter)
	eventually(t, "the events", f.holds(func() bool { return len(f.partsOf("shop").events.of) == 1 }))
	f.wants("a progressing 1 of 2 updated FailedMount")
	f.later(59 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a failed 1 of 2 updated FailedMount")
}

func TestReadinessMustOutlastTheCrashBefore(t *testing.T) {
	crashed := "{apiVersion: v1, kind: Pod, metadata: {name: a-x, namespace: shop, uid: x, ownerReferences: [{controller: true, uid: new}]}, status: {phase: Running, containerStatuses: [{name: c, ready: true, restartCount: 1, state: {running: {}}, lastState: {terminated: {exitCode: 1, startedAt: '2026-11-21T20:00:00Z', finishedAt: '2026-11-21T20:00:20Z'}}}]}}"
	m := newMemory(probeless(t, 1), obj(t, aSet), obj(t, crashed))
	f := follow(t, m)
	f.Add(target(probeless(t, 1)))
	f.wants("a progressing 1 of 2 available")
	f.later(2 * time.Second)
	eventually(t, "the pod", f.holds(func() bool { return len(f.partsOf("shop").pods.of) == 1 && len(f.partsOf("shop").sets.of) == 1 }))
	f.observe(probeless(t, 2))
	f.wants("a progressing 2 of 2, settling")
	f.later(22 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a ready 2 of 2")
}
