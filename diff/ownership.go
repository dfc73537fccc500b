package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
)

// claim finds whose a live object is and says whether the plan may write it.
func (p *planner) claim(it *item) bool {
	if it.Shared {
		return true
	}
	it.Owner, it.OwnerName = p.owner(it.Live, string(it.entry.UID))
	switch {
	case it.Owner == Ours:
		return true
	case it.Owner == Nobody && p.adopts(it.ID):
		it.Adopted = true
		return true
	}
	p.foreign = append(p.foreign, it)
	return false
}

// adopts says whether the user lets the plan take over an object if it is nobody's.
func (p *planner) adopts(id object.ID) bool {
	return slices.ContainsFunc(p.o.Adopt, func(pattern string) bool {
		kind, name, named := strings.Cut(pattern, "/")
		switch {
		case pattern == "*":
			return true
		case !named || !strings.EqualFold(kind, id.Kind) && !strings.EqualFold(kind, id.GroupKind().String()):
			return false
		}
		return name == id.Name || name == id.Namespace+"/"+id.Name
	})
}

// checkAdopt refuses --adopt=KIND/NAME of what the bundle does not have.
func (p *planner) checkAdopt() {
	r := Refusal{Code: RefusedInput, Message: "--adopt names what the bundle does not have; nothing was changed"}
	var names []string
	var ids []object.ID
	for _, it := range p.items {
		ids = append(ids, it.ID)
	}
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; c.Hook != nil {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range ids {
		names = append(names, p.name(id), id.Kind+"/"+id.Name)
	}
	for _, pattern := range p.o.Adopt {
		one := planner{o: Options{Adopt: []string{pattern}}}
		if pattern == "*" || slices.ContainsFunc(ids, one.adopts) {
			continue
		}
		line := pattern
		if near := nearest.Name(pattern, names); near != "" {
			line += "; the nearest is " + near
		}
		r.Lines = append(r.Lines, line)
	}
	if len(r.Lines) > 0 {
		r.Hints = []string{"--adopt=KIND/NAME, as the plan names objects; --adopt alone is all"}
		p.plan.Refused = append(p.plan.Refused, r)
	}
}

// owner tells whose an object is. uid is the inventory's, or empty.
func (p *planner) owner(live *unstructured.Unstructured, uid string) (Owner, string) {
	label, labelled := live.GetLabels()[object.ReleaseLabel]
	namespace := live.GetAnnotations()[object.NamespaceAnnotation]
	switch {
	case labelled && namespace != "" && (label != p.o.Target.Release || namespace != p.o.Target.Namespace):
		return OtherRelease, fmt.Sprintf("release %s in namespace %s", label, namespace)
	case uid != "" && string(live.GetUID()) == uid:
		return Ours, ""
	case p.proven(live):
		return Ours, ""
	}
	if name := controller(live); name != "" {
		return Foreign, "controlled by " + name
	}
	if name := tool(live, p.o.Helm, p.o.Target.Namespace); name != "" {
		return Foreign, name
	}
	return Nobody, p.nobody(live)
}

// marked says that the object bears the marks of this release.
func (p *planner) marked(live *unstructured.Unstructured) bool {
	return live.GetLabels()[object.ReleaseLabel] == p.o.Target.Release &&
		live.GetAnnotations()[object.NamespaceAnnotation] == p.o.Target.Namespace
}

// proven says that the object was made by this release though its UID was never
// recorded, because the run that made it was killed: marks can be copied, but
// not together with our manager's entry.
func (p *planner) proven(live *unstructured.Unstructured) bool {
	_, ours := fields.Applied(live, p.manager)
	return ours && p.marked(live)
}

// controller names the controller that made an object, or is empty.
func controller(live *unstructured.Unstructured) string {
	for _, ref := range live.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			return ref.Kind + "/" + ref.Name
		}
	}
	return ""
}

// helmNamespace is where the Helm release is that an object belongs to.
const helmNamespace = "meta.helm.sh/release-namespace"

// toolMarks are labels and annotations by which other tools know what is theirs.
// The text is followed by the mark's value.
var toolMarks = []struct {
	key, text string
	label     bool
}{
	{"argocd.argoproj.io/tracking-id", "Argo CD application ", false},
	{"argocd.argoproj.io/instance", "Argo CD application ", true},
	{"kustomize.toolkit.fluxcd.io/name", "Flux Kustomization ", true},
	{"helm.toolkit.fluxcd.io/name", "Flux HelmRelease ", true},
	{"kapp.k14s.io/app", "kapp application ", true},
}

