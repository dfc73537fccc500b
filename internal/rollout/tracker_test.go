package rollout

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

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
	f.begins(u)
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

func TestObservationsFromBeforeTheWriteDoNotCount(t *testing.T) {
	m := newMemory(deploy(t, 1, 1, 2, 2)) // the server's cache is behind
	f := follow(t, m)
	f.begins(deploy(t, 2, 1, 2, 2))
	m.set(deploy(t, 1, 1, 2, 2))
	other := deploy(t, 3, 3, 2, 2)
	other.SetUID("other")
	m.set(other)
	m.set(deploy(t, 2, 2, 2, 2))
	f.wants("a ready 2 of 2")
}

func TestAnObjectThatIsDeletedIsMissing(t *testing.T) {
	u := deploy(t, 2, 1, 0, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.begins(u)
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
	f.begins(u)
	other := deploy(t, 1, 1, 2, 2)
	other.SetUID("other")
	m.put(other)
	m.lose(u)
	f.wants("a missing replaced by another object of its name")
}

func TestReadinessWithoutAProbeMustLast(t *testing.T) {
	m := newMemory(probeless(t, 0))
	f := follow(t, m)
	f.Add(target(probeless(t, 0)))
	f.wants("a progressing 0 of 2 available")
	f.watches("Deployment")
	m.set(probeless(t, 2))
	f.wants("a progressing 2 of 2, settling")
	m.set(probeless(t, 1))
	f.wants("a progressing 1 of 2 available")
	m.set(probeless(t, 2))
	f.wants("a progressing 2 of 2, settling")
	f.later(2 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a ready 2 of 2")
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
