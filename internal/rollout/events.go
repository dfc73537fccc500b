package rollout

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// failedCreate is the word of a controller that may not make pods.
const failedCreate = "FailedCreate"

// setupFailures are the words for what keeps a pod's containers from being
// made. The pod itself does not say so anywhere.
var setupFailures = map[string]bool{
	"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true, "FailedCreatePodSandBox": true,
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

// eventProblems finds what only events tell: pods whose volumes or network
// cannot be set up, and pods that a controller may not make.
func eventProblems(f family) []problem {
	var all []problem
	if isShort(f.root) {
		for _, e := range eventsOf(f.root, f.events) {
			if text(at(e, "reason")) == failedCreate && !f.madePodsSince(e) {
				all = []problem{{class: quota, reason: failedCreate, message: text(at(e, "message"))}}
			}
		}
	}
	current, _ := f.split()
	for _, pod := range current {
		if !isPreparing(pod) {
			continue
		}
		if p, ok := setupProblem(pod, f.events); ok {
			all = append(all, p)
		}
	}
	return all
}

// madePodsSince says whether a refusal is over: its controller has made a pod
// later. Events are kept for an hour.
func (f family) madePodsSince(refusal *unstructured.Unstructured) bool {
	_, _, last := occurred(refusal)
	return slices.ContainsFunc(f.pods, func(p *unstructured.Unstructured) bool {
		return owned(p, uidOf(f.root)) && moment(at(p, "metadata", "creationTimestamp")).After(last)
	})
}

// setupProblem reads why a pod's containers are not made.
func setupProblem(pod *unstructured.Unstructured, events []*unstructured.Unstructured) (problem, bool) {
	var found problem
	for _, e := range eventsOf(pod, events) {
		reason := text(at(e, "reason"))
		if !setupFailures[reason] {
			continue
		}
		message := text(at(e, "message"))
		// The kubelet's summary of a time-out tells less than the cause before it.
		if found.class == none || !strings.HasPrefix(message, "Unable to attach or mount volumes") {
			found = problem{class: config, pod: pod, reason: reason, message: message}
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