// toolManagers are field managers of tools that mark nothing.
var toolManagers = map[string]string{
	"argocd-controller":    "Argo CD",
	"kustomize-controller": "Flux",
	"helm-controller":      "Flux",
}

// tool names the tool that deployed an object, or is empty: also when that is the
// Helm release that is being taken over.
func tool(live *unstructured.Unstructured, taken, namespace string) string {
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	name, ns := annotations[fields.HelmName], annotations[helmNamespace]
	if name != "" && labels["app.kubernetes.io/managed-by"] == "Helm" && (taken == "" || name != taken || ns != namespace) {
		if ns != "" && ns != live.GetNamespace() {
			name += " in namespace " + ns
		}
		return "Helm release " + name
	}
	for _, m := range toolMarks {
		value := annotations[m.key]
		if m.label {
			value = labels[m.key]
		}
		if value != "" {
			return m.text + value
		}
	}
	for _, e := range fields.Entries(live) {
		if name := toolManagers[e.Manager]; name != "" && e.Operation == "Apply" {
			return name
		}
	}
	return ""
}

// nobody says who wrote an object that is nobody's.
func (p *planner) nobody(live *unstructured.Unstructured) string {
	if name := live.GetAnnotations()[fields.HelmName]; name != "" && name == p.o.Helm {
		return "Helm's"
	}
	for _, e := range fields.Entries(live) {
		if e.Subresource == "" && e.Manager != p.manager {
			return "nobody's (" + e.Manager + strings.Replace(ago(p.o.Now, e.Time), " ", ", ", 1) + ")"
		}
	}
	return "nobody's"
}

// refuseForeign refuses objects that exist and are not the release's.
func (p *planner) refuseForeign() {
	if len(p.foreign) == 0 {
		return
	}
	r := Refusal{Code: RefusedByRule}
	var rows [][2]string
	var first object.ID
	var others *item
	free := 0
	for _, it := range p.foreign {
		r.IDs = append(r.IDs, it.ID)
		rows = append(rows, [2]string{p.name(it.ID), it.OwnerName})
		if it.Owner == Nobody {
			if free++; free == 1 {
				first = it.ID
			}
		}
		if it.Owner == OtherRelease && others == nil {
			others = it
		}
	}
	r.Lines = columns(rows)
	n := len(p.foreign)
	r.Message = fmt.Sprintf("refused: %s and %s not %s's; nothing was changed",
		plural(n, "object exists", "objects exist"), word(n, "is", "are"), p.o.Target.Release)
	switch {
	case free == 1 && n == 1:
		r.Hints = []string{"--adopt=" + p.name(first) + " takes it over"}
	case free > 0:
		r.Hints = []string{fmt.Sprintf("--adopt takes the %d that %s nobody's; --adopt=%s that one alone", free, word(free, "is", "are"), p.name(first))}
	}
	if others != nil {
		free := p.kubectl(others, "label", object.ReleaseLabel+"-")
		if others.Live.GetAnnotations()[object.NamespaceAnnotation] != p.o.Target.Namespace {
			free += " && " + p.kubectl(others, "annotate", object.NamespaceAnnotation+"-")
		}
		r.Hints = append(r.Hints, "nothing is taken over from another release; what that one has let go of becomes nobody's by: "+free)
	}
	r.Hints = append(r.Hints, p.helmHints()...)
	p.plan.Refused = append(p.plan.Refused, r)
}

// helmHints say how to take over the Helm releases that objects belong to.
func (p *planner) helmHints() []string {
	var hints []string
	for _, it := range p.foreign {
		name, ns := it.Live.GetAnnotations()[fields.HelmName], it.Live.GetAnnotations()[helmNamespace]
		if !strings.HasPrefix(it.OwnerName, "Helm release ") || name == "" {
			continue
		}
		hints = append(hints, p.command("adopt helm/"+name+" -n "+cmp.Or(ns, p.o.Target.Namespace))+" takes over the Helm release")
	}
	slices.Sort(hints)
	return slices.Compact(hints)
}
