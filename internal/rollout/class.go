package rollout

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

const (
	legacyClass  = "kubernetes.io/ingress.class"
	defaultClass = "ingressclass.kubernetes.io/is-default-class"
)

var (
	ingressClassKind = object.Kind{
		GroupVersionKind: schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass"},
		Resource:         "ingressclasses",
	}
	gatewayClassKind = object.Kind{
		GroupVersionKind: schema.GroupVersionKind{Group: gatewayGroup, Version: "v1", Kind: "GatewayClass"},
		Resource:         "gatewayclasses",
	}
)

// classes are those of a kind that a cluster has, once they are known; refused
// says that they may not be seen.
type classes struct {
	known, refused bool
	list           []*unstructured.Unstructured
}

// hasClass says whether it depends on an object's class which controller takes it up.
func hasClass(u *unstructured.Unstructured) bool {
	gk := u.GroupVersionKind().GroupKind()
	return gk.Kind == "Ingress" && gk.Group == ingressClassKind.Group || gk.Kind == "Gateway" && gk.Group == gatewayGroup
}

// classKindOf is the kind of an Ingress' or a Gateway's class.
func classKindOf(u *unstructured.Unstructured) object.Kind {
	if u.GetKind() == "Gateway" {
		return gatewayClassKind
	}
	return ingressClassKind
}

// awaitsController says whether what is said of an object may come of its class.
func awaitsController(u *unstructured.Unstructured, s State) bool {
	return (s.Summary == noController || s.Summary == noAddress) && hasClass(u)
}

// ByClass adds to the state of an Ingress or a Gateway that no controller has taken
// up why, if that is for want of its class: then the cluster's classes are listed.
// All other states stay as they are, and so do all where classes may not be seen.
func ByClass(ctx context.Context, w Watcher, u *unstructured.Unstructured, s State) State {
	if !awaitsController(u, s) {
		return s
	}
	var list []*unstructured.Unstructured
	if _, err := w.Each(ctx, classKindOf(u), "", "", func(c *unstructured.Unstructured) { list = append(list, c) }); err != nil {
		return s
	}
	if trouble := classTrouble(u, list); trouble != "" {
		s.Summary += ": " + trouble
	}
	return s
}

// byClass adds why no controller has taken an object up, if that is for want of
// its class. The cluster's classes are asked for once; that is waited for. The
// caller holds mu.
func (t *Tracker) byClass(u *unstructured.Unstructured, s State) State {
	kind := classKindOf(u)
	c := t.classes[kind]
	if c == nil {
		c = &classes{}
		t.classes[kind] = c
		t.goes(func() { t.askClasses(kind, c) })
	}
	if !c.known {
		s.Phase = Progressing
	} else if trouble := classTrouble(u, c.list); trouble != "" && !c.refused {
		s.Summary += ": " + trouble
	}
	return s
}

func (t *Tracker) askClasses(kind object.Kind, c *classes) {
	var list []*unstructured.Unstructured
	_, err := t.w.Each(t.ctx, kind, "", "", func(u *unstructured.Unstructured) { list = append(list, u) })
	t.mu.Lock()
	defer t.mu.Unlock()
	c.known, c.refused, c.list = true, err != nil, list
	for _, x := range t.targets {
		if x.last != nil && hasClass(x.last) {
			t.take(x, x.last)
		}
	}
}

// classTrouble says why no controller is meant by an Ingress or a Gateway; it
// is empty when one is.
func classTrouble(root *unstructured.Unstructured, classes []*unstructured.Unstructured) string {
	field, kind := "ingressClassName", "IngressClass"
	if root.GetKind() == "Gateway" {
		field, kind = "gatewayClassName", "GatewayClass"
	}
	name := text(at(root, "spec", field))
	for _, c := range classes {
		if c.GetName() == name || name == "" && annotationOf(c, defaultClass) == "true" {
			return ""
		}
	}
	switch {
	case name != "":
		return "there is no " + kind + " " + name
	case annotationOf(root, legacyClass) == "":
		return "it names no " + kind + ", and none is the default"
	}
	return ""
}
