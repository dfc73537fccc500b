package rollout

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// versionOf gives a Deployment a resourceVersion.
func versionOf(u *unstructured.Unstructured, version string) *unstructured.Unstructured {
	u.SetResourceVersion(version)
	return u
}

func TestWhatIsReadyNoLongerIsWaitedForAgain(t *testing.T) {
	m := newMemory(versionOf(deploy(t, 2, 2, 2, 0), "10"))
	f := follow(t, m)
	f.Add(target(versionOf(deploy(t, 2, 2, 2, 0), "10")))
	f.wants("a progressing 0 of 2 available")
	f.watches("Deployment")
	m.set(versionOf(deploy(t, 2, 2, 2, 2), "11"))
	f.wants("a ready 2 of 2")
	m.set(versionOf(deploy(t, 2, 2, 2, 1), "10")) // from before it was ready
	m.set(versionOf(deploy(t, 2, 2, 2, 1), "12"))
	f.wants("a progressing 1 of 2 available")
	m.set(versionOf(deploy(t, 2, 2, 2, 2), "13"))
	f.wants("a progressing 2 of 2, settling") // it has proved that a probe says little
	f.later(3 * time.Second)
	f.wants("a ready 2 of 2")

	// What somebody else asked for since is not this run's.
	m.set(versionOf(deploy(t, 3, 3, 2, 1), "14"))
	other := versionOf(deploy(t, 2, 2, 2, 1), "15")
	other.SetUID("another")
	m.set(other)
	m.set(versionOf(deploy(t, 2, 2, 2, 0), "16")) // the last: the ones before have been seen
	f.wants("a progressing 0 of 2 available")
}

func TestOnlyWhatRunsCanRelapse(t *testing.T) {
	const (
		job  = "{apiVersion: batch/v1, kind: Job, metadata: {name: a, uid: x}}"
		pod  = "{apiVersion: v1, kind: Pod, metadata: {name: a, uid: x}, status: {phase: Running}}"
		base = "{apiVersion: example.com/v1, kind: Database, metadata: {name: a, uid: x}, status: {phase: Pending}}"
	)
	f := follow(t, newMemory())
	for _, test := range []struct {
		name, object string
		toEnd        bool
		before       Phase
		want         bool
	}{
		{"a pod", pod, false, Ready, true},
		{"a pod that runs to its end", pod, true, Ready, false},
		{"a pod that failed", pod, false, Failed, false},
		{"a job", job, false, Ready, false},
		{"a custom resource", base, false, Ready, false},
	} {
		u := obj(t, test.object)
		x := &tracked{Target: target(u), last: u, state: State{Phase: test.before}}
		x.ToEnd = test.toEnd
		if got := f.hasRelapsed(x, u); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
