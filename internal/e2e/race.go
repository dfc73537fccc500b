//go:build race

package e2e

// raceFlags build belay as the tests are built.
var raceFlags = []string{"-race"}
