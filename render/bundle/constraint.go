package bundle

import (
	"fmt"

	"github.com/Masterminds/semver/v3"
)

// checkConstraint says what is wrong with a version constraint.
func checkConstraint(constraint string) error {
	if constraint == "" {
		return nil
	}
	if _, err := semver.NewConstraint(constraint); err != nil {
		return fmt.Errorf("%q is not a constraint such as >=1.28", constraint)
	}
	return nil
}

// Allows says whether a bundle may be used with a version of Kubernetes. What
// a provider appends to the version (-gke.100) does not count.
func (s Spec) Allows(kubeVersion string) (bool, error) {
	if s.KubeVersion == "" {
		return true, nil
	}
	constraint, err := semver.NewConstraint(s.KubeVersion)
	if err != nil {
		return false, fmt.Errorf("%q is not a constraint such as >=1.28", s.KubeVersion)
	}
	version, err := semver.NewVersion(kubeVersion)
	if err != nil {
		return false, fmt.Errorf("%q is not a version of Kubernetes", kubeVersion)
	}
	return constraint.Check(semver.New(version.Major(), version.Minor(), version.Patch(), "", "")), nil
}
