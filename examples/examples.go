// Package examples holds bundles that work, for `belay create --example` and
// for people to read: every folder here is a bundle that a test deploys. It
// stands beside the flow and holds no code.
package examples

import "embed"

// FS holds the example bundles, one folder each. all: takes _helpers.tpl along.
//
//go:embed all:web-single all:web-sidecar all:microservices all:redis all:kinds
var FS embed.FS
