package rollout

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

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
	f.Add(target(u))
	f.wants("a progressing not observed yet")
	eventually(t, "the watch", func() bool { return m.count("watch Deployment") == 1 })
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
