package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func TestTheTrackerKeepsOfAPodWhatItReads(t *testing.T) {
	pod := obj(t, `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, uid: x, annotations: {a: b}, managedFields: [{manager: kubelet}], ownerReferences: [{controller: true, uid: new}]},
		spec: {nodeName: n, containers: [{name: c, image: i, env: [{name: A}]}], volumes: [{name: v}]},
		status: {phase: Pending, hostIP: 10.0.0.1, containerStatuses: [{name: c, containerID: abc, ready: false, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}}]}}`)
	want := obj(t, `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, uid: x, annotations: {}, ownerReferences: [{controller: true, uid: new}]},
		spec: {containers: [{name: c, image: i}]},
		status: {phase: Pending, containerStatuses: [{name: c, ready: false, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}}]}}`)
	found := problemsOf(pod)
	got := slim(pod)
	if d := cmp.Diff(want.Object, got.Object); d != "" {
		t.Error(d)
	}
	if a, b := found, problemsOf(got); len(a) != 1 || len(b) != 1 || a[0].word() != b[0].word() || a[0].crashes != b[0].crashes {
		t.Errorf("%v is judged as %v", a, b)
	}
}

func TestACacheFindsWhatIsAboutAnObject(t *testing.T) {
	c := newCache(ownerOf)
	part := func(name, owner string) *unstructured.Unstructured {
		return obj(t, fmt.Sprintf("{kind: Pod, metadata: {name: %s, uid: %s, ownerReferences: [{controller: true, uid: %s}]}}", name, name, owner))
	}
	names := func(about string) (all []string) {
		for _, u := range c.appendTo(nil, about) {
			all = append(all, u.GetName())
		}
		return all
	}
	c.put(part("b", "one"))
	c.put(part("a", "one"))
	c.put(part("c", "two"))
	c.put(obj(t, "{kind: Pod, metadata: {name: bare, uid: bare}}"))
	if d := cmp.Diff([]string{"a", "b"}, names("one")); d != "" {
		t.Error(d)
	}
	c.put(part("a", "two")) // taken over
	if about := c.drop(part("c", "two")); about != "two" {
		t.Errorf("it was about %q", about)
	}
	if d := cmp.Diff([][]string{{"b"}, {"a"}}, [][]string{names("one"), names("two")}); d != "" {
		t.Error(d)
	}
	if about := c.drop(part("x", "two")); about != "" || len(c.byUID) != 2 {
		t.Errorf("dropped what is not there: %q, %v", about, c.byUID)
	}
	c.drop(part("b", ""))
	if len(c.of) != 1 {
		t.Errorf("what is about nothing is kept: %v", c.of)
	}
}

func TestOneWatchShowsThePodsOfAllWorkloads(t *testing.T) {
	m := newMemory()
	f := follow(t, m)
	for i := range 20 {
		id := fmt.Sprint(i)
		u := deploy(t, 2, 2, 1, 2)
		u.SetName("d" + id)
		u.SetUID(types.UID("d" + id))
		m.set(u)
		set := strings.NewReplacer("a-new", "a-new"+id, "uid: new", "uid: new"+id, "uid: d}", "uid: d"+id+"}").Replace(aSet)
		pod := strings.NewReplacer("a-x", "a-x"+id, "uid: x", "uid: x"+id, "uid: new", "uid: new"+id).Replace(aPod)
		m.set(obj(t, set))
		m.set(obj(t, pod))
		m.set(obj(t, strings.NewReplacer("a-x", "foreign"+id, "uid: x", "uid: foreign"+id, "uid: new", "uid: elsewhere").Replace(aPod)))
		f.Add(target(u))
		f.wants("d" + id + " progressing 1 of 2 updated")
	}
	f.later(2 * time.Second)
	eventually(t, "a report of each", func() bool { return len(f.reports) == 20 })
	for _, call := range []string{"list Pod", "watch Pod", "list ReplicaSet", "watch ReplicaSet"} {
		eventually(t, call, func() bool { return m.count(call) == 1 })
	}
	f.later(20 * time.Second)
	eventually(t, "the failures", func() bool { return len(f.reports) == 40 })
	if n := m.count("list Pod") + m.count("watch Pod"); n != 2 {
		t.Errorf("pods are read %d times", n)
	}
}

func TestWithoutTheRightToListPodsNobodyWaitsForOldOnes(t *testing.T) {
	u := deploy(t, 2, 2, 2, 2)
	m := newMemory(u)
	m.fail = forbidden("list Pod")
	f := follow(t, m)
	f.o.WaitOldPods = true
	f.Add(target(u))
	f.wants("a progressing 2 of 2, looking for old pods")
	f.wants("a ready 2 of 2, old pods not looked for: no permission to list pods")
}

func TestARefusalIsOverOnceAPodWasMade(t *testing.T) {
	set := obj(t, "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, namespace: shop, uid: s, generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1, replicas: 1}}")
	refused := obj(t, "{kind: Event, metadata: {name: e, namespace: shop}, reason: FailedCreate, message: exceeded quota, lastTimestamp: '2026-11-21T20:00:00Z', involvedObject: {kind: StatefulSet, name: a, uid: s}}")
	pod := func(at string) *unstructured.Unstructured {
		return obj(t, "{kind: Pod, metadata: {name: a-0, namespace: shop, uid: p, creationTimestamp: '"+at+"', ownerReferences: [{controller: true, uid: s}]}, status: {phase: Running}}")
	}
	f := family{root: set, events: []*unstructured.Unstructured{refused}}
	if n := len(eventProblems(f)); n != 1 {
		t.Errorf("%d problems of a refusal", n)
	}
	f.pods = []*unstructured.Unstructured{pod("2026-11-21T19:59:00Z")}
	if n := len(eventProblems(f)); n != 1 {
		t.Errorf("%d problems of a refusal after the first pod", n)
	}
	f.pods = []*unstructured.Unstructured{pod("2026-11-21T20:01:00Z")}
	if n := len(eventProblems(f)); n != 0 {
		t.Errorf("%d problems of a refusal that is over", n)
	}
}
