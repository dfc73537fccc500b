// Package object holds Kubernetes objects and their identity: what flows
// through belay from the first stage to the last. It reads and writes YAML,
// normalises manifests before they are compared or sent, and masks secrets.
// It knows no cluster, and imports none of the other packages.
package object

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Labels and annotations that belay writes on the objects it applies.
const (
	// ReleaseLabel names the release that made an object.
	ReleaseLabel = "belay.sh/release"
	// NamespaceAnnotation names that release's namespace, for releases of the
	// same name live side by side.
	NamespaceAnnotation = "belay.sh/release-namespace"
	// ConfigHashAnnotation, on a pod template, changes with what is in the ConfigMaps
	// and Secrets that the template refers to.
	ConfigHashAnnotation = "belay.sh/config-hash"
)

// ID identifies an object. It has no version, for an object outlives the API
// versions that it is served under.
type ID struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// GroupKind returns the kind that the object is of.
func (id ID) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: id.Group, Kind: id.Kind}
}

// String writes the whole identity: Deployment.apps/shop/front, Service/shop/front,
// Namespace/shop.
func (id ID) String() string {
	if id.Namespace == "" {
		return id.GroupKind().String() + "/" + id.Name
	}
	return id.GroupKind().String() + "/" + id.Namespace + "/" + id.Name
}

// In writes the identity as people see it who know the namespace ns already:
// Deployment.apps/front.
func (id ID) In(ns string) string {
	if id.Namespace == ns {
		id.Namespace = ""
	}
	return id.String()
}

// Compare orders identities by kind, namespace and name, for stable output.
func (id ID) Compare(other ID) int {
	for _, c := range []int{
		strings.Compare(id.Kind, other.Kind),
		strings.Compare(id.Group, other.Group),
		strings.Compare(id.Namespace, other.Namespace),
	} {
		if c != 0 {
			return c
		}
	}
	return strings.Compare(id.Name, other.Name)
}

// Source is the place in the user's files that an object came from.
type Source struct {
	// File is relative to the bundle: templates/front.yaml.
	File string `json:"file,omitempty"`
	// Line is the line of File where the object begins, from 1; 0 is unknown.
	Line int `json:"line,omitempty"`
	// Via is what last shaped it, where that is not the file: "--set front.image.tag".
	Via string `json:"via,omitempty"`
}

// String writes file:line, as editors understand it.
func (s Source) String() string {
	if s.Line == 0 {
		return s.File
	}
	return s.File + ":" + strconv.Itoa(s.Line)
}

// Object is one manifest and where it came from.
type Object struct {
	Body   *unstructured.Unstructured `json:"body"`
	Source Source                     `json:"source"`
}

// ID returns the identity that the manifest claims.
func (o Object) ID() ID { return IDOf(o.Body) }

// IDOf returns the identity of a manifest or a live object.
func IDOf(u *unstructured.Unstructured) ID {
	gvk := u.GroupVersionKind()
	return ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
}

// Kind is how a server serves a kind: what discovery says of it.
type Kind struct {
	schema.GroupVersionKind
	// Resource is the plural name in URLs: deployments.
	Resource string
	// Namespaced kinds live in namespaces.
	Namespaced bool
}

// GVR returns the resource as clients address it.
func (k Kind) GVR() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}

// Event is one thing that a watch saw.
type Event struct {
	// Deleted is true when the object went away; Object is its last state.
	Deleted bool
	Object  *unstructured.Unstructured
}

// NamespaceKind, CRDKind and SecretKind are the kinds that belay treats apart.
var (
	NamespaceKind = schema.GroupKind{Kind: "Namespace"}
	CRDKind       = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	SecretKind    = schema.GroupKind{Kind: "Secret"}
)

// DeleteOptions are the conditions and the manner of a deletion.
type DeleteOptions struct {
	// UID and Version are preconditions; empty ones are not checked.
	UID, Version string
	// Propagation is Background, Foreground or Orphan.
	Propagation string
}

// ApplyOptions are the manner of a server-side apply.
type ApplyOptions struct {
	Manager string
	Force   bool
}

// Access is one right: a verb on a resource.
type Access struct {
	Verb        string
	Group       string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
}
