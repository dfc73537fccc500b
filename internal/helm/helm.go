// Package helm reads what Helm 3 and Helm 4 remember of a release: Secrets or
// ConfigMaps of its namespace. It stands at the head of the flow in a bundle's
// place when a release is taken over (belay adopt): what it gives becomes what is
// wanted, and the history. It removes those records when it is told to, and
// writes nothing else.
package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Cluster reads and removes records; cluster.Client satisfies it.
type Cluster interface {
	List(ctx context.Context, k object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error)
	Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error
}

// Lister lists objects without their content; cluster.Client satisfies it.
type Lister interface {
	ListMetadata(ctx context.Context, k object.Kind, namespace, selector string) ([]*unstructured.Unstructured, error)
}

// Status is what Helm calls a revision.
type Status string

// The statuses of Helm that matter here.
const (
	Deployed    Status = "deployed"
	Superseded  Status = "superseded"
	Failed      Status = "failed"
	Uninstalled Status = "uninstalled"
)

// Revision is one revision of a Helm release.
type Revision struct {
	Number int
	Status Status
	// When it was deployed; zero when that is not known.
	When        time.Time
	Description string
	// Wanted is what the revision wanted; nil when its record cannot be read, and
	// then Err says why.
	Wanted *render.Wanted
	Err    error

	record record
}

// record is where a revision is kept.
type record struct {
	kind object.Kind
	name string
	uid  string
}

// Release is a release as Helm remembers it.
type Release struct {
	Namespace, Name string
	// Revisions are oldest first; there is at least one.
	Revisions []Revision
}

// Helm's records bear a label and a prefix; a bundle's own objects may bear the label.
const (
	owner        = "owner=helm"
	recordPrefix = "sh.helm.release.v1."
)

var (
	secretKind    = kindOf("Secret", "secrets")
	configMapKind = kindOf("ConfigMap", "configmaps")
)

func kindOf(name, resource string) object.Kind {
	return object.Kind{
		GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: name}, Resource: resource, Namespaced: true,
	}
}

// ErrNone says that Helm has no release of that name.
var ErrNone = errors.New("helm has no such release")

// Load reads a release of Helm's: two LISTs. The error is ErrNone when there is
// no record of it.
func Load(ctx context.Context, c Cluster, namespace, name string) (*Release, error) {
	r := &Release{Namespace: namespace, Name: name}
	for _, kind := range []object.Kind{secretKind, configMapKind} {
		list, err := c.List(ctx, kind, namespace, owner+",name="+name)
		if apierrors.IsForbidden(err) && kind == configMapKind && len(r.Revisions) > 0 {
			break // its Secrets are there: nobody keeps both
		}
		if err != nil {
			return nil, fmt.Errorf("reading the records of Helm release %s: %w", name, err)
		}
		for i := range list.Items {
			u := &list.Items[i]
			if !strings.HasPrefix(u.GetName(), recordPrefix) {
				continue
			}
			r.Revisions = append(r.Revisions, read(kind, u))
		}
	}
	if len(r.Revisions) == 0 {
		return nil, ErrNone
	}
	slices.SortFunc(r.Revisions, func(a, b Revision) int { return cmp.Compare(a.Number, b.Number) })
	return r, nil
}

// Names are the releases that Helm has in a namespace, in order, but those that are
// uninstalled: two LISTs of metadata. What may not be listed is left out.
func Names(ctx context.Context, c Lister, namespace string) ([]string, error) {
	newest, status := map[string]int{}, map[string]Status{}
	for _, kind := range []object.Kind{secretKind, configMapKind} {
		found, err := c.ListMetadata(ctx, kind, namespace, owner)
		if apierrors.IsForbidden(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing the releases of Helm: %w", err)
		}
		for _, u := range found {
			if !strings.HasPrefix(u.GetName(), recordPrefix) {
				continue
			}
			labels := u.GetLabels()
			name := labels["name"]
			number, err := strconv.Atoi(labels["version"])
			if err == nil && number > newest[name] {
				newest[name], status[name] = number, Status(labels["status"])
			}
		}
	}
	maps.DeleteFunc(status, func(_ string, s Status) bool { return s == Uninstalled })
	return slices.Sorted(maps.Keys(status)), nil
}

// Current is the newest revision.
func (r *Release) Current() *Revision { return &r.Revisions[len(r.Revisions)-1] }

// Remove deletes Helm's records of a release, newest last: what was cut short can
// be repeated.
func (r *Release) Remove(ctx context.Context, c Cluster) error {
	for _, revision := range r.Revisions {
		at := revision.record
		err := c.Delete(ctx, at.kind, r.Namespace, at.name, object.DeleteOptions{UID: at.uid, Propagation: "Background"})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("removing Helm's record %s/%s: %w", at.kind.Kind, at.name, err)
		}
	}
	return nil
}
