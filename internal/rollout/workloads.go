package rollout

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	deadlineExceeded = "ProgressDeadlineExceeded"
	onDelete         = "OnDelete"
)

func deployment(u *unstructured.Unstructured) State {
	wanted := number(at(u, "spec", "replicas"), 1)
	status := at(u, "status")
	total, updated := number(in(status, "replicas"), 0), number(in(status, "updatedReplicas"), 0)
	available := min(number(in(status, "availableReplicas"), 0), number(in(status, "readyReplicas"), 0))
	if yes(at(u, "spec", "paused")) {
		s := counted(Ready, updated, wanted, "updated")
		s.Summary = "paused: " + s.Summary
		return s
	}
	if in(status, "observedGeneration") == nil {
		return State{Phase: Progressing, Summary: "not observed yet", Wanted: wanted}
	}
	s := counted(Ready, wanted, wanted, "")
	switch {
	case updated < wanted:
		s = counted(Progressing, updated, wanted, "updated")
	case total > updated:
		s = counted(Progressing, updated, wanted, "updated, "+plural(total-updated, "old pod left", "old pods left"))
	case total > wanted:
		s = counted(Progressing, wanted, wanted, "updated, "+plural(total-wanted, "pod ending", "pods ending"))
	case available < wanted:
		s = counted(Progressing, available, wanted, "available")
	case !progressed(u) || wanted > 0 && conditionOf(u, "Available").Status == "False":
		s = counted(Progressing, wanted, wanted, "available, not settled yet")
	}
	if c := conditionOf(u, "Progressing"); s.Phase != Ready && c.Reason == deadlineExceeded {
		s.Phase, s.Reason = Failed, deadlineExceeded
	}
	return s
}

// progressed says whether the controller calls a rollout complete. Without a
// deadline it says nothing, and the numbers must do.
func progressed(u *unstructured.Unstructured) bool {
	const forever = 1<<31 - 1
	if number(at(u, "spec", "progressDeadlineSeconds"), forever) == forever {
		return true
	}
	c := conditionOf(u, "Progressing")
	return c.Status == "" || c.Reason == "NewReplicaSetAvailable"
}

func statefulSet(u *unstructured.Unstructured) State {
	wanted := number(at(u, "spec", "replicas"), 1)
	status := at(u, "status")
	if in(status, "observedGeneration") == nil {
		return State{Phase: Progressing, Summary: "not observed yet", Wanted: wanted}
	}
	total, updated := number(in(status, "replicas"), 0), number(in(status, "updatedReplicas"), 0)
	ready := number(in(status, "readyReplicas"), 0)
	available := min(ready, number(in(status, "availableReplicas"), ready))
	strategy := at(u, "spec", "updateStrategy")
	if text(in(strategy, "type")) == onDelete && updated < total {
		// The pods wait for somebody to delete them: nobody can be waited for.
		return counted(Ready, updated, wanted, "updated, the others when they are deleted")
	}
	partition := min(max(number(in(strategy, "rollingUpdate", "partition"), 0), 0), wanted)
	switch {
	case updated < wanted-partition && total >= wanted:
		return counted(Progressing, updated, wanted-partition, "updated")
	case total < wanted:
		return counted(Progressing, available, wanted, "available")
	case total > wanted:
		return counted(Progressing, wanted, wanted, "updated, "+plural(total-wanted, "pod ending", "pods ending"))
	case available < wanted:
		return counted(Progressing, available, wanted, "available")
	case partition > 0 && text(in(status, "currentRevision")) != text(in(status, "updateRevision")):
		s := counted(Ready, wanted, wanted, "")
		s.Summary += fmt.Sprintf(", %d below the partition not updated", partition)
		return s
	}
	return counted(Ready, wanted, wanted, "")
}

func daemonSet(u *unstructured.Unstructured) State {
	status := at(u, "status")
	if in(status, "observedGeneration") == nil || in(status, "desiredNumberScheduled") == nil {
		return State{Phase: Progressing, Summary: "not observed yet"}
	}
	wanted := number(in(status, "desiredNumberScheduled"), 0)
	current, updated := number(in(status, "currentNumberScheduled"), 0), number(in(status, "updatedNumberScheduled"), 0)
	available := min(number(in(status, "numberAvailable"), 0), number(in(status, "numberReady"), 0))
	if text(at(u, "spec", "updateStrategy", "type")) == onDelete && updated < current {
		return counted(Ready, updated, wanted, "updated, the others when they are deleted")
	}
	switch {
	case updated < wanted:
		return counted(Progressing, updated, wanted, "updated")
	case available < wanted:
		return counted(Progressing, available, wanted, "available")
	}
	return counted(Ready, wanted, wanted, "")
}

