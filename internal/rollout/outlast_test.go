package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/belay-sh/belay/internal/policy"
)

func TestWhatHasNoStatusMayGetOneAtFirst(t *testing.T) {
	m := newMemory()
	f := follow(t, m)
	quiet := obj(t, "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: shop, uid: x}}")
	m.set(quiet)
	f.Add(target(quiet))
	f.wants("a progressing no status yet")
	f.later(2 * time.Second)
	f.wantsNothing()
	f.later(time.Second)
	f.wants("a ready exists, without a status")
}

func TestWhatGetsAStatusIsJudgedByIt(t *testing.T) {
	quiet := obj(t, "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: shop, uid: x}}")
	m := newMemory(quiet)
	f := follow(t, m)
	f.Add(target(quiet))
	f.wants("a progressing no status yet")
	f.watches("Database")
	m.set(obj(t, "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: shop, uid: x}, status: {conditions: [{type: Ready, status: 'False', message: soon}]}}"))
	f.wants("a progressing soon")
	f.later(time.Minute)
	f.wantsNothing()
}

func TestWhatDidNotChangeHasSaidWhatItHasToSay(t *testing.T) {
	f := follow(t, newMemory())
	x := target(obj(t, "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: shop, uid: x}}"))
	x.Unchanged = true
	f.Add(x)
	f.wants("a ready exists, without a status")
}

func TestTheTrackerAsksTheBundlesRules(t *testing.T) {
	u := obj(t, "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, namespace: shop, uid: x}, status: {phase: Error}}")
	f := follow(t, newMemory(u))
	f.o.Judge = NewJudge([]policy.ReadyRule{{Group: "example.com", Kind: "Database", Failed: "self.status.phase == 'Error'"}})
	f.Add(target(u))
	f.wants("a failed failed, for self.status.phase == 'Error' FailedByRule")
}

func TestOldPodsAreWaitedForWhereThatIsAskedFor(t *testing.T) {
	newPod := strings.ReplaceAll(aPod, "phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ErrImagePull, message: not found}}}]", "phase: Running")
	oldPod := strings.NewReplacer("a-x", "a-y", "uid: x", "uid: y, deletionTimestamp: '2026-11-21T20:00:00Z'", "uid: new", "uid: old").Replace(newPod)
	u := deploy(t, 2, 2, 2, 2)
	m := newMemory(u, obj(t, aSet), obj(t, newPod), obj(t, oldPod),
		setBefore(t))
	f := follow(t, m)
	f.o.WaitOldPods = true
	f.Add(target(u))
	f.wants("a progressing 2 of 2, looking for old pods")
	f.wants("a progressing 2 of 2, 1 old pod ending")
	f.watches("Pod")
	m.remove(obj(t, oldPod))
	f.wants("a ready 2 of 2")
}
