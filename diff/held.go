package diff

import (
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// heldBy finds the Service that goes by this plan and still holds the fixed port
// or address that a new one asks for: two cannot have it at once.
func (p *planner) heldBy(it *item) (object.ID, bool) {
	if it.ID.GroupKind() != serviceKind || !apierrors.IsInvalid(it.err) || it.Live != nil ||
		!strings.Contains(statusOf(it.err).Message, "already allocated") {
		return object.ID{}, false
	}
	wants := fixed(it.body)
	for _, l := range p.leftovers {
		if l.live == nil || l.id.GroupKind() != serviceKind {
			continue
		}
		for what := range fixed(l.live) {
			if wants[what] {
				return l.id, true
			}
		}
	}
	return object.ID{}, false
}

// fixed are the ports of nodes and the address that a Service names.
func fixed(u *unstructured.Unstructured) map[any]bool {
	all := map[any]bool{}
	spec, _ := u.Object["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	for _, port := range ports {
		m, _ := port.(map[string]any)
		if n := m["nodePort"]; n != nil {
			all[n] = true
		}
	}
	for _, field := range []string{"healthCheckNodePort", "clusterIP"} {
		if v := spec[field]; v != nil && v != "" && v != "None" {
			all[v] = true
		}
	}
	return all
}

// judgeHeld plans a Service whose port is freed by this very plan, or says how it
// could be.
func (p *planner) judgeHeld(it *item, holder object.ID) {
	if p.o.PruneFirst {
		p.degrade(it, p.name(holder)+" holds its port, and goes first")
		return
	}
	it.Action = Create
	p.mistake(it, "its port or address is held by "+p.name(holder)+", which this plan deletes only once all is ready")
	p.hints[RefusedInput] = append(p.hints[RefusedInput], "--prune-first deletes it first, with a moment without either")
}
