package cluster

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

const (
	typeDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
		"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
	// missLife is how long it is remembered that a kind is not served, and
	// kindsGrow how long after a write that may bring kinds it is not.
	missLife  = time.Second
	kindsGrow = time.Minute
)

var apiServiceKind = schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}

// discovery is what the server is known to serve. Its turn is a lock that can be
// waited for with a context.
type discovery struct {
	turn   chan struct{}
	loaded bool
	// versions are a group's, preferred first; a kind is absent where it is not
	// known to be served.
	versions map[string][]string
	kinds    map[schema.GroupVersionKind]object.Kind
	// read are the group-versions whose kinds are all known.
	read   map[schema.GroupVersion]bool
	misses map[schema.GroupVersionKind]time.Time
	grew   time.Time
	// recalled is true when it is from a file; index is the server's of schemas that
	// it was held against, until somebody wants it.
	recalled bool
	index    map[string]string
}

func (d *discovery) reset() {
	d.versions = map[string][]string{}
	d.kinds = map[schema.GroupVersionKind]object.Kind{}
	d.read = map[schema.GroupVersion]bool{}
	d.misses = map[schema.GroupVersionKind]time.Time{}
	d.recalled = false
}

func newDiscovery() discovery {
	return discovery{turn: make(chan struct{}, 1)}
}

func (d *discovery) lock(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *discovery) unlock() { <-d.turn }

// Kind finds how a kind is served; version "" means the preferred one. The error
// is meta.IsNoMatchError when it is not served. The server is asked once; for
// what is missing then, a second time.
func (c *Client) Kind(ctx context.Context, gk schema.GroupKind, version string) (object.Kind, error) {
	d := &c.discovery
	if err := d.lock(ctx); err != nil {
		return object.Kind{}, err
	}
	defer d.unlock()
	if err := c.discover(ctx); err != nil {
		return object.Kind{}, err
	}
	if k, ok := d.find(gk, version); ok {
		return k, nil
	}
	miss := gk.WithVersion(version)
	none := &meta.NoKindMatchError{GroupKind: gk}
	if version != "" {
		none.SearchedVersions = []string{version}
	}
	now := time.Now()
	if now.Sub(d.misses[miss]) < missLife && now.Sub(d.grew) > kindsGrow {
		return object.Kind{}, none
	}
	if err := c.askAgain(ctx, gk, version); err != nil {
		return object.Kind{}, err
	}
	if k, ok := d.find(gk, version); ok {
		return k, nil
	}
	d.misses[miss] = now
	return object.Kind{}, none
}

