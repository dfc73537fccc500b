package component

import (
	"sync/atomic"
	_ "unsafe" // for linkname
)

// dynamicGitVersion is what k8s.io/component-base reports as the version of everything. Its own setter accepts no version other than the one
// linked in by -ldflags, without which clients get "v0.0.0-master+$Format:%H$", which they cannot parse. Reaching for the variable instead
// keeps "go build" all there is to building a playground, and takes the version from go.mod.
//
//go:linkname dynamicGitVersion k8s.io/component-base/version.dynamicGitVersion
var dynamicGitVersion atomic.Value

func setVersion() error {
	version, err := Version()
	if err == nil {
		dynamicGitVersion.Store(version)
	}
	return err
}
