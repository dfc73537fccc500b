package diff

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
)

// tellExclusive says where new pods may not be able to start because old ones are
// there: they want the same ports of their nodes, or claims that only one node can
// mount. Nothing in the server's answers tells of it; the rollout would be stuck.
func (p *planner) tellExclusive() {
	for _, it := range p.items {
		switch {
		case len(it.Steps) == 0:
		case it.Action == Update && rollsWithMore(it):
			held := p.exclusive(it.Live)
			for _, what := range p.exclusive(it.Merged) {
				if slices.Contains(held, what) {
					it.Impact = append(it.Impact, what+" is held by the old pods, and the new ones start first: they may wait for it in vain (strategy Recreate, or maxSurge 0)")
				}
			}
		case it.Action == Create && !p.o.PruneFirst:
			p.tellHeld(it)
		}
	}
}

// tellHeld says on a new workload what one that this plan deletes still holds.
func (p *planner) tellHeld(it *item) {
	wants := p.exclusive(it.body)
	if len(wants) == 0 {
		return
	}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		if c.Action != Delete || c.Live == nil || c.ID.Namespace != it.ID.Namespace {
			continue
		}
		held := p.exclusive(c.Live)
		for _, what := range wants {
			if slices.Contains(held, what) {
				it.Impact = append(it.Impact, fmt.Sprintf("%s is held by %s, which goes only once all is ready: --prune-first deletes it first", what, p.name(c.ID)))
			}
		}
	}
}

// rollsWithMore says that an update replaces pods, and starts new ones before it
// ends old ones.
func rollsWithMore(it *item) bool {
	if it.ID.GroupKind() != (schema.GroupKind{Group: "apps", Kind: "Deployment"}) || it.Live == nil || it.Merged == nil {
		return false
	}
	replicas, _ := podCount(it.ID.Kind, it.Merged)
	running, _ := podCount(it.ID.Kind, it.Live)
	strategy, _, _ := unstructured.NestedString(it.Merged.Object, "spec", "strategy", "type")
	surge, _, _ := unstructured.NestedFieldNoCopy(it.Merged.Object, "spec", "strategy", "rollingUpdate", "maxSurge")
	return replicas > 0 && running > 0 && strategy != "Recreate" && !isZero(surge) && surge != "0%" && surge != "0" &&
		slices.ContainsFunc(it.Paths, func(c PathChange) bool { return !c.Ownership && within(c.Path, "spec.template") })
}

// exclusive names what the pods of a workload take for themselves: ports of their
// nodes, and claims of the release that only one node can mount.
func (p *planner) exclusive(u *unstructured.Unstructured) []string {
	if u == nil || u.GroupVersionKind().Group != "apps" {
		return nil
	}
	spec, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
	var all []string
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for _, container := range containers {
			m, _ := container.(map[string]any)
			ports, _ := m["ports"].([]any)
			for _, port := range ports {
				all = append(all, hostPort(port, spec["hostNetwork"] == true)...)
			}
		}
	}
	for _, ref := range refs.Scan([]object.Object{{Body: u}}) {
		if ref.To.Kind == "PersistentVolumeClaim" && ref.To.Group == "" && p.oneNode(ref.To) {
			all = append(all, p.name(ref.To))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// hostPort names the port of the node that a container's port takes, if it does.
func hostPort(port any, hostNetwork bool) []string {
	m, _ := port.(map[string]any)
	n := m["hostPort"]
	if n == nil && hostNetwork {
		n = m["containerPort"]
	}
	if n == nil || isZero(n) {
		return nil
	}
	protocol, _ := m["protocol"].(string)
	if protocol == "" {
		protocol = "TCP"
	}
	address := ""
	if ip, _ := m["hostIP"].(string); ip != "" && ip != "0.0.0.0" {
		address = " of " + ip
	}
	return []string{fmt.Sprintf("host port %v/%s%s", n, strings.ToLower(protocol), address)}
}

// oneNode says whether a claim of the release can be mounted on one node only.
func (p *planner) oneNode(id object.ID) bool {
	claim := p.byID[id]
	if claim == nil {
		return false
	}
	modes, _, _ := unstructured.NestedStringSlice(claim.body.Object, "spec", "accessModes")
	return len(modes) > 0 && !slices.ContainsFunc(modes, func(mode string) bool {
		return mode != "ReadWriteOnce" && mode != "ReadWriteOncePod"
	})
}
