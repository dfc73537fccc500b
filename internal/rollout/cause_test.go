package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// The parts of a Deployment in the middle of an update.
const (
	frontDep = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: front, namespace: shop, uid: d, generation: 2, annotations: {deployment.kubernetes.io/revision: '2'}},
  spec: {replicas: 3, selector: {matchLabels: {app: front}}}, status: {observedGeneration: 2, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3}}`
	newSet = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: front-new, namespace: shop, uid: new, annotations: {deployment.kubernetes.io/revision: '2'}, ownerReferences: [{controller: true, uid: d}]}}"
	oldSet = "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: front-old, namespace: shop, uid: old, annotations: {deployment.kubernetes.io/revision: '1'}, ownerReferences: [{controller: true, uid: d}]}}"
)

func frontPod(name, set, rest string) string {
	return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: shop, uid: " + name + ", ownerReferences: [{controller: true, uid: " + set + "}]}, spec: {containers: [{name: nginx, image: 'registry.example/front:1.5', resources: {limits: {memory: 64Mi}}}]}, status: {" + rest + "}}"
}

const (
	servesWell = "phase: Running, conditions: [{type: Ready, status: 'True'}]"
	cannotPull = "phase: Pending, containerStatuses: [{name: nginx, state: {waiting: {reason: ImagePullBackOff, message: Back-off}}}]"
	crashes    = "phase: Running, containerStatuses: [{name: nginx, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: '2026-11-21T20:00:57Z'}}}]"
	runsAgain  = "phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: nginx, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: '%s'}}}]"
	oom        = "phase: Running, containerStatuses: [{name: nginx, restartCount: 1, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]"
	unreadyPod = "phase: Running, containerStatuses: [{name: nginx, state: {running: {}}}]"
	noNode     = "phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes'}]"
)

func about(pod, reason, message string) string {
	return "{apiVersion: v1, kind: Event, metadata: {name: " + pod + "-" + strings.ToLower(reason) + ", namespace: shop}, type: Warning, reason: " + reason + ", message: '" + message +
		"', count: 3, firstTimestamp: '2026-11-21T20:00:00Z', lastTimestamp: '2026-11-21T20:00:31Z', involvedObject: {kind: Pod, name: " + pod + ", uid: " + pod + "}}"
}

// cluster is a Watcher that answers from lists.
type fakeCluster struct {
	objects []*unstructured.Unstructured
	log     string
	denied  string // a kind that cannot be listed
}

func TestDiagnosis(t *testing.T) {
	for _, test := range []struct {
		name    string
		objects []string
		log     string
		want    []Cause
	}{{
		name: "an image that cannot be pulled, while old pods serve",
		objects: []string{
			frontDep, newSet, oldSet, frontPod("front-a", "old", servesWell), frontPod("front-b", "old", servesWell),
			frontPod("front-x", "new", cannotPull), frontPod("front-y", "new", cannotPull), frontPod("front-z", "new", cannotPull),
			about("front-x", "Failed", `Failed to pull image "registry.example/front:1.5": manifest unknown`),
			about("front-y", "Failed", `Failed to pull image "registry.example/front:1.5": manifest unknown`),
		},
		want: []Cause{{
			Headline: "1 of 3 updated, 2 old pods still serve",
			Because:  "Pod/front-x cannot pull registry.example/front:1.5",
			Detail:   []string{`"manifest unknown" (3 tries in 31s; 2 more pods likewise)`},
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name:    "a crash, with the end of its log",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", crashes)},
		log:     "connecting to postgres:5432\nfatal: password authentication failed\n",
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "container nginx of Pod/front-x exited 1 four times, last 3s ago; its last lines:",
			Detail:   []string{"connecting to postgres:5432", "fatal: password authentication failed"},
			See:      []string{"logs", "front-x", "-c", "nginx", "--previous"},
		}},
	}, {
		name:    "a container that was killed and runs again at this moment",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", fmt.Sprintf(runsAgain, "2026-11-21T20:00:57Z"))},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "container nginx of Pod/front-x was killed twice for using more than its memory limit of 64Mi, last 3s ago",
			See:      []string{"logs", "front-x", "-c", "nginx", "--previous"},
		}},
	}, {
		name:    "a container that was killed long ago is no cause",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", fmt.Sprintf(runsAgain, "2026-11-21T19:00:57Z"))},
		want:    []Cause{{Headline: "1 of 3 updated", See: []string{"describe", "deployment", "front"}}},
	}, {
		name:    "a crash that logged nothing",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", crashes), frontPod("front-y", "new", crashes)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "container nginx of Pod/front-x exited 1 four times, last 3s ago (1 more pod likewise)",
			See:      []string{"logs", "front-x", "-c", "nginx", "--previous"},
		}},
	}, {
		name:    "too little memory",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", oom)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "container nginx of Pod/front-x was killed twice for using more than its memory limit of 64Mi",
			See:      []string{"logs", "front-x", "-c", "nginx", "--previous"},
		}},
	}, {
		name:    "a probe that says no",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", unreadyPod), about("front-x", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "Pod/front-x runs, but is not ready: readiness probe: HTTP 503",
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name:    "no node",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", noNode), frontPod("front-y", "new", noNode)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "Pod/front-x cannot be scheduled (1 more pod likewise)",
			Detail:   []string{"0/3 nodes are available: 3 Insufficient cpu"},
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name:    "old pods that fail are not the cause",
		objects: []string{frontDep, newSet, oldSet, frontPod("front-a", "old", crashes), frontPod("front-x", "new", cannotPull)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "Pod/front-x cannot pull registry.example/front:1.5",
			Detail:   []string{`"Back-off"`},
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name: "a quota",
		objects: []string{
			strings.Replace(frontDep, "availableReplicas: 3", `availableReplicas: 3, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'pods "front-x" is forbidden: exceeded quota: q, requested: pods=1'}]`, 1),
			newSet,
		},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "ReplicaSet/front-new may not create pods",
			Detail:   []string{"exceeded quota: q, requested: pods=1"},
			See:      []string{"describe", "replicaset", "front-new"},
		}},
	}, {
		name: "a policy of images",
		objects: []string{frontDep, strings.TrimSuffix(newSet, "}") + `, status: {conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate,
			message: 'pods "front-x" is forbidden: image policy webhook backend denied one or more images: registry.example/front:1.5 is not signed'}]}}`},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "ReplicaSet/front-new may not create pods",
			Detail:   []string{"image policy webhook backend denied one or more images: registry.example/front:1.5 is not signed"},
			See:      []string{"describe", "replicaset", "front-new"},
		}},
	}, {
		name:    "a volume that is not there",
		objects: []string{frontDep, newSet, frontPod("front-x", "new", "phase: Pending, conditions: [{type: PodScheduled, status: 'True'}]"), about("front-x", "FailedMount", `MountVolume.SetUp failed for volume "cfg" : configmap "front" not found`)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  `Pod/front-x cannot start: volume cfg: configmap "front" not found`,
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name:    "a webhook that refuses pods is named",
		objects: []string{frontDep, strings.TrimSuffix(newSet, "}") + `, status: {conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'admission webhook "images.guard.example.com" denied the request: front:1.5 is not signed'}]}}`},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "ReplicaSet/front-new may not create pods",
			Detail:   []string{`admission webhook "images.guard.example.com" denied the request: front:1.5 is not signed`},
			See:      []string{"describe", "replicaset", "front-new"},
		}},
	}, {
		name: "a pod that should be evicted and may not",
		objects: []string{
			frontDep, newSet, frontPod("front-x", "new", "phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 'no nodes'}]"),
			about("front-x", "FailedEviction", "Cannot evict pod as it would violate the pod disruption budget."),
		},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "Pod/front-x cannot be scheduled",
			Detail:   []string{"no nodes", "FailedEviction: Cannot evict pod as it would violate the pod disruption budget."},
			See:      []string{"describe", "pod", "front-x"},
		}},
	}, {
		name:    "a deadline without a cause",
		objects: []string{strings.Replace(frontDep, "availableReplicas: 3", "availableReplicas: 3, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: timed out}]", 1)},
		want: []Cause{{
			Headline: "1 of 3 updated",
			Because:  "it made no progress for 600s (spec.progressDeadlineSeconds)",
			Detail:   []string{"Progressing is False, ProgressDeadlineExceeded: timed out"},
			See:      []string{"describe", "deployment", "front"},
		}},
	}, {
		name:    "a custom resource says why itself",
		objects: []string{"{apiVersion: db.example.com/v1, kind: Database, metadata: {name: front, namespace: shop}, status: {conditions: [{type: Ready, status: 'False', reason: NoDisk, message: there is no disk}]}}"},
		want: []Cause{{
			Headline: "there is no disk",
			Detail:   []string{"Ready is False, NoDisk: there is no disk"},
			See:      []string{"describe", "database.db.example.com", "front"},
		}},
	}, {
		name:    "what is ready by now has no cause",
		objects: []string{"{apiVersion: v1, kind: ConfigMap, metadata: {name: front, namespace: shop}}"},
	}} {
		t.Run(test.name, func(t *testing.T) {
			c := fakeCluster{log: test.log}
			for _, source := range test.objects {
				c.objects = append(c.objects, obj(t, source))
			}
			root := c.objects[0]
			col := collected{id: object.IDOf(root), state: Of(root), family: family{root: root}}
			if col.state.Phase == Ready {
				if len(test.want) != 0 {
					t.Fatal("it is ready")
				}
				return
			}
			e := newExplainer(c.watcher(), nil, nil)
			e.collect(t.Context(), &col)
			var got []Cause
			for _, f := range col.causes(time.Date(2026, 11, 21, 20, 1, 0, 0, time.UTC)) {
				e.addLog(t.Context(), "shop", &f)
				got = append(got, Cause{Headline: f.Headline, Because: f.Because, Detail: f.Detail, See: f.See})
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	c := fakeCluster{denied: "Pod", objects: []*unstructured.Unstructured{obj(t, frontDep)}}
	d := Explain(t.Context(), c.watcher(), nil, []Target{{ID: object.IDOf(c.objects[0])}})
	if diff := cmp.Diff([]string{"pods of namespace shop cannot be read: no permission"}, d.Notes); diff != "" {
		t.Error(diff)
	}
	if len(d.Causes) != 1 || d.Causes[0].Headline != "1 of 3 updated" {
		t.Errorf("%+v", d.Causes)
	}
}

func TestWhatCrashesAgainAndAgainIsExplainedWhileItLooksWell(t *testing.T) {
	now := time.Now().UTC().Format(time.RFC3339)
	pod := obj(t, frontPod("front-x", "nobody", fmt.Sprintf(runsAgain, now)))
	c := fakeCluster{objects: []*unstructured.Unstructured{pod}}
	target := Target{ID: object.IDOf(pod), Live: pod}
	if d := Explain(t.Context(), c.watcher(), nil, []Target{target}); len(d.Causes) != 0 {
		t.Errorf("nobody found that it failed: %+v", d.Causes)
	}
	target.Found = State{Phase: Failed, Summary: "not ready", Reason: "CrashLoopBackOff"}
	d := Explain(t.Context(), c.watcher(), nil, []Target{target})
	if len(d.Causes) != 1 || d.Causes[0].State != target.Found || !strings.Contains(d.Causes[0].Because, "was killed twice") {
		t.Errorf("%+v", d.Causes)
	}
}

func TestWhatIsGoneIsSaid(t *testing.T) {
	c := fakeCluster{}
	d := Explain(t.Context(), c.watcher(), nil, []Target{{ID: object.ID{Kind: "Pod", Namespace: "shop", Name: "x"}}})
	if len(d.Causes) != 1 || d.Causes[0].State.Phase != Missing {
		t.Errorf("%+v", d)
	}
}

func TestWhatWasReplacedIsSaid(t *testing.T) {
	c := fakeCluster{objects: []*unstructured.Unstructured{obj(t, frontDep)}}
	d := Explain(t.Context(), c.watcher(), nil, []Target{{ID: object.IDOf(c.objects[0]), UID: "before"}})
	if len(d.Causes) != 1 || d.Causes[0].State != replaced {
		t.Errorf("%+v", d)
	}
}

func TestExplainEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	c := fakeCluster{objects: []*unstructured.Unstructured{obj(t, frontDep)}}
	if d := Explain(ctx, c.watcher(), nil, []Target{{ID: object.IDOf(c.objects[0]), Live: c.objects[0]}}); len(d.Causes) != 1 {
		t.Errorf("what is known already is not told: %+v", d)
	}
}