func replicaSet(u *unstructured.Unstructured) State {
	wanted := number(at(u, "spec", "replicas"), 1)
	status := at(u, "status")
	if in(status, "observedGeneration") == nil {
		return State{Phase: Progressing, Summary: "not observed yet", Wanted: wanted}
	}
	total := number(in(status, "replicas"), 0)
	available := min(number(in(status, "availableReplicas"), 0), number(in(status, "readyReplicas"), 0))
	switch {
	case available < wanted:
		return counted(Progressing, available, wanted, "available")
	case total > wanted:
		return counted(Progressing, wanted, wanted, "available, "+plural(total-wanted, "pod ending", "pods ending"))
	}
	if c := conditionOf(u, "ReplicaFailure"); c.Status == "True" {
		s := counted(Progressing, wanted, wanted, "available, not settled yet")
		s.Reason = c.Reason
		return s
	}
	return counted(Ready, wanted, wanted, "")
}

func job(u *unstructured.Unstructured) State {
	status := at(u, "status")
	wanted := number(at(u, "spec", "completions"), 1)
	succeeded, failed := number(in(status, "succeeded"), 0), number(in(status, "failed"), 0)
	s := State{Phase: Progressing, Summary: "not started yet", Done: succeeded, Wanted: wanted}
	for _, c := range conditions(u) {
		if c.Status != "True" {
			continue
		}
		switch c.Type {
		case "Complete":
			s.Phase, s.Summary = Ready, "complete"
			if took := moment(in(status, "completionTime")).Sub(moment(in(status, "startTime"))); took > 0 {
				s.Summary = "complete in " + duration(took)
			}
			return s
		case "Failed", "FailureTarget":
			s.Phase, s.Reason, s.Summary = Failed, c.Reason, "failed"
			if c.Type == "Failed" && failed > 0 { // before that they are still counted
				s.Summary = "failed after " + plural(failed, "try", "tries")
			}
			return s
		}
	}
	switch {
	case yes(at(u, "spec", "suspend")):
		return State{Phase: Ready, Summary: "suspended"}
	case in(status, "startTime") == nil:
		return s
	case wanted > 1:
		s.Summary = fmt.Sprintf("%d of %d complete", succeeded, wanted)
	default:
		s.Summary = "running"
	}
	s.Since = moment(in(status, "startTime"))
	if failed > 0 {
		s.Summary += ", " + plural(failed, "try failed", "tries failed")
	}
	return s
}

func pod(u *unstructured.Unstructured) State {
	status := at(u, "status")
	all := int64(len(items(at(u, "spec", "containers"))))
	var ready int64
	for _, c := range items(in(status, "containerStatuses")) {
		if yes(in(c, "ready")) {
			ready++
		}
	}
	switch text(in(status, "phase")) {
	case "Succeeded":
		return State{Phase: Ready, Summary: "complete"}
	case "Failed":
		return State{Phase: Failed, Summary: "failed", Reason: podReason(u)}
	case "Running":
		if conditionOf(u, "Ready").Status == "True" {
			return State{Phase: Ready, Summary: "running"}
		}
		s := counted(Progressing, ready, all, "containers ready")
		s.Reason = podReason(u)
		return s
	}
	return State{Phase: Progressing, Summary: "pending", Reason: podReason(u)}
}

// podReason is the word for what holds a pod up, or ended it.
func podReason(u *unstructured.Unstructured) string {
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range items(at(u, "status", list)) {
			waiting := text(in(c, "state", "waiting", "reason"))
			if waiting != "" && waiting != "ContainerCreating" && waiting != "PodInitializing" {
				return waiting
			}
		}
	}
	if reason := text(at(u, "status", "reason")); reason != "" {
		return reason
	}
	for _, c := range items(at(u, "status", "containerStatuses")) {
		if reason := text(in(c, "state", "terminated", "reason")); reason != "" && reason != "Completed" {
			return reason
		}
	}
	if c := conditionOf(u, "PodScheduled"); c.Status == "False" {
		return c.Reason
	}
	return ""
}

// duration writes a time as people say it: 8s, 80s, 12m, 3h.
func duration(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
}
