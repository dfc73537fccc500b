package rollout

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// eventFeed is what the events of a namespace said when they were last asked.
// A pod whose volumes cannot be mounted says so nowhere else.
type eventFeed struct {
	list   []*unstructured.Unstructured
	asked  time.Time
	asking bool
}

// preparing says whether pods of a workload have been without containers for so
// long that the events may tell why.
func preparing(f family, lasted time.Duration) bool {
	if lasted < mountAfter {
		return false
	}
	if isShort(f.root) {
		return true
	}
	current, _ := f.split()
	return slices.ContainsFunc(current, isPreparing)
}

// isShort says whether a controller that has no condition for it has made fewer
// pods than it should.
func isShort(root *unstructured.Unstructured) bool {
	status := at(root, "status")
	switch root.GetKind() {
	case "StatefulSet":
		return number(in(status, "replicas"), 0) < number(at(root, "spec", "replicas"), 1)
	case "DaemonSet":
		return number(in(status, "currentNumberScheduled"), 0) < number(in(status, "desiredNumberScheduled"), 0)
	case "Job":
		return number(in(status, "active"), 0)+number(in(status, "succeeded"), 0)+number(in(status, "failed"), 0) == 0
	}
	return false
}

func isPreparing(pod *unstructured.Unstructured) bool {
	if text(at(pod, "status", "phase")) != "Pending" || conditionOf(pod, "PodScheduled").Status != "True" {
		return false
	}
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range items(at(pod, "status", list)) {
			reason := text(in(c, "state", "waiting", "reason"))
			if reason != "ContainerCreating" && reason != "PodInitializing" {
				return false
			}
		}
	}
	return true
}

// askEvents reads the events of a namespace, now and then. The caller holds mu.
func (t *Tracker) askEvents(namespace string) {
	f := t.events[namespace]
	if f == nil {
		f = &eventFeed{}
		t.events[namespace] = f
	}
	if f.asking || t.o.Now().Sub(f.asked) < eventsEvery {
		return
	}
	f.asking, f.asked = true, t.o.Now()
	t.goes(func() {
		list, err := t.w.List(t.ctx, eventKind, namespace, "")
		t.mu.Lock()
		defer t.mu.Unlock()
		f.asking = false
		if err == nil { // without the right to read events the timeout decides
			f.list = pointers(list)
		}
	})
}

func pointers(list *unstructured.UnstructuredList) []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		all[i] = &list.Items[i]
	}
	return all
}

// eventProblems finds what only events tell: pods whose volumes or network
// cannot be set up, and pods that a controller may not make.
func eventProblems(f family, events []*unstructured.Unstructured) []problem {
	var all []problem
	if isShort(f.root) {
		for _, e := range eventsOf(f.root, events) {
			if text(at(e, "reason")) == "FailedCreate" {
				all = []problem{{class: quota, reason: "FailedCreate", message: text(at(e, "message"))}}
			}
		}
	}
	current, _ := f.split()
	for _, pod := range current {
		if !isPreparing(pod) {
			continue
		}
		if p, ok := setupProblem(pod, events); ok {
			all = append(all, p)
		}
	}
	return all
}

// setupProblem reads why a pod's containers are not made.
func setupProblem(pod *unstructured.Unstructured, events []*unstructured.Unstructured) (problem, bool) {
	var found problem
	for _, e := range eventsOf(pod, events) {
		reason := text(at(e, "reason"))
		switch reason {
		case "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox":
			message := text(at(e, "message"))
			// The kubelet's summary of a time-out tells less than the cause before it.
			if found.class == none || !strings.HasPrefix(message, "Unable to attach or mount volumes") {
				found = problem{class: config, pod: pod, reason: reason, message: message}
			}
		}
	}
	return found, found.class != none
}

// eventsOf picks the events about an object.
func eventsOf(u *unstructured.Unstructured, events []*unstructured.Unstructured) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, e := range events {
		about := at(e, "involvedObject")
		if uid := text(in(about, "uid")); uid != "" && uid != uidOf(u) {
			continue
		}
		if text(in(about, "name")) == u.GetName() && text(in(about, "kind")) == u.GetKind() {
			all = append(all, e)
		}
	}
	return all
}

// failAsID names an object in the sentences of a diagnosis: Pod/front-x.
func failAsID(u *unstructured.Unstructured) string {
	id := object.IDOf(u)
	return id.Kind + "/" + id.Name
}
