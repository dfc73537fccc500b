package chart

import (
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/version"
)

// Capabilities are what a chart's templates see as .Capabilities.
type Capabilities struct {
	KubeVersion KubeVersion
	APIVersions VersionSet
	HelmVersion HelmVersion
}

// KubeVersion is a version of Kubernetes. Printed, it is without what a provider
// appends to it.
type KubeVersion struct {
	Version      string
	plain        string
	Major, Minor string
}

// String returns v1.33.4 also for v1.33.4-gke.100.
func (v *KubeVersion) String() string { return v.plain }

// GitVersion returns the whole version.
func (v *KubeVersion) GitVersion() string { return v.Version }

// VersionSet are the API versions that a cluster serves.
type VersionSet []string

// Has says whether the cluster serves apps/v1, or apps/v1/Deployment.
func (s VersionSet) Has(name string) bool { return slices.Contains(s, name) }

// HelmVersion is the version of Helm whose rules these are.
type HelmVersion struct {
	Version, GitCommit, GitTreeState, GoVersion, KubeClientVersion string
}

// helmVersion is the Helm that the conformance tests compare with.
const helmVersion = "v4.3"

// NewCapabilities says what a cluster can do. Without its API versions, they are
// those that Helm takes for granted; extra ones are added.
func NewCapabilities(kubeVersion string, apis, extra []string) (*Capabilities, error) {
	v, err := version.ParseGeneric(kubeVersion)
	if err != nil {
		return nil, fmt.Errorf("%q is not a version of Kubernetes", kubeVersion)
	}
	if kubeVersion[0] != 'v' {
		kubeVersion = "v" + kubeVersion
	}
	if len(apis) == 0 {
		apis = knownVersions
	}
	minor := strconv.FormatUint(uint64(v.Minor()), 10)
	return &Capabilities{
		KubeVersion: KubeVersion{
			Version: kubeVersion, plain: "v" + v.String(),
			Major: strconv.FormatUint(uint64(v.Major()), 10), Minor: minor,
		},
		APIVersions: slices.Concat(VersionSet(apis), extra),
		HelmVersion: HelmVersion{Version: helmVersion, GoVersion: "go1.26", KubeClientVersion: "v1.37"},
	}, nil
}
