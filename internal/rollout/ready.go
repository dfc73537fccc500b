package rollout

import (
	"fmt"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Of tells the readiness of an object from itself alone. It is pure.
//
// What an object is observed to be counts only once its controller has seen its
// latest generation. Conventions (observedGeneration, Reconciling, Stalled,
// Ready) are kstatus's; the kinds below follow what deployers need on top.
func Of(u *unstructured.Unstructured) State {
	gk := u.GroupVersionKind().GroupKind()
	if deleting(u) || gk.Group == "" && gk.Kind == "Namespace" && text(at(u, "status", "phase")) == "Terminating" {
		return State{Phase: Deleting, Summary: "being deleted"}
	}
	judge := kindRule(gk)
	if judge == nil {
		return byConvention(u)
	}
	if !observed(u) {
		return State{Phase: Progressing, Summary: "not observed yet"}
	}
	return judge(u)
}

// kindRule returns how a kind is judged; nil is by convention.
func kindRule(gk schema.GroupKind) func(*unstructured.Unstructured) State {
	switch gk {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}:
		return deployment
	case schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		return statefulSet
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		return daemonSet
	case schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}, schema.GroupKind{Kind: "ReplicationController"}:
		return replicaSet
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return job
	case schema.GroupKind{Kind: "Pod"}:
		return pod
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return claim
	case schema.GroupKind{Kind: "PersistentVolume"}:
		return volume
	case schema.GroupKind{Kind: "Service"}:
		return service
	case schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}:
		return ingress
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return definition
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return apiService
	case schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"},
		schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		return always // its status says how it works, not whether it is there
	}
	return nil
}

func always(*unstructured.Unstructured) State { return State{Phase: Ready} }

// observed says whether the controller has seen the latest generation, where it
// tells at all.
func observed(u *unstructured.Unstructured) bool {
	seen, ok := at(u, "status", "observedGeneration").(int64)
	return !ok || seen >= generationOf(u)
}

// byConvention judges kinds that have no rule of their own. One without status
// is ready when it is there.
func byConvention(u *unstructured.Unstructured) State {
	if at(u, "status") == nil {
		return State{Phase: Ready}
	}
	for _, c := range conditions(u) {
		if c.Type == "Ready" && c.Generation != 0 && c.Generation < generationOf(u) {
			return State{Phase: Progressing, Summary: "not observed yet"}
		}
	}
	res, err := kstatus.Compute(u)
	if err != nil {
		// Its status has a shape of its own: there is nothing to judge by.
		return State{Phase: Ready}
	}
	reason := ""
	if len(res.Conditions) > 0 {
		reason = res.Conditions[0].Reason
	}
	switch res.Status {
	case kstatus.CurrentStatus:
		return State{Phase: Ready}
	case kstatus.FailedStatus:
		return State{Phase: Failed, Summary: shorten(res.Message), Reason: reason}
	case kstatus.TerminatingStatus:
		return State{Phase: Deleting, Summary: "being deleted"}
	}
	if reason == "LatestGenerationNotObserved" {
		return State{Phase: Progressing, Summary: "not observed yet"}
	}
	return State{Phase: Progressing, Summary: shorten(res.Message), Reason: reason}
}

func claim(u *unstructured.Unstructured) State {
	switch text(at(u, "status", "phase")) {
	case "Bound":
		return State{Phase: Ready, Summary: "bound"}
	case "Lost":
		return State{Phase: Failed, Summary: "its volume is lost", Reason: "Lost"}
	}
	// A class that waits for the first consumer leaves the claim pending until a
	// pod uses it, which in turn may wait for what else is in the release. The pod
	// tells when the claim does not bind.
	return State{Phase: Ready, Summary: "not bound yet"}
}

func volume(u *unstructured.Unstructured) State {
	if text(at(u, "status", "phase")) == "Failed" {
		return State{Phase: Failed, Summary: shorten(text(at(u, "status", "message"))), Reason: text(at(u, "status", "reason"))}
	}
	return State{Phase: Ready}
}

func service(u *unstructured.Unstructured) State {
	if text(at(u, "spec", "type")) == "LoadBalancer" && !hasAddress(u) {
		return State{Phase: Ready, Summary: "no address yet"}
	}
	return State{Phase: Ready}
}

func ingress(u *unstructured.Unstructured) State {
	if !hasAddress(u) {
		return State{Phase: Ready, Summary: "no address yet"}
	}
	return State{Phase: Ready}
}

func hasAddress(u *unstructured.Unstructured) bool {
	return len(items(at(u, "status", "loadBalancer", "ingress"))) > 0
}

func definition(u *unstructured.Unstructured) State {
	names, established := conditionOf(u, "NamesAccepted"), conditionOf(u, "Established")
	switch {
	case names.Status == "False":
		return State{Phase: Failed, Summary: shorten(names.Message), Reason: names.Reason}
	case established.Status == "True":
		return State{Phase: Ready, Summary: "established"}
	case established.Status == "False" && established.Reason != "Installing":
		return State{Phase: Failed, Summary: shorten(established.Message), Reason: established.Reason}
	}
	return State{Phase: Progressing, Summary: "not established yet"}
}

func apiService(u *unstructured.Unstructured) State {
	available := conditionOf(u, "Available")
	if available.Status == "True" {
		return State{Phase: Ready, Summary: "available"}
	}
	return State{Phase: Progressing, Summary: "not available yet", Reason: available.Reason}
}

func counted(p Phase, done, wanted int64, what string) State {
	summary := fmt.Sprintf("%d of %d", done, wanted)
	if what != "" {
		summary += " " + what
	}
	return State{Phase: p, Summary: summary, Done: done, Wanted: wanted}
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
