package rollout

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

const (
	revisionAnnotation   = "deployment.kubernetes.io/revision"
	revisionLabel        = "controller-revision-hash"
	generationLabel      = "pod-template-generation"
	generationAnnotation = "deprecated.daemonset.template.generation"
)

// The kinds that workloads are made of: every server serves them so.
var (
	podKind        = builtin("", "Pod", "pods")
	eventKind      = builtin("", "Event", "events")
	claimKind      = builtin("", "PersistentVolumeClaim", "persistentvolumeclaims")
	replicaSetKind = builtin("apps", "ReplicaSet", "replicasets")
)

func builtin(group, kind, resource string) object.Kind {
	return object.Kind{
		GroupVersionKind: schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind},
		Resource:         resource, Namespaced: true,
	}
}

// hasPods says whether a kind makes pods that tell why it is not ready.
func hasPods(id object.ID) bool {
	switch id.GroupKind().String() {
	case "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Job.batch":
		return true
	}
	return false
}

// podSelector is the label selector of a workload's pods, or "" when it has none yet.
func podSelector(u *unstructured.Unstructured) string {
	raw, ok := at(u, "spec", "selector").(map[string]any)
	if !ok {
		return ""
	}
	var s v1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s); err != nil {
		return ""
	}
	selector, err := v1.LabelSelectorAsSelector(&s)
	if err != nil {
		return ""
	}
	return selector.String()
}

// family is a workload and what it is made of.
type family struct {
	root *unstructured.Unstructured
	// sets are the ReplicaSets of a Deployment.
	sets []*unstructured.Unstructured
	pods []*unstructured.Unstructured
	// events are about any of these.
	events []*unstructured.Unstructured
}

// newest returns the ReplicaSet of a Deployment's current revision, or nil
// while there is none.
func (f family) newest() *unstructured.Unstructured {
	revision := annotationOf(f.root, revisionAnnotation)
	if revision == "" || !observed(f.root) {
		return nil
	}
	for _, rs := range f.sets {
		if owned(rs, uidOf(f.root)) && annotationOf(rs, revisionAnnotation) == revision {
			return rs
		}
	}
	return nil
}

// split parts the pods into those of the current revision and older ones; pods
// of others, and such as are being deleted, are in neither.
func (f family) split() (current, old []*unstructured.Unstructured) {
	isCurrent := f.current()
	for _, p := range f.pods {
		switch {
		case deleting(p):
		case isCurrent(p):
			current = append(current, p)
		case f.isOld(p):
			old = append(old, p)
		}
	}
	return current, old
}

// lingering are the pods that are not meant to stay: those of older revisions,
// and those that are being deleted.
func (f family) lingering() []*unstructured.Unstructured {
	isCurrent := f.current()
	var all []*unstructured.Unstructured
	for _, p := range f.pods {
		if mine := isCurrent(p); mine && deleting(p) || !mine && f.isOld(p) {
			all = append(all, p)
		}
	}
	return all
}

// current returns the test of whether a pod is of the current revision.
func (f family) current() func(*unstructured.Unstructured) bool {
	uid := uidOf(f.root)
	mine := func(p *unstructured.Unstructured) bool { return owned(p, uid) }
	label, value := "", ""
	switch f.root.GetKind() {
	case "Pod":
		return func(p *unstructured.Unstructured) bool { return uidOf(p) == uid }
	case "Deployment":
		rs := f.newest()
		if rs == nil {
			return func(*unstructured.Unstructured) bool { return false }
		}
		newest := uidOf(rs)
		return func(p *unstructured.Unstructured) bool { return owned(p, newest) }
	case "StatefulSet":
		label, value = revisionLabel, text(at(f.root, "status", "updateRevision"))
	case "DaemonSet":
		label, value = generationLabel, annotationOf(f.root, generationAnnotation)
	}
	if value == "" || !observed(f.root) {
		return mine
	}
	return func(p *unstructured.Unstructured) bool {
		have := labelOf(p, label)
		return mine(p) && (have == value || have == "")
	}
}

func (f family) isOld(p *unstructured.Unstructured) bool {
	if f.root.GetKind() != "Deployment" {
		return owned(p, uidOf(f.root))
	}
	for _, rs := range f.sets {
		if owned(rs, uidOf(f.root)) && owned(p, uidOf(rs)) {
			return true
		}
	}
	return false
}

// problems finds what holds the current revision up, most telling first.
func (f family) problems() []problem {
	var all []problem
	for _, owner := range []*unstructured.Unstructured{f.root, f.newest()} {
		if owner == nil {
			continue
		}
		if p := refusal(owner); p.class != none {
			all = append(all, p)
			break
		}
	}
	current, _ := f.split()
	if p := f.blocker(); p != nil {
		current = append(current, p)
	}
	jobs := f.root.GetKind() == "Job"
	for _, pod := range current {
		for _, p := range problemsOf(pod) {
			// How often its pods may fail is the Job's own say.
			if jobs && (p.class == crash || p.class == ended) {
				continue
			}
			all = append(all, p)
		}
	}
	return all
}

// unprobed says whether a workload's pods have a container whose readiness
// nothing probes.
func unprobed(u *unstructured.Unstructured) bool {
	id := object.IDOf(u)
	spec := at(u, "spec", "template", "spec")
	switch {
	case id.GroupKind() == podKind.GroupKind():
		spec = at(u, "spec")
	case !hasPods(id) || id.Kind == "Job":
		return false
	}
	for _, c := range items(in(spec, "containers")) {
		if in(c, "readinessProbe") == nil {
			return true
		}
	}
	return false
}
