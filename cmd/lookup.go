package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// lookupFlags say who answers what templates ask of the cluster, where nobody is
// asked otherwise.
type lookupFlags struct {
	live bool
	from []string
}

func addLookupFlags(fs *pflag.FlagSet, l *lookupFlags) {
	fs.BoolVar(&l.live, "live", false, "ask the cluster what it serves, and let it answer lookup")
	fs.StringArrayVar(&l.from, "lookup-from", nil, "`FILE` or folder of manifests that answer lookup; repeatable")
}

func (l *lookupFlags) check() error {
	if l.live && len(l.from) > 0 {
		return inputError("--live asks the cluster, --lookup-from files: give one of them")
	}
	return nil
}

// answer completes options with what the cluster, or the files, say. What was
// given by other flags stays.
func (l *lookupFlags) answer(ctx context.Context, e *env, o *render.Options) error {
	if err := l.check(); err != nil {
		return err
	}
	switch {
	case len(l.from) > 0:
		known, err := readManifests(l.from)
		o.Lookup = known.lookup
		return err
	case !l.live:
		return nil
	}
	conn, err := e.connect()
	if err != nil {
		return err
	}
	version, err := conn.Client.Version(ctx)
	if err != nil {
		return err
	}
	if o.KubeVersion == "" {
		o.KubeVersion = version
	}
	if o.APIVersions, err = conn.Client.APIVersions(ctx); err != nil {
		return err
	}
	o.Lookup = func(apiVersion, kind, namespace, name string) (map[string]any, error) {
		return conn.lookup(ctx, apiVersion, kind, namespace, name)
	}
	return nil
}

// namespace is that of the context, if the cluster is asked.
func (l *lookupFlags) namespace(e *env) (string, error) {
	if err := l.check(); err != nil || !l.live {
		return "", err
	}
	conn, err := e.connect()
	if err != nil {
		return "", err
	}
	return conn.Namespace, nil
}

// lookup answers the lookup of templates by asking the cluster: an object, or a
// list when no name is given. An object that is not there is empty; a kind that is not served is an error.
func (c *connection) lookup(ctx context.Context, apiVersion, kind, namespace, name string) (map[string]any, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	served, err := c.Client.Kind(ctx, schema.GroupKind{Group: gv.Group, Kind: kind}, gv.Version)
	if err != nil {
		return nil, fmt.Errorf("looking up %s %s: %w", apiVersion, kind, err)
	}
	if !served.Namespaced {
		namespace = ""
	}
	if name == "" {
		list, err := c.Client.List(ctx, served, namespace, "")
		if err != nil {
			return nil, fmt.Errorf("looking up %s %s: %w", apiVersion, kind, err)
		}
		return list.UnstructuredContent(), nil
	}
	live, err := c.Client.Get(ctx, served, namespace, name)
	if apierrors.IsNotFound(err) || err == nil && live == nil {
		return map[string]any{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up %s %s %s: %w", apiVersion, kind, name, err)
	}
	return live.UnstructuredContent(), nil
}

// manifests answer lookup in a cluster's stead.
type manifests []object.Object

// readManifests reads files, and the YAML and JSON files of folders. All mistakes
// are reported.
func readManifests(paths []string) (manifests, error) {
	var all manifests
	var errs []error
	for _, path := range paths {
		names := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			names = nil
			for _, extension := range []string{"*.yaml", "*.yml", "*.json"} {
				found, _ := filepath.Glob(filepath.Join(path, extension)) // the pattern is good
				names = append(names, found...)
			}
		}
		for _, name := range names {
			objects, err := readManifest(name)
			if err != nil {
				errs = append(errs, err)
			}
			all = append(all, objects...)
		}
	}
	if len(errs) > 0 {
		return nil, mistakesIn("what --lookup-from names", errors.Join(errs...))
	}
	return all, nil
}

func readManifest(name string) ([]object.Object, error) {
	data, err := os.ReadFile(name)
	var at *fs.PathError
	if errors.As(err, &at) {
		return nil, &object.Error{File: name, Message: "reading what --lookup-from names: " + at.Err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return object.Decode(data, name)
}

// lookup finds an object, or a list of them when no name is given, as a cluster
// would that holds the manifests. One that names no namespace is in any.
func (m manifests) lookup(apiVersion, kind, namespace, name string) (map[string]any, error) {
	items := []any{}
	for _, o := range m {
		in := o.Body.GetNamespace()
		if o.Body.GetAPIVersion() != apiVersion || o.Body.GetKind() != kind || namespace != "" && in != "" && in != namespace {
			continue
		}
		if name == "" {
			items = append(items, o.Body.DeepCopy().Object)
		} else if o.Body.GetName() == name {
			return o.Body.DeepCopy().Object, nil
		}
	}
	if name != "" {
		return map[string]any{}, nil
	}
	return map[string]any{"apiVersion": apiVersion, "kind": kind + "List", "metadata": map[string]any{}, "items": items}, nil
}
