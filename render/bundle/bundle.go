// Package bundle loads what render renders: a directory with a bundle.yaml, or
// plain manifests in a file, a directory or a stream. It reads files and
// understands bundle.yaml strictly; it evaluates nothing.
package bundle

import (
	"time"

	"github.com/belay-sh/belay/internal/policy"
)

// Type tells the kinds of bundles apart.
type Type string

// The kinds of bundles.
const (
	Belay         Type = "belay"
	Kustomization Type = "kustomization"
	Plain         Type = "plain"
)

// Names of the files of a bundle that have a meaning.
const (
	SpecFile   = "bundle.yaml"
	ValuesFile = "values.yaml"
	// SchemaFile holds a JSON schema of the values.
	SchemaFile = "values.schema.json"
	// Definitions is the folder of CRDs, which are no templates.
	Definitions = "crds"
	Templates   = "templates"
	Notes       = "templates/NOTES.txt"
)

// File is a file of a bundle, in memory.
type File struct {
	// Name is relative to the bundle, with forward slashes.
	Name string
	Data []byte
}

// Bundle is a loaded bundle.
type Bundle struct {
	Type Type
	// Path is what the user named it: a directory, a file, or "-".
	Path string
	Spec Spec
	// Files are all the files that rendering may need, sorted by name.
	Files []File
	// Tree is the kustomization, where the bundle is one.
	Tree *Tree
	// Overlays are the overlays of environments, by directory.
	Overlays map[string]*Tree
}

// File returns the content of a file of the bundle.
func (b *Bundle) File(name string) ([]byte, bool) {
	for _, f := range b.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// Spec is what bundle.yaml says. The zero Spec is a bundle without one.
type Spec struct {
	Name    string
	Version string
	// KubeVersion is a constraint on the cluster's version: ">=1.28".
	KubeVersion string
	// Dependencies are bundles that are rendered with it.
	Dependencies []Dependency
	Environments map[string]Environment
	Rollout      Rollout
	// History is how many revisions are kept; 0 means the default.
	History int
	// Fields say who wins fields that others set too.
	Fields []policy.FieldRule
	// Readiness are the rules for kinds that follow no convention.
	Readiness []policy.ReadyRule
}

// Environment is a named set of choices in bundle.yaml.
type Environment struct {
	Namespace string
	Release   string
	// Values are files of the bundle, in order; later ones win.
	Values []string
	// Overlay is a directory of the bundle: a kustomization of what was rendered.
	Overlay string
	// Cluster is the only cluster that this environment may be applied to.
	Cluster Cluster
}

// Cluster identifies a cluster; empty fields are not checked.
type Cluster struct {
	// Server is the API server's URL.
	Server string
	// UID is that of the namespace kube-system, which no other cluster has.
	UID string
	// Context is the name of a context in the kubeconfig.
	Context string
}

// Rollout is the bundle's say on waiting; zero values mean the defaults.
type Rollout struct {
	Timeout     time.Duration
	FailAfter   time.Duration
	MaxRestarts int
	// RestartOnConfigChange is nil where the bundle does not say.
	RestartOnConfigChange *bool
}
