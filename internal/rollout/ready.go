package rollout

import (
	"fmt"
	"strings"

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
		return going(u)
	}
	judge := kindRule(gk)
	if judge == nil {
		return byConvention(u)
	}
	if !observed(u) {
		return notObserved
	}
	return judge(u)
}

// going is the state of what is being deleted.
func going(u *unstructured.Unstructured) State {
	summary := "being deleted"
	if f := u.GetFinalizers(); len(f) > 0 {
		summary += ", waits for " + strings.Join(f, ", ")
	}
	return State{Phase: Deleting, Summary: summary}
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
	case schema.GroupKind{Kind: "ResourceQuota"}:
		return resourceQuota
	case schema.GroupKind{Kind: "Service"}:
		return service
	case schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}:
		return ingress
	case schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}:
		return disruptionBudget
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return definition
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return apiService
	case schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"},
		schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		return always // its status says how it works, not whether it is there
	case schema.GroupKind{Group: "argoproj.io", Kind: "Rollout"}:
		return argoRollout
	case schema.GroupKind{Group: gatewayGroup, Kind: "Gateway"}:
		return gateway
	}
	if gk.Group == gatewayGroup && strings.HasSuffix(gk.Kind, "Route") {
		return route
	}
	return nil
}

func always(*unstructured.Unstructured) State { return State{Phase: Ready} }

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

// resourceQuota judges a quota: as long as nothing has been counted by it, the
// server refuses what it is about.
func resourceQuota(u *unstructured.Unstructured) State {
	if at(u, "status", "hard") == nil {
		return State{Phase: Progressing, Summary: "not counted yet"}
	}
	return State{Phase: Ready}
}

func service(u *unstructured.Unstructured) State {
	if text(at(u, "spec", "type")) == "LoadBalancer" && !hasAddress(u) {
		return State{Phase: Ready, Summary: noAddress}
	}
	return State{Phase: Ready}
}

func ingress(u *unstructured.Unstructured) State {
	if !hasAddress(u) {
		return State{Phase: Ready, Summary: noAddress}
	}
	return State{Phase: Ready}
}

// disruptionBudget judges a budget. One that never lets a pod be evicted holds up
// no rollout, but whoever drains a node next: it is said now.
func disruptionBudget(u *unstructured.Unstructured) State {
	status := at(u, "status")
	if status != nil && in(status, "observedGeneration") == nil {
		return State{Phase: Ready, Summary: noController}
	}
	expected, healthy := number(in(status, "expectedPods"), 0), number(in(status, "desiredHealthy"), 0)
	c := conditionOf(u, "DisruptionAllowed")
	switch {
	case c.Status == "False" && c.Reason == "SyncFailed":
		return State{Phase: Ready, Summary: "allows no eviction: " + shorten(c.Message)}
	case expected > 0 && healthy >= expected:
		return State{Phase: Ready, Summary: fmt.Sprintf("allows no eviction: %d of %s must be healthy", healthy, plural(expected, "pod", "pods"))}
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