// APIVersions lists what the server serves, sorted: apps/v1 and
// apps/v1/Deployment.
func (c *Client) APIVersions(ctx context.Context) ([]string, error) {
	d := &c.discovery
	if err := d.lock(ctx); err != nil {
		return nil, err
	}
	defer d.unlock()
	if err := c.discover(ctx); err != nil {
		return nil, err
	}
	var all []string
	for group, versions := range d.versions {
		for _, v := range versions {
			gv := schema.GroupVersion{Group: group, Version: v}
			if !d.read[gv] {
				// One group that does not answer must not fail the rest.
				if err := c.readVersion(ctx, gv); err != nil && ctx.Err() != nil {
					return nil, err
				}
			}
			all = append(all, gv.String())
		}
	}
	for gvk := range d.kinds {
		all = append(all, gvk.GroupVersion().String()+"/"+gvk.Kind)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// wrote notes that a write may have brought kinds.
func (c *Client) wrote(k object.Kind) {
	if gk := k.GroupKind(); gk != object.CRDKind && gk != apiServiceKind {
		return
	}
	c.discovery.turn <- struct{}{}
	c.discovery.grew = time.Now()
	c.discovery.unlock()
}

func (d *discovery) find(gk schema.GroupKind, version string) (object.Kind, bool) {
	if version != "" {
		k, ok := d.kinds[gk.WithVersion(version)]
		return k, ok
	}
	for _, v := range d.versions[gk.Group] {
		if k, ok := d.kinds[gk.WithVersion(v)]; ok {
			return k, true
		}
	}
	return object.Kind{}, false
}

// groupList is what /api and /apis answer: an aggregated list (items), or, from
// an old server, names alone.
type groupList struct {
	Kind  string
	Items []struct {
		Metadata struct{ Name string }
		Versions []struct {
			Version   string
			Freshness string
			Resources []struct {
				Resource     string
				ResponseKind schema.GroupVersionKind
				Scope        string
			}
		}
	}
	Groups   []metav1.APIGroup
	Versions []string
}

// discover finds out what is served, once.
func (c *Client) discover(ctx context.Context) (err error) {
	d := &c.discovery
	switch {
	case d.loaded:
		return nil
	case c.CacheDir == "":
		err = c.readAllGroups(ctx)
	default:
		err = c.refresh(ctx)
	}
	d.loaded = err == nil
	return err
}

// readAllGroups reads what is served: two requests, sent together.
func (c *Client) readAllGroups(ctx context.Context) error {
	d := &c.discovery
	var core, groups groupList
	failed := make(chan error, 1)
	go func() { failed <- c.readGroups(ctx, "/api", &core) }()
	err := c.readGroups(ctx, "/apis", &groups)
	if coreErr := <-failed; coreErr != nil {
		return coreErr
	}
	if err != nil {
		return err
	}
	d.reset()
	if len(core.Versions) > 0 {
		d.versions[""] = core.Versions
	}
	d.add(core)
	d.add(groups)
	return nil
}

func (c *Client) readGroups(ctx context.Context, path string, into *groupList) error {
	a, err := c.do(ctx, request{method: http.MethodGet, path: path, accept: typeDiscovery})
	if err != nil {
		return err
	}
	return a.into(into)
}

func (d *discovery) add(list groupList) {
	for _, item := range list.Items {
		for _, v := range item.Versions {
			gv := schema.GroupVersion{Group: item.Metadata.Name, Version: v.Version}
			d.addVersion(gv)
			// A group whose server is away is listed stale, or without resources.
			d.read[gv] = v.Freshness != "Stale" && len(v.Resources) > 0
			for _, r := range v.Resources {
				d.addKind(gv, r.ResponseKind.Kind, r.Resource, r.Scope == "Namespaced")
			}
		}
	}
	for _, g := range list.Groups {
		d.addGroup(g)
	}
}

// addGroup notes a group's versions, its preferred one first.
func (d *discovery) addGroup(g metav1.APIGroup) {
	delete(d.versions, g.Name)
	if v := g.PreferredVersion.Version; v != "" {
		d.addVersion(schema.GroupVersion{Group: g.Name, Version: v})
	}
	for _, v := range g.Versions {
		d.addVersion(schema.GroupVersion{Group: g.Name, Version: v.Version})
	}
}

func (d *discovery) addVersion(gv schema.GroupVersion) {
	if !slices.Contains(d.versions[gv.Group], gv.Version) {
		d.versions[gv.Group] = append(d.versions[gv.Group], gv.Version)
	}
}

func (d *discovery) addKind(gv schema.GroupVersion, kind, resource string, namespaced bool) {
	if kind == "" || strings.Contains(resource, "/") {
		return
	}
	gvk := gv.WithKind(kind)
	if _, ok := d.kinds[gvk]; !ok {
		d.kinds[gvk] = object.Kind{GroupVersionKind: gvk, Resource: resource, Namespaced: namespaced}
	}
}

// askAgain reads a group from the server that answers for it, which knows of a
// new CRD sooner than the list of all.
func (c *Client) askAgain(ctx context.Context, gk schema.GroupKind, version string) error {
	d := &c.discovery
	if version != "" {
		return c.readVersion(ctx, schema.GroupVersion{Group: gk.Group, Version: version})
	}
	if gk.Group != "" {
		a, err := c.do(ctx, request{method: http.MethodGet, path: "/apis/" + gk.Group})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		var group metav1.APIGroup
		if err := a.into(&group); err != nil {
			return err
		}
		group.Name = gk.Group
		d.addGroup(group)
	}
	for _, v := range d.versions[gk.Group] {
		if err := c.readVersion(ctx, schema.GroupVersion{Group: gk.Group, Version: v}); err != nil {
			return err
		}
		if _, ok := d.find(gk, ""); ok {
			return nil
		}
	}
	return nil
}

// readVersion reads the kinds of one group-version; one that is not served has none.
func (c *Client) readVersion(ctx context.Context, gv schema.GroupVersion) error {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	a, err := c.do(ctx, request{method: http.MethodGet, path: path})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var list metav1.APIResourceList
	if err := a.into(&list); err != nil {
		return err
	}
	c.discovery.addVersion(gv)
	c.discovery.read[gv] = true
	for _, r := range list.APIResources {
		c.discovery.addKind(gv, r.Kind, r.Name, r.Namespaced)
	}
	return nil
}
