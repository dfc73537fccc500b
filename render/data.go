package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/render/bundle"
)

// newestKube is the newest version of Kubernetes that belay knows.
const newestKube = "v1.37.0"

// templateData is what templates see beside .Template.
func templateData(b *bundle.Bundle, o Options, vals map[string]any) map[string]any {
	apis := o.APIVersions
	if len(apis) == 0 {
		apis = builtinAPIs
	}
	return map[string]any{
		"Values": vals,
		"Release": map[string]any{
			"Name": o.Release.Name, "Namespace": o.Release.Namespace, "Service": "belay", "Revision": int64(o.Release.Revision),
			"IsInstall": o.Release.IsInstall, "IsUpgrade": !o.Release.IsInstall,
		},
		"Bundle":      map[string]any{"Name": b.Spec.Name, "Version": b.Spec.Version},
		"Environment": o.Environment,
		"Capabilities": map[string]any{
			"KubeVersion": newKubeVersion(o.KubeVersion),
			"APIVersions": APIVersions(apis),
		},
		"Files": newFiles(b),
	}
}

// KubeVersion is .Capabilities.KubeVersion in templates; printed, it is the version.
type KubeVersion struct {
	Version, Major, Minor string
}

func newKubeVersion(version string) KubeVersion {
	if !strings.HasPrefix(version, "v") {
		version = "v" + version
	}
	v := KubeVersion{Version: version}
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	v.Major = parts[0]
	if len(parts) > 1 {
		v.Minor = parts[1]
	}
	return v
}

// String returns the version: v1.37.0.
func (v KubeVersion) String() string { return v.Version }

// APIVersions is .Capabilities.APIVersions in templates.
type APIVersions []string

// Has says whether the cluster serves apps/v1, or apps/v1/Deployment.
func (a APIVersions) Has(name string) bool { return slices.Contains(a, name) }

// String lists them.
func (a APIVersions) String() string { return fmt.Sprint([]string(a)) }

// builtinAPIs are those of a cluster that nobody asked.
var builtinAPIs = []string{
	"v1", "admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1", "apps/v1",
	"authentication.k8s.io/v1", "authorization.k8s.io/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1",
	"certificates.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1",
	"flowcontrol.apiserver.k8s.io/v1", "networking.k8s.io/v1", "node.k8s.io/v1", "policy/v1",
	"rbac.authorization.k8s.io/v1", "resource.k8s.io/v1", "scheduling.k8s.io/v1", "storage.k8s.io/v1",
}
