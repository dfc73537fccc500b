package refs

import "k8s.io/apimachinery/pkg/runtime/schema"

// rule says that the value at a path names an object of a kind. A value that is
// a map names its kind itself; to is then what it is when it does not.
type rule struct {
	path     string
	to       schema.GroupKind
	cluster  bool // the object has no namespace
	optional bool
}

var (
	configMap      = schema.GroupKind{Kind: "ConfigMap"}
	secret         = schema.GroupKind{Kind: "Secret"}
	service        = schema.GroupKind{Kind: "Service"}
	serviceAccount = schema.GroupKind{Kind: "ServiceAccount"}
	claim          = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	priorityClass  = schema.GroupKind{Group: "scheduling.k8s.io", Kind: "PriorityClass"}
	runtimeClass   = schema.GroupKind{Group: "node.k8s.io", Kind: "RuntimeClass"}
	storageClass   = schema.GroupKind{Group: "storage.k8s.io", Kind: "StorageClass"}
	ingressClass   = schema.GroupKind{Group: "networking.k8s.io", Kind: "IngressClass"}
	ingress        = schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	statefulSet    = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	autoscaler     = schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}
	budget         = schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}
	role           = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "Role"}
	clusterRole    = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}
	roleBinding    = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}
	clusterBinding = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}
	gateway        = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "Gateway"}
	httpRoute      = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}
)

// podTable is what a pod's spec refers to. A ConfigMap or Secret that a pod
// calls optional is optional here too.
var podTable = podRules()

func podRules() []rule {
	rules := []rule{
		{path: "serviceAccountName", to: serviceAccount},
		{path: "imagePullSecrets[].name", to: secret},
		{path: "priorityClassName", to: priorityClass, cluster: true},
		{path: "runtimeClassName", to: runtimeClass, cluster: true},
		{path: "volumes[].configMap.name", to: configMap},
		{path: "volumes[].secret.secretName", to: secret},
		{path: "volumes[].persistentVolumeClaim.claimName", to: claim},
		{path: "volumes[].projected.sources[].configMap.name", to: configMap},
		{path: "volumes[].projected.sources[].secret.name", to: secret},
		{path: "volumes[].csi.nodePublishSecretRef.name", to: secret},
	}
	for _, containers := range []string{"initContainers[]", "containers[]"} {
		rules = append(rules,
			rule{path: containers + ".env[].valueFrom.configMapKeyRef.name", to: configMap},
			rule{path: containers + ".env[].valueFrom.secretKeyRef.name", to: secret},
			rule{path: containers + ".envFrom[].configMapRef.name", to: configMap},
			rule{path: containers + ".envFrom[].secretRef.name", to: secret},
		)
	}
	return rules
}

// table is what other objects refer to, by their kind.
var table = map[schema.GroupKind][]rule{
	serviceAccount: {
		{path: "imagePullSecrets[].name", to: secret, optional: true},
	},
	claim: {
		{path: "spec.storageClassName", to: storageClass, cluster: true, optional: true},
	},
	statefulSet: {
		{path: "spec.serviceName", to: service, optional: true},
	},
	roleBinding:    {{path: "roleRef", to: role}},
	clusterBinding: {{path: "roleRef", to: clusterRole}},
	ingress: {
		{path: "spec.defaultBackend.service.name", to: service, optional: true},
		{path: "spec.rules[].http.paths[].backend.service.name", to: service, optional: true},
		{path: "spec.tls[].secretName", to: secret, optional: true},
		{path: "spec.ingressClassName", to: ingressClass, cluster: true, optional: true},
	},
	autoscaler: {
		{path: "spec.scaleTargetRef", optional: true},
	},
	httpRoute: {
		{path: "spec.rules[].backendRefs[]", to: service, optional: true},
		{path: "spec.parentRefs[]", to: gateway, optional: true},
	},
}

// clusterKinds are kinds without a namespace that typed references name.
func clusterKinds(gk schema.GroupKind) bool { return gk == clusterRole }

// podSpec says where a kind keeps the spec of its pods.
func podSpec(gk schema.GroupKind) (path string, ok bool) {
	switch gk {
	case schema.GroupKind{Kind: "Pod"}:
		return "spec", true
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, statefulSet,
		schema.GroupKind{Group: "apps", Kind: "DaemonSet"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
		schema.GroupKind{Group: "batch", Kind: "Job"}, schema.GroupKind{Kind: "ReplicationController"}:
		return "spec.template.spec", true
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		return "spec.jobTemplate.spec.template.spec", true
	}
	return "", false
}
