package overlay

import (
	"cmp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/resid"
)

// The kinds that kustomize puts first and last, unless it is told otherwise.
var (
	firstKinds = []string{
		"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
		"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange",
		"PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
	}
	lastKinds = []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
)

// orderKey is what kustomize orders objects by: the rank of the kind, then the
// group, version and kind, then the rest of the identity.
type orderKey struct {
	rank          int
	kind, id      string
	coreNamespace bool
	isNamespace   bool
}

func newOrderKey(id resid.ResId, ranks map[string]int) orderKey {
	return orderKey{
		rank: ranks[id.Kind],
		kind: strings.Join([]string{or(id.Group, "~G"), or(id.Version, "~V"), or(id.Kind, "~K")}, "_"),
		id:   strings.Join([]string{id.Gvk.String(), or(id.Namespace, "~X"), or(id.Name, "~N")}, "|"),

		isNamespace: id.Kind == "Namespace", coreNamespace: id.Kind == "Namespace" && id.Group == "",
	}
}

func or(text, empty string) string {
	if text == "" {
		return empty
	}
	return text
}

func (k orderKey) compare(other orderKey) int {
	if k.rank != other.rank {
		return cmp.Compare(k.rank, other.rank)
	}
	if k.kind == other.kind {
		return strings.Compare(k.id, other.id)
	}
	if k.isNamespace && other.isNamespace && (k.coreNamespace || other.coreNamespace) {
		return strings.Compare(other.kind, k.kind) // the core's Namespace before those of other groups
	}
	return strings.Compare(k.kind, other.kind)
}
