package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// Purpose is what a printed Role is to suffice for.
type Purpose string

// The purposes.
const (
	ForDiff   Purpose = "diff"
	ForApply  Purpose = "apply"
	ForDelete Purpose = "delete"
)

// Placed is an object, its kind, and where it lives.
type Placed struct {
	ID   object.ID
	Kind object.Kind
	// Body is the manifest: who makes roles must have the rights that they give.
	Body *unstructured.Unstructured
	// Hook is true for what is run, also when the release is deleted.
	Hook bool
}

// ruled is what a rule is about; namespace is empty for the whole cluster.
type ruled struct{ namespace, group, name string }

// Roles are the smallest Role of each namespace, and the ClusterRole for what
// has none, that suffice for a release of these objects. Secrets cannot be named in
// them: those that hold the release's records are called by what is in them.
func Roles(purpose Purpose, target Target, objects []Placed) []*unstructured.Unstructured {
	verbs := map[ruled]map[string]bool{}
	allow := func(r ruled, all ...string) {
		if verbs[r] == nil {
			verbs[r] = map[string]bool{}
		}
		for _, v := range all {
			verbs[r][v] = true
		}
	}
	whole := purpose
	for _, o := range objects {
		ns, purpose := o.ID.Namespace, whole
		if o.Hook && purpose == ForDelete {
			purpose = ForApply
		}
		allow(ruled{ns, o.Kind.Group, o.Kind.Resource}, objectVerbs(purpose, o.ID.GroupKind())...)
		if purpose == ForDelete {
			continue
		}
		if o.ID.Kind == "Deployment" || o.ID.Kind == "StatefulSet" {
			allow(ruled{ns, "autoscaling", "horizontalpodautoscalers"}, "get", "list")
		}
		if purpose == ForApply && makesPods(o.ID.GroupKind()) {
			allow(ruled{ns, "", "pods"}, "get", "list", "watch")
			allow(ruled{ns, "", "pods/log"}, "get")
			allow(ruled{ns, "apps", "replicasets"}, "get", "list", "watch")
			allow(ruled{ns, "", "persistentvolumeclaims"}, "get")
		}
		if purpose == ForApply && ns != "" {
			allow(ruled{ns, "", "events"}, "list", "watch")
		}
	}
	records := ruled{target.Namespace, "", "secrets"}
	allow(records, "get")
	if purpose != ForDiff {
		allow(records, "create", "update", "delete", "list")
	}
	allow(ruled{target.Namespace, "", "namespaces"}, "get")
	rules := rulesOf(verbs)
	if purpose == ForApply {
		for ns, more := range given(objects) {
			rules[ns] = append(rules[ns], more...)
		}
	}
	return rolesOf(target, purpose, rules)
}

// given are the rights that the roles among the objects give, by namespace. The
// server lets nobody give away what he does not have.
func given(objects []Placed) map[string][]any {
	const rbac = "rbac.authorization.k8s.io"
	own := map[object.ID]bool{}
	for _, o := range objects {
		own[o.ID] = true
	}
	found := map[string][]any{}
	for _, o := range objects {
		if o.ID.Group != rbac || o.Body == nil {
			continue
		}
		ns := o.ID.Namespace
		switch o.ID.Kind {
		case "Role", "ClusterRole":
			rules, _, _ := unstructured.NestedSlice(o.Body.Object, "rules")
			found[ns] = append(found[ns], rules...)
		case "RoleBinding", "ClusterRoleBinding":
			ref, _, _ := unstructured.NestedStringMap(o.Body.Object, "roleRef")
			to := object.ID{Group: rbac, Kind: ref["kind"], Name: ref["name"]}
			if to.Kind == "Role" {
				to.Namespace = ns
			}
			if to.Name == "" || own[to] {
				continue
			}
			found[ns] = append(found[ns], map[string]any{
				"apiGroups": []any{rbac}, "resources": []any{strings.ToLower(to.Kind) + "s"},
				"resourceNames": []any{to.Name}, "verbs": []any{"bind"},
			})
		}
	}
	return found
}

// rulesOf writes rules by namespace.
func rulesOf(verbs map[ruled]map[string]bool) map[string][]any {
	byNamespace := map[string]map[ruled]map[string]bool{}
	for r, v := range verbs {
		if byNamespace[r.namespace] == nil {
			byNamespace[r.namespace] = map[ruled]map[string]bool{}
		}
		byNamespace[r.namespace][r] = v
	}
	rules := map[string][]any{}
	for ns, all := range byNamespace {
		rules[ns] = policyRules(all)
	}
	return rules
}

func objectVerbs(purpose Purpose, gk schema.GroupKind) []string {
	switch {
	case purpose == ForDiff:
		return []string{"get", "list"}
	case purpose == ForDelete:
		return []string{"get", "list", "delete"}
	case shared(gk):
		return []string{"get", "list", "watch", "create", "patch", "update"}
	}
	// A plan asks by a dry-run update what a change of ownership comes to.
	return []string{"get", "list", "watch", "create", "patch", "update", "delete"}
}

func makesPods(gk schema.GroupKind) bool {
	return gk.Group == "apps" || gk.Group == "batch" || gk == schema.GroupKind{Kind: "Pod"}
}

func rolesOf(target Target, purpose Purpose, rules map[string][]any) []*unstructured.Unstructured {
	var roles []*unstructured.Unstructured
	for _, ns := range slices.Sorted(maps.Keys(rules)) {
		kind, name := "Role", fmt.Sprintf("belay-%s-%s", target.Release, purpose)
		meta := map[string]any{"name": name, "namespace": ns}
		if ns == "" {
			kind = "ClusterRole"
			meta = map[string]any{"name": fmt.Sprintf("belay-%s-%s-%s", target.Namespace, target.Release, purpose)}
		}
		roles = append(roles, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta, "rules": rules[ns],
		}})
	}
	return roles
}

// policyRules joins resources of a group that allow the same.
func policyRules(verbs map[ruled]map[string]bool) []any {
	type key struct{ group, verbs string }
	resources := map[key][]string{}
	order := []string{"get", "list", "watch", "create", "patch", "update", "delete"}
	for r, set := range verbs {
		var list []string
		for _, v := range order {
			if set[v] {
				list = append(list, v)
			}
		}
		k := key{r.group, strings.Join(list, ",")}
		resources[k] = append(resources[k], r.name)
	}
	keys := slices.SortedFunc(maps.Keys(resources), func(a, b key) int {
		if c := strings.Compare(a.group, b.group); c != 0 {
			return c
		}
		return strings.Compare(a.verbs, b.verbs)
	})
	rules := make([]any, 0, len(keys))
	for _, k := range keys {
		names := resources[k]
		slices.Sort(names)
		rules = append(rules, map[string]any{"apiGroups": []any{k.group}, "resources": anyOf(names), "verbs": anyOf(strings.Split(k.verbs, ","))})
	}
	return rules
}

func anyOf(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
