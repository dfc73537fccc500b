package chart

import (
	"slices"
	"strings"
)

// installOrder is the order in which Helm lists manifests, by kind. Kinds that are
// not in it come last, by name.
var installOrder = places(
	"PriorityClass", "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy",
	"PodDisruptionBudget", "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass",
	"PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole", "ClusterRoleList",
	"ClusterRoleBinding", "ClusterRoleBindingList", "Role", "RoleList", "RoleBinding", "RoleBindingList",
	"Service", "DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment",
	"HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService",
	"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
)

func places(kinds ...string) map[string]int {
	out := make(map[string]int, len(kinds))
	for i, kind := range kinds {
		out[kind] = i
	}
	return out
}

func inOrder(documents []document) {
	slices.SortStableFunc(documents, func(a, b document) int {
		placeA, knownA := installOrder[a.kind]
		placeB, knownB := installOrder[b.kind]
		switch {
		case knownA && knownB:
			return placeA - placeB
		case knownA:
			return -1
		case knownB:
			return 1
		}
		return strings.Compare(a.kind, b.kind)
	})
}
