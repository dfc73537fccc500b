package refs

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// serviceFields are where kinds name a Service that the API server itself calls.
// It must answer before they are of use, and before what depends on them.
var serviceFields = map[schema.GroupKind][]string{
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}: {"webhooks[].clientConfig.service"},
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:   {"webhooks[].clientConfig.service"},
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:                           {"spec.service"},
	object.CRDKind: {"spec.conversion.webhook.clientConfig.service"},
}

// called reads which Services the API server calls for an object, and the pods
// behind them: those must be ready, if that closes no circle.
func called(o object.Object, services map[object.ID]labels.Set, pods []workload) []Ref {
	id := o.ID()
	var found []Ref
	for _, field := range serviceFields[id.GroupKind()] {
		each(o.Body.Object, strings.Split(field, "."), "", func(value any, path string, _ map[string]any) {
			m, _ := value.(map[string]any)
			to := typed(m, service)
			if to.Name == "" || to.Namespace == "" {
				return
			}
			found = append(found, Ref{From: id, To: to, Path: path, Need: Exists, Optional: true})
			selector := services[to]
			if len(selector) == 0 {
				return
			}
			for _, w := range pods {
				if w.id.Namespace == to.Namespace && selector.AsSelector().Matches(w.labels) {
					found = append(found, Ref{From: id, To: w.id, Path: path, Need: Ready, Optional: true})
				}
			}
		})
	}
	return found
}

// selectors are the selectors of the Services among objects.
func selectors(objs []object.Object) map[object.ID]labels.Set {
	found := map[object.ID]labels.Set{}
	for _, o := range objs {
		if id := o.ID(); id.GroupKind() == service {
			raw, _ := lookup(o.Body.Object, "spec.selector").(map[string]any)
			found[id] = texts(raw)
		}
	}
	return found
}

func texts(raw map[string]any) labels.Set {
	set := labels.Set{}
	for key, v := range raw {
		if s, ok := v.(string); ok {
			set[key] = s
		}
	}
	return set
}

// serving finds what must answer before the API server takes an object: an
// APIService of its group and version, and webhooks whose rules match it.
func serving(objs []object.Object, resources map[schema.GroupKind]string) []Ref {
	type gv struct{ group, version string }
	services := map[gv]object.ID{}
	type hook struct {
		id    object.ID
		rules []webhookRule
	}
	var hooks []hook
	for _, o := range objs {
		id := o.ID()
		switch {
		case id.Group == "apiregistration.k8s.io" && id.Kind == "APIService":
			group, _ := lookup(o.Body.Object, "spec.group").(string)
			version, _ := lookup(o.Body.Object, "spec.version").(string)
			services[gv{group, version}] = id
		case isWebhook(id):
			hooks = append(hooks, hook{id, rulesOf(o)})
		}
	}
	if len(services) == 0 && len(hooks) == 0 {
		return nil
	}
	var found []Ref
	for _, o := range objs {
		id, gvk := o.ID(), o.Body.GroupVersionKind()
		if to, ok := services[gv{gvk.Group, gvk.Version}]; ok {
			found = append(found, Ref{From: id, To: to, Path: "apiVersion", Need: Ready, Optional: true})
		}
		if isWebhook(id) {
			continue // the server asks no webhook about webhooks
		}
		resource, known := resources[id.GroupKind()]
		if !known {
			resource = resourceOf(id.Kind)
		}
		for _, h := range hooks {
			if slices.ContainsFunc(h.rules, func(r webhookRule) bool { return r.matches(id, gvk.Version, resource) }) {
				found = append(found, Ref{From: id, To: h.id, Path: "kind", Need: Exists, Optional: true})
			}
		}
	}
	return found
}

func isWebhook(id object.ID) bool {
	return id.Group == "admissionregistration.k8s.io" && strings.HasSuffix(id.Kind, "WebhookConfiguration")
}

// webhookRule says which objects a webhook is asked about; "*" is all.
type webhookRule struct {
	groups, versions, resources []any
	scope                       string
}

func (r webhookRule) matches(id object.ID, version, resource string) bool {
	switch {
	case r.scope == "Cluster" && id.Namespace != "", r.scope == "Namespaced" && id.Namespace == "":
		return false
	}
	has := func(list []any, texts ...string) bool {
		return slices.ContainsFunc(list, func(v any) bool { s, _ := v.(string); return slices.Contains(texts, s) })
	}
	return has(r.groups, "*", id.Group) && (len(r.versions) == 0 || has(r.versions, "*", version)) &&
		has(r.resources, "*", "*/*", resource, resource+"/*")
}

// rulesOf are the rules of a webhook configuration.
func rulesOf(o object.Object) []webhookRule {
	var found []webhookRule
	each(o.Body.Object, []string{"webhooks[]", "rules[]"}, "", func(value any, _ string, _ map[string]any) {
		m, _ := value.(map[string]any)
		r := webhookRule{}
		r.groups, _ = m["apiGroups"].([]any)
		r.versions, _ = m["apiVersions"].([]any)
		r.resources, _ = m["resources"].([]any)
		r.scope, _ = m["scope"].(string)
		found = append(found, r)
	})
	return found
}

// resourceOf is the plural that a kind nearly always has. Where it has another,
// an order is lost, and nothing else.
func resourceOf(kind string) string {
	name := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(name, "s"), strings.HasSuffix(name, "x"), strings.HasSuffix(name, "ch"):
		return name + "es"
	case strings.HasSuffix(name, "y") && !strings.HasSuffix(name, "ay") && !strings.HasSuffix(name, "ey"):
		return strings.TrimSuffix(name, "y") + "ies"
	}
	return name + "s"
}

// guards makes pods come after what rules them from the moment they start: limits,
// quotas and the network policies that select them.
func guards(objs []object.Object, pods []workload) []Ref {
	var found []Ref
	for _, o := range objs {
		id := o.ID()
		switch id.GroupKind() {
		case schema.GroupKind{Kind: "LimitRange"}, schema.GroupKind{Kind: "ResourceQuota"}:
			for _, w := range pods {
				if w.id.Namespace == id.Namespace {
					found = append(found, Ref{From: w.id, To: id, Path: "spec.template.spec", Need: Exists, Optional: true})
				}
			}
		case schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:
			for _, w := range matched(o, "spec.podSelector", pods, true) {
				found = append(found, Ref{From: w.id, To: id, Path: "spec.template.metadata.labels", Need: Exists, Optional: true})
			}
		}
	}
	return found
}
