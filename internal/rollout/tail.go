package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// Tail says how the logs of new pods are followed while their workload is
// waited for: one pod of each, all its containers.
type Tail struct {
	// Follow calls line for each line that a container prints, until it ends or
	// ctx does.
	Follow func(ctx context.Context, namespace, pod, container string, line func(string)) error
	// Line is called for every line, from any goroutine.
	Line func(LogLine)
}

// LogLine is what a container of a new pod printed.
type LogLine struct {
	// Owner is the workload that is waited for.
	Owner          object.ID
	Pod, Container string
	Text           string
}

// tailed is the pod of a target that is followed.
type tailed struct {
	uid    string
	runs   map[string]bool // containers and how often they were started
	ctx    context.Context
	cancel context.CancelFunc
}

// tail follows the logs of a target's new pod, as its containers start. The
// caller holds mu.
func (t *Tracker) tail(x *tracked) {
	if t.o.Tail == nil || x.last == nil {
		return
	}
	t.openPods(x)
	pod := t.tailPod(x)
	if pod == nil {
		return
	}
	if x.tailed == nil || x.tailed.uid != uidOf(pod) {
		x.untail()
		ctx, cancel := context.WithCancel(t.ctx)
		x.tailed = &tailed{uid: uidOf(pod), runs: map[string]bool{}, ctx: ctx, cancel: cancel}
	}
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range items(at(pod, "status", list)) {
			if in(c, "state", "running") == nil && in(c, "state", "terminated") == nil {
				continue
			}
			name := text(in(c, "name"))
			run := fmt.Sprint(name, " ", number(in(c, "restartCount"), 0))
			if !x.tailed.runs[run] {
				x.tailed.runs[run] = true
				t.followLog(x.tailed.ctx, x.ID, pod.GetName(), name)
			}
		}
	}
}

// tailPod chooses the pod: the one that is followed while it is there, else the
// first by name.
func (t *Tracker) tailPod(x *tracked) *unstructured.Unstructured {
	pods, _ := t.familyOf(x).split()
	if len(pods) == 0 {
		return nil
	}
	slices.SortFunc(pods, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, p := range pods {
		if x.tailed != nil && x.tailed.uid == uidOf(p) {
			return p
		}
	}
	return pods[0]
}

func (t *Tracker) followLog(ctx context.Context, owner object.ID, pod, container string) {
	follow, line := t.o.Tail.Follow, t.o.Tail.Line
	t.goes(func() {
		// A log that cannot be read says nothing about the rollout.
		_ = follow(ctx, owner.Namespace, pod, container, func(text string) {
			line(LogLine{Owner: owner, Pod: pod, Container: container, Text: Printable(text)})
		})
	})
}

// untail ends the following of a target's pod.
func (x *tracked) untail() {
	if x.tailed != nil {
		x.tailed.cancel()
	}
}
