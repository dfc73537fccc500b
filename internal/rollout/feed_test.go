package rollout

import (
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

func TestOneWatchServesAllOfAKindAndNamespace(t *testing.T) {
	m := newMemory()
	f := follow(t, m)
	for i := range 50 {
		u := deploy(t, 2, 1, 0, 0)
		u.SetName(fmt.Sprint("a", i))
		m.set(u)
		f.Add(target(u))
	}
	f.watches("Deployment")
	f.Stop()
	if m.count("list Deployment") != 1 || m.count("watch Deployment") != 1 {
		t.Errorf("calls %v", m.calls)
	}
}

func TestAWatchThatExpiredIsListedAgain(t *testing.T) {
	u := deploy(t, 2, 2, 1, 2)
	m := newMemory(u)
	f := follow(t, m)
	f.Add(target(u))
	f.wants("a progressing 1 of 2 updated")
	f.watches("Deployment")
	m.put(deploy(t, 2, 2, 2, 2)) // while nobody looks
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
	f.begins(u)
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
	f.begins(u) // the watch is refused
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
	f.begins(u)
	m.put(deploy(t, 2, 2, 2, 1))
	m.lose(u)
	f.wants("a progressing 1 of 2 available")
}

func TestWhatCarriesNoLabelIsAskedFor(t *testing.T) {
	first, second := deploy(t, 2, 1, 0, 2), deploy(t, 2, 1, 0, 2)
	first.SetName("first")
	m := newMemory(first)
	f := follow(t, m)
	f.begins(first)
	f.Add(target(second)) // after the LIST, which it would not be in either
	f.wants("a progressing not observed yet")
	m.put(deploy(t, 2, 2, 2, 2))
	eventually(t, "a report", func() bool { f.later(time.Second); return len(f.reports) > 0 })
	f.wants("a ready 2 of 2")
}

func TestWhatAWatchShowsBeforeTheAnswerToAWriteCounts(t *testing.T) {
	first := deploy(t, 2, 1, 0, 2)
	first.SetName("first")
	m := newMemory(first)
	f := follow(t, m)
	f.begins(first)
	ready, written := deploy(t, 2, 2, 2, 2), deploy(t, 2, 1, 0, 2)
	ready.SetResourceVersion("12")
	written.SetResourceVersion("11")
	m.set(ready)
	eventually(t, "the event", f.holds(func() bool { return len(f.early) == 1 }))
	f.Add(target(written)) // whose answer was slow
	f.wants("a progressing not observed yet")
	f.wants("a ready 2 of 2")
	if len(f.early) != 0 {
		t.Error("it is kept")
	}
}

// followListed is a follower of what was listed before.
func followListed(t *testing.T, m *memory) *follower {
	f := follow(t, m)
	f.o.Listed = func(k object.Kind, namespace string) string {
		if k.Kind == "Deployment" && namespace == "shop" {
			return "7"
		}
		return ""
	}
	return f
}

// labelled makes an object one that the watches show.
func labelled(u *unstructured.Unstructured) *unstructured.Unstructured {
	u.SetLabels(map[string]string{object.ReleaseLabel: "shop"})
	return u
}

func TestWhatWasListedIsWatchedFromThere(t *testing.T) {
	u := labelled(deploy(t, 2, 1, 2, 2))
	m := newMemory(u)
	f := followListed(t, m)
	f.begins(u)
	m.set(labelled(deploy(t, 2, 2, 2, 2)))
	f.wants("a ready 2 of 2")
	if n := m.count("list Deployment"); n != 0 {
		t.Errorf("it was listed %d times", n)
	}
}

func TestWhatWasListedTooLongAgoIsListedAgain(t *testing.T) {
	u := labelled(deploy(t, 2, 1, 2, 2))
	m := newMemory(labelled(deploy(t, 2, 2, 2, 2)))
	m.fail = func(call string) error {
		if call == "watch Deployment" && len(m.calls) == 1 {
			return apierrors.NewResourceExpired("too old resource version")
		}
		return nil
	}
	f := followListed(t, m)
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	f.wants("a ready 2 of 2")
	f.Stop()
	if n := m.count("list Deployment"); n != 1 {
		t.Errorf("it was listed %d times", n)
	}
}
