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
	gatewayClass   = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}
	volume         = schema.GroupKind{Kind: "PersistentVolume"}
	csiDriver      = schema.GroupKind{Group: "storage.k8s.io", Kind: "CSIDriver"}
	attributes     = schema.GroupKind{Group: "storage.k8s.io", Kind: "VolumeAttributesClass"}
	snapshotClass  = schema.GroupKind{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshotClass"}
	resourceClaim  = schema.GroupKind{Group: "resource.k8s.io", Kind: "ResourceClaim"}
	claimTemplate  = schema.GroupKind{Group: "resource.k8s.io", Kind: "ResourceClaimTemplate"}
	deployment     = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	triggerAuth    = schema.GroupKind{Group: "keda.sh", Kind: "TriggerAuthentication"}
	issuer         = schema.GroupKind{Group: "cert-manager.io", Kind: "Issuer"}
	admission      = "admissionregistration.k8s.io"
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
		{path: "volumes[].azureFile.secretName", to: secret},
		{path: "volumes[].cephfs.secretRef.name", to: secret},
		{path: "volumes[].flexVolume.secretRef.name", to: secret},
		{path: "volumes[].iscsi.secretRef.name", to: secret},
		{path: "volumes[].rbd.secretRef.name", to: secret},
		{path: "volumes[].ephemeral.volumeClaimTemplate.spec.storageClassName", to: storageClass, cluster: true, optional: true},
		{path: "resourceClaims[].resourceClaimName", to: resourceClaim, optional: true},
		{path: "resourceClaims[].resourceClaimTemplateName", to: claimTemplate, optional: true},
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
		{path: "spec.volumeAttributesClassName", to: attributes, cluster: true, optional: true},
		{path: "spec.volumeName", to: volume, cluster: true, optional: true},
		{path: "spec.dataSource", to: claim, optional: true},
		{path: "spec.dataSourceRef", to: claim, optional: true},
	},
	volume: {
		{path: "spec.storageClassName", to: storageClass, cluster: true, optional: true},
		{path: "spec.csi.driver", to: csiDriver, cluster: true, optional: true},
		{path: "spec.csi.controllerPublishSecretRef", to: secret, optional: true},
		{path: "spec.csi.controllerExpandSecretRef", to: secret, optional: true},
		{path: "spec.csi.nodeStageSecretRef", to: secret, optional: true},
		{path: "spec.csi.nodePublishSecretRef", to: secret, optional: true},
		{path: "spec.csi.nodeExpandSecretRef", to: secret, optional: true},
	},
	storageClass: {{path: "provisioner", to: csiDriver, cluster: true, optional: true}},
	attributes:   {{path: "driverName", to: csiDriver, cluster: true, optional: true}},
	{Group: "storage.k8s.io", Kind: "CSIStorageCapacity"}: {
		{path: "storageClassName", to: storageClass, cluster: true, optional: true},
	},
	snapshotClass: {{path: "driver", to: csiDriver, cluster: true, optional: true}},
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"}: {
		{path: "spec.volumeSnapshotClassName", to: snapshotClass, cluster: true, optional: true},
		{path: "spec.source.persistentVolumeClaimName", to: claim, optional: true},
	},
	statefulSet: {
		{path: "spec.serviceName", to: service, optional: true},
		{path: "spec.volumeClaimTemplates[].spec.storageClassName", to: storageClass, cluster: true, optional: true},
	},
	roleBinding:    {{path: "roleRef", to: role}},
	clusterBinding: {{path: "roleRef", to: clusterRole}},
	ingress: {
		{path: "spec.defaultBackend.service.name", to: service, optional: true},
		{path: "spec.rules[].http.paths[].backend.service.name", to: service, optional: true},
		{path: "spec.tls[].secretName", to: secret, optional: true},
		{path: "spec.defaultBackend.resource", optional: true},
		{path: "spec.rules[].http.paths[].backend.resource", optional: true},
		{path: "spec.ingressClassName", to: ingressClass, cluster: true, optional: true},
	},
	autoscaler: {
		{path: "spec.scaleTargetRef", optional: true},
	},
	ingressClass: {{path: "spec.parameters", optional: true}},
	gateway: {
		{path: "spec.gatewayClassName", to: gatewayClass, cluster: true, optional: true},
		{path: "spec.listeners[].tls.certificateRefs[]", to: secret, optional: true},
	},
	gatewayClass: {{path: "spec.parametersRef", optional: true}},
	{Group: gateway.Group, Kind: "HTTPRoute"}: routeRules(),
	{Group: gateway.Group, Kind: "GRPCRoute"}: routeRules(),
	{Group: gateway.Group, Kind: "TLSRoute"}:  routeRules(),
	{Group: gateway.Group, Kind: "TCPRoute"}:  routeRules(),
	{Group: gateway.Group, Kind: "UDPRoute"}:  routeRules(),
	{Group: admission, Kind: "ValidatingAdmissionPolicyBinding"}: {
		{path: "spec.policyName", to: schema.GroupKind{Group: admission, Kind: "ValidatingAdmissionPolicy"}, cluster: true},
	},
	{Group: admission, Kind: "MutatingAdmissionPolicyBinding"}: {
		{path: "spec.policyName", to: schema.GroupKind{Group: admission, Kind: "MutatingAdmissionPolicy"}, cluster: true},
	},
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "FlowSchema"}: {
		{path: "spec.priorityLevelConfiguration.name", cluster: true, optional: true,
			to: schema.GroupKind{Group: "flowcontrol.apiserver.k8s.io", Kind: "PriorityLevelConfiguration"}},
	},
	{Group: "autoscaling.k8s.io", Kind: "VerticalPodAutoscaler"}: {{path: "spec.targetRef", optional: true}},
	{Group: "keda.sh", Kind: "ScaledObject"}: {
		{path: "spec.scaleTargetRef", to: deployment, optional: true},
		{path: "spec.triggers[].authenticationRef", to: triggerAuth, optional: true},
	},
	triggerAuth: {{path: "spec.secretTargetRef[].name", to: secret, optional: true}},
	{Group: "cert-manager.io", Kind: "Certificate"}: {{path: "spec.issuerRef", to: issuer, optional: true}},
}

// routeRules are what routes of the Gateway API refer to.
func routeRules() []rule {
	return []rule{
		{path: "spec.rules[].backendRefs[]", to: service, optional: true},
		{path: "spec.rules[].filters[].requestMirror.backendRef", to: service, optional: true},
		{path: "spec.parentRefs[]", to: gateway, optional: true},
	}
}

// clusterKinds are kinds without a namespace that typed references name.
func clusterKinds(gk schema.GroupKind) bool {
	return gk == clusterRole || gk.Kind == "ClusterIssuer"
}

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
