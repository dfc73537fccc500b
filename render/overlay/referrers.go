package overlay

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// referred says where objects name others of a kind: kustomize follows these when
// names change. The tests hold it against kustomize's own table.
type referred struct {
	target resid.Gvk
	by     types.FsSlice
}

// pods are the paths to the specs of pods, by the kinds that have them.
var pods = []struct{ path, kinds string }{
	{"spec", "Pod"},
	{"template/spec", "PodTemplate"},
	{"spec/template/spec", "Deployment ReplicaSet DaemonSet StatefulSet Job ReplicationController"},
	{"spec/jobTemplate/spec/template/spec", "CronJob"},
}

// byPods are the fields of pods that name something, save in the kinds that
// kustomize leaves out.
func byPods(version string, leftOut []string, fields ...string) types.FsSlice {
	var all types.FsSlice
	for _, p := range pods {
		for kind := range strings.FieldsSeq(p.kinds) {
			if slices.Contains(leftOut, kind) {
				continue
			}
			for _, field := range fields {
				s := types.FieldSpec{Gvk: resid.Gvk{Kind: kind}, Path: p.path + "/" + field}
				if kind == "Pod" {
					s.Version = version
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// byKeys are the fields of pods that take variables or files from a kind.
func byKeys(kind string, more ...string) types.FsSlice {
	return byPods("v1", []string{"ReplicationController"}, append([]string{
		"containers/env/valueFrom/" + kind + "KeyRef/name", "initContainers/env/valueFrom/" + kind + "KeyRef/name",
		"containers/envFrom/" + kind + "Ref/name", "initContainers/envFrom/" + kind + "Ref/name",
		"volumes/projected/sources/" + kind + "/name",
	}, more...)...)
}

// newReferred lists what names what, in kustomize's order.
func newReferred() []referred {
	const rbac, admission = "rbac.authorization.k8s.io/", "admissionregistration.k8s.io/"
	scaled := spec("spec/scaleTargetRef/name", false, "HorizontalPodAutoscaler")
	roles := spec("rules/resourceNames", false, "Role", "ClusterRole")
	noSpecs := []string{"PodTemplate", "ReplicaSet"}
	knative := spec("spec/template/spec/containers/env/valueFrom/secretKeyRef/name", false, "serving.knative.dev/Service")
	knative[0].Version = "v1"
	all := []referred{
		{resid.Gvk{Kind: "Deployment"}, scaled},
		{resid.Gvk{Kind: "ReplicationController"}, scaled},
		{resid.Gvk{Kind: "ReplicaSet"}, scaled},
		{resid.Gvk{Kind: "StatefulSet"}, scaled},
		{resid.Gvk{Version: "v1", Kind: "ConfigMap"}, slices.Concat(byKeys("configMap", "volumes/configMap/name"), roles,
			spec("spec/configSource/configMap", false, "Node"),
			spec(`metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap`, false, "Ingress"))},
		{resid.Gvk{Version: "v1", Kind: "Secret"}, slices.Concat(byKeys("secret", "volumes/secret/secretName", "imagePullSecrets/name"), roles, knative,
			spec("spec/tls/secretName", false, "Ingress"),
			spec(`metadata/annotations/ingress.kubernetes.io\/auth-secret`, false, "Ingress"),
			spec(`metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret`, false, "Ingress"),
			spec(`metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret`, false, "Ingress"),
			spec("imagePullSecrets/name", false, "ServiceAccount"),
			spec("parameters/secretName", false, "StorageClass"), spec("parameters/adminSecretName", false, "StorageClass"),
			spec("parameters/userSecretName", false, "StorageClass"), spec("parameters/secretRef", false, "StorageClass"),
			spec("spec/azureFile/secretName", false, "PersistentVolume"))},
		{resid.Gvk{Version: "v1", Kind: "Service"}, slices.Concat(
			spec("spec/serviceName", false, "apps/StatefulSet"),
			spec("spec/rules/http/paths/backend/serviceName", false, "Ingress"), spec("spec/backend/serviceName", false, "Ingress"),
			spec("spec/rules/http/paths/backend/service/name", false, "Ingress"), spec("spec/defaultBackend/service/name", false, "Ingress"),
			spec("spec/service/name", false, "apiregistration.k8s.io/APIService"),
			spec("webhooks/clientConfig/service", false, admission+"ValidatingWebhookConfiguration", admission+"MutatingWebhookConfiguration"))},
		{resid.Gvk{Group: "rbac.authorization.k8s.io", Kind: "Role"}, spec("roleRef/name", false, rbac+"RoleBinding")},
		{resid.Gvk{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, spec("roleRef/name", false, rbac+"RoleBinding", rbac+"ClusterRoleBinding")},
		{resid.Gvk{Version: "v1", Kind: "ServiceAccount"}, slices.Concat(
			spec("subjects", false, rbac+"RoleBinding", rbac+"ClusterRoleBinding"), byPods("", noSpecs, "serviceAccountName"))},
		{resid.Gvk{Version: "v1", Kind: "PersistentVolumeClaim"}, byPods("", noSpecs, "volumes/persistentVolumeClaim/claimName")},
		{resid.Gvk{Version: "v1", Kind: "PersistentVolume"}, slices.Concat(
			spec("spec/volumeName", false, "PersistentVolumeClaim"), spec("rules/resourceNames", false, "ClusterRole"))},
		{resid.Gvk{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}, slices.Concat(
			spec("spec/storageClassName", false, "PersistentVolume", "PersistentVolumeClaim"),
			spec("spec/volumeClaimTemplates/spec/storageClassName", false, "StatefulSet"))},
		{resid.Gvk{Group: "scheduling.k8s.io", Version: "v1", Kind: "PriorityClass"}, byPods("", noSpecs, "priorityClassName")},
		// Sic: no object is of that group, so kustomize follows no name of a class.
		{resid.Gvk{Group: "networking.k8s.io/v1", Version: "v1", Kind: "IngressClass"}, spec("spec/ingressClassName", false, "Ingress")},
		{resid.Gvk{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}, spec("spec/policyName", false, admission+"ValidatingAdmissionPolicyBinding")},
	}
	slices.SortStableFunc(all, func(a, b referred) int {
		switch {
		case a.target.IsLessThan(b.target):
			return -1
		case b.target.IsLessThan(a.target):
			return 1
		}
		return 0
	})
	return all
}

// movers keeps the fields that name an object's namespace beside its name: these
// follow it even where no name changes.
func movers(all []referred) []referred {
	var some []referred
	for _, r := range all {
		r.by = slices.DeleteFunc(slices.Clone(r.by), func(s types.FieldSpec) bool {
			return s.Path != "subjects" && s.Path != "webhooks/clientConfig/service"
		})
		if len(r.by) > 0 {
			some = append(some, r)
		}
	}
	return some
}

// selectorSpecs are the labels that select pods, besides those of the objects and
// what they are templates of.
func selectorSpecs() types.FsSlice {
	all := slices.Concat(
		spec("spec/selector", true, "Service", "ReplicationController"),
		spec("spec/selector/matchLabels", true, "Deployment", "ReplicaSet", "DaemonSet", "apps/StatefulSet"),
		spec("spec/selector/matchLabels", false, "batch/Job", "policy/PodDisruptionBudget"),
		spec("spec/jobTemplate/spec/selector/matchLabels", false, "batch/CronJob"),
	)
	for _, path := range []string{"spec/podSelector", "spec/ingress/from/podSelector", "spec/egress/to/podSelector"} {
		all = append(all, spec(path+"/matchLabels", false, "networking.k8s.io/NetworkPolicy")...)
	}
	for _, path := range []string{
		"affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm", "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution",
		"affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm", "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
		"topologySpreadConstraints",
	} {
		all = append(all, spec("spec/template/spec/"+path+"/labelSelector/matchLabels", false, "apps/Deployment", "apps/StatefulSet")...)
	}
	for i := range all {
		if all[i].Path == "spec/selector" {
			all[i].Version = "v1"
		}
	}
	return slices.Concat(all, templateSpecs("labels"), claimSpecs())
}
