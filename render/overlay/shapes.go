package overlay

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// shape says which lists of a mapping, or of the items of a list, merge in a
// strategic merge, and by which fields their items are told apart. A list
// without fields is one of plain values. All other lists are replaced whole. The
// tests hold what is here against the schemas that kustomize carries, which take
// longer to load than a thousand objects take to build.
type shape struct {
	merges bool
	by     []string
	fields map[string]*shape
}

// field is the shape of a member; nil is that of a value without such lists.
func (s *shape) field(name string) *shape {
	if s == nil {
		return nil
	}
	return s.fields[name]
}

func mapping(fields map[string]*shape) *shape { return &shape{fields: fields} }

// list is a list whose items are told apart by fields, separated by commas.
func list(by string, fields map[string]*shape) *shape {
	s := &shape{merges: true, fields: fields}
	if by != "" {
		s.by = strings.Split(by, ",")
	}
	return s
}

func metaShape() *shape {
	return mapping(map[string]*shape{"finalizers": list("", nil), "ownerReferences": list("uid", nil)})
}

func containerShapes(ports bool) *shape {
	fields := map[string]*shape{
		"env": list("name", nil), "volumeDevices": list("devicePath", nil), "volumeMounts": list("mountPath", nil),
	}
	if ports {
		fields["ports"] = list("containerPort,protocol", nil)
	}
	return list("name", fields)
}

func podShape() *shape {
	claim := mapping(map[string]*shape{"metadata": metaShape()})
	ephemeral := mapping(map[string]*shape{"volumeClaimTemplate": claim})
	return mapping(map[string]*shape{
		"containers": containerShapes(true), "initContainers": containerShapes(true), "ephemeralContainers": containerShapes(false),
		"hostAliases": list("ip", nil), "imagePullSecrets": list("name", nil),
		"topologySpreadConstraints": list("topologyKey,whenUnsatisfiable", nil),
		"volumes":                   list("name", map[string]*shape{"ephemeral": ephemeral}),
	})
}

// templateShape is the spec of what holds a template of pods.
func templateShape() *shape {
	return mapping(map[string]*shape{"template": mapping(map[string]*shape{"metadata": metaShape(), "spec": podShape()})})
}

// shapes are those of the kinds whose schema is known here, by "apiVersion kind".
func newShapes() map[string]*shape {
	all := map[string]*shape{}
	add := func(s *shape, kinds ...string) {
		fields := map[string]*shape{"metadata": metaShape()}
		if s != nil {
			fields = s.fields
			fields["metadata"] = metaShape()
		}
		for _, kind := range kinds {
			all[kind] = mapping(fields)
		}
	}
	spec := func(s *shape) *shape { return mapping(map[string]*shape{"spec": s}) }
	add(spec(templateShape()), "apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "apps/v1 ReplicaSet",
		"batch/v1 Job", "v1 ReplicationController")
	job := mapping(map[string]*shape{"metadata": metaShape(), "spec": templateShape()})
	add(spec(mapping(map[string]*shape{"jobTemplate": job})), "batch/v1 CronJob")
	add(spec(podShape()), "v1 Pod")
	add(spec(mapping(map[string]*shape{"ports": list("port,protocol", nil)})), "v1 Service")
	add(mapping(map[string]*shape{"secrets": list("name", nil)}), "v1 ServiceAccount")
	add(nil, "v1 ConfigMap", "v1 Secret", "v1 PersistentVolumeClaim", "v1 PersistentVolume", "v1 Namespace",
		"v1 LimitRange", "v1 ResourceQuota", "autoscaling/v1 HorizontalPodAutoscaler",
		"networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 IngressClass", "networking.k8s.io/v1 NetworkPolicy",
		"policy/v1 PodDisruptionBudget", "rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 ClusterRole",
		"rbac.authorization.k8s.io/v1 RoleBinding", "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
		"scheduling.k8s.io/v1 PriorityClass", "storage.k8s.io/v1 StorageClass")
	return all
}

// shapeOf is the shape of an object; known is false where kustomize's schemas
// have to be asked. They hold no kinds of groups that are not Kubernetes' own.
func shapeOf(shapes map[string]*shape, n *yaml.Node) (s *shape, known bool) {
	version, kind := textAt(n, "apiVersion"), textAt(n, "kind")
	if s, known = shapes[version+" "+kind]; known {
		// The lists of a status merge, too, and nobody writes them.
		return s, valueAt(n, "status") == nil
	}
	group, _, grouped := strings.Cut(version, "/")
	return nil, grouped && strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

// valueAt is a member of a mapping, or nil.
func valueAt(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func textAt(n *yaml.Node, key string) string {
	if v := valueAt(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}
