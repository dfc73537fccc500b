package refs

import (
	"strings"

	v1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// tokenOf is the annotation by which a token Secret names its ServiceAccount.
const tokenOf = "kubernetes.io/service-account.name"

// special reads what a path alone does not say.
func special(o object.Object) []Ref {
	id := o.ID()
	if id.GroupKind() != secret || lookup(o.Body.Object, "type") != "kubernetes.io/service-account-token" {
		return nil
	}
	name := o.Body.GetAnnotations()[tokenOf]
	if name == "" {
		return nil
	}
	// Without its account the Secret is deleted by the server within seconds.
	to := object.ID{Kind: serviceAccount.Kind, Namespace: id.Namespace, Name: name}
	return []Ref{{From: id, To: to, Path: "metadata.annotations[" + tokenOf + "]", Need: Exists}}
}

// definitions finds the CRDs among the objects, by the kind that they define.
func definitions(objs []object.Object) map[schema.GroupKind]object.ID {
	found := map[schema.GroupKind]object.ID{}
	for _, o := range objs {
		if id := o.ID(); id.GroupKind() == object.CRDKind {
			group, _ := lookup(o.Body.Object, "spec.group").(string)
			kind, _ := lookup(o.Body.Object, "spec.names.kind").(string)
			found[schema.GroupKind{Group: group, Kind: kind}] = id
		}
	}
	return found
}

// workload is an object that makes pods.
type workload struct {
	id      object.ID
	labels  labels.Set
	account string
}

func workloads(objs []object.Object) []workload {
	var found []workload
	for _, o := range objs {
		id := o.ID()
		path, ok := podSpec(id.GroupKind())
		if !ok {
			continue
		}
		w := workload{id: id}
		parent, _ := lookup(o.Body.Object, strings.TrimSuffix(strings.TrimSuffix(path, "spec"), ".")).(map[string]any)
		if path == "spec" {
			parent = o.Body.Object
		}
		marks, _ := lookup(parent, "metadata.labels").(map[string]any)
		w.labels = texts(marks)
		w.account, _ = lookup(parent, "spec.serviceAccountName").(string)
		found = append(found, w)
	}
	return found
}

// selected reads the references by selector: a PodDisruptionBudget's.
func selected(o object.Object, pods []workload) []Ref {
	id := o.ID()
	if id.GroupKind() != budget {
		return nil
	}
	var found []Ref
	for _, w := range matched(o, "spec.selector", pods, false) {
		found = append(found, Ref{From: id, To: w.id, Path: "spec.selector", Need: Exists, Optional: true})
	}
	return found
}

// matched are the workloads of an object's namespace that its selector matches.
// An empty one matches all or nothing, by the kind.
func matched(o object.Object, path string, pods []workload, emptyIsAll bool) []workload {
	raw, _ := lookup(o.Body.Object, path).(map[string]any)
	var ls v1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &ls) != nil {
		return nil // the server says best what is wrong with it
	}
	sel, err := v1.LabelSelectorAsSelector(&ls)
	if err != nil || sel.Empty() && !emptyIsAll {
		return nil
	}
	var found []workload
	for _, w := range pods {
		if w.id.Namespace == o.Body.GetNamespace() && sel.Matches(w.labels) {
			found = append(found, w)
		}
	}
	return found
}

// bindings makes the pods of a ServiceAccount follow the bindings that give it
// its rights.
func bindings(objs []object.Object, pods []workload) []Ref {
	byAccount := map[object.ID][]object.ID{}
	for _, w := range pods {
		if w.account != "" {
			sa := object.ID{Kind: serviceAccount.Kind, Namespace: w.id.Namespace, Name: w.account}
			byAccount[sa] = append(byAccount[sa], w.id)
		}
	}
	var found []Ref
	for _, o := range objs {
		id := o.ID()
		if gk := id.GroupKind(); gk != roleBinding && gk != clusterBinding {
			continue
		}
		subjects, _ := o.Body.Object["subjects"].([]any)
		for _, s := range subjects {
			m, _ := s.(map[string]any)
			if m == nil || m["kind"] != serviceAccount.Kind {
				continue
			}
			sa := typed(m, serviceAccount)
			if sa.Namespace == "" {
				sa.Namespace = id.Namespace
			}
			for _, pod := range byAccount[sa] {
				found = append(found, Ref{From: pod, To: id, Path: "spec.serviceAccountName", Need: Exists, Optional: true})
			}
		}
	}
	return found
}
