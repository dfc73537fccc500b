package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// writeLeft names what --no-prune left behind, which only the next run without it removes.
func (e *End) writeLeft(b *strings.Builder) {
	if e.Plan == nil {
		return
	}
	var ids []object.ID
	for _, c := range e.Plan.Changes {
		if c.Action == diff.Keep && c.Leftover && !slices.Contains(e.Result.Going, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) > 0 {
		fmt.Fprintf(b, "  left: %s (--no-prune: the next run without it deletes what is not wanted then)\n",
			Clean(names(ids, e.Target.Namespace, 0)))
	}
}

// writeGoing names what was deleted and not waited for.
func (e *End) writeGoing(b *strings.Builder) {
	ids := sorted(e.Result.Going)
	for _, id := range ids[:min(len(ids), manyNames)] {
		fmt.Fprintf(b, "  not gone yet: %s%s\n", Clean(id.In(e.Target.Namespace)), inBrackets(goingWords(e.Result.States[id])))
	}
	if more := len(ids) - manyNames; more > 0 {
		fmt.Fprintf(b, "  not gone yet: %d more\n", more)
	}
}

// goingWords say what an object waits for that is being deleted.
func goingWords(s rollout.State) string {
	return strings.TrimPrefix(strings.TrimPrefix(Clean(s.Summary), "is being deleted"), "; ")
}

// writeKept names what a run let go: nobody else will.
func (e *End) writeKept(b *strings.Builder) {
	e.writeLeft(b)
	if e.Plan == nil {
		return
	}
	for _, c := range e.Plan.Changes {
		if c.Action == diff.Keep && !c.Leftover {
			fmt.Fprintf(b, "  kept: %s%s\n", Clean(c.ID.In(e.Target.Namespace)), inBrackets(Clean(c.Reason)))
		}
	}
}

// namespaceGoes says that all that a delete still waits for is the release's namespace.
func (e *End) namespaceGoes() bool {
	id := object.ID{Kind: object.NamespaceKind.Kind, Name: e.Target.Namespace}
	return e.Op == diff.OpDelete && e.Result.States[id].Phase == rollout.Deleting &&
		len(e.Result.NotReady) == 1 && e.Result.NotReady[0] == id && len(e.Result.NotStarted) == 0
}

// hookFailed says that a hook is among what is not ready.
func (e *End) hookFailed() bool {
	return slices.ContainsFunc(e.Result.NotReady, func(id object.ID) bool {
		c := e.change(id)
		return c != nil && c.Hook != nil
	})
}
