package report

import (
	"fmt"
	"strings"

	"github.com/belay-sh/belay/diff"
)

// counts says that a change is one that people count: it sends something, and is
// no part of another, nor for the case that the run fails.
func counts(c *diff.Change) bool {
	return len(c.Steps) > 0 && c.Action != diff.Clear && (c.Hook == nil || c.Hook.Phase != diff.PhaseFailure)
}

// hookWords say when a hook runs, and what becomes of it.
func hookWords(h *diff.Hook) string {
	var parts []string
	switch {
	case h.Phase == diff.PhaseFailure:
		parts = append(parts, "only if this run fails")
	case h.Event == "test":
		parts = append(parts, "test")
	default:
		parts = append(parts, string(h.Event)+" hook")
	}
	if h.Weight != 0 {
		parts = append(parts, fmt.Sprintf("weight %d", h.Weight))
	}
	if h.ClearSucceeded {
		parts = append(parts, "deleted when it succeeded")
	}
	return strings.Join(parts, ", ")
}
