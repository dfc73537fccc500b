package report

import (
	"fmt"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

// tally counts what became of the changes: 3 of 5 changes done, 1 not ready.
func (e *End) tally() string {
	text := e.doneOf()
	failed, notReady := 0, 0
	for _, id := range e.Result.NotReady {
		if e.Result.Errs[id] != nil {
			failed++
		} else {
			notReady++
		}
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if notReady > 0 {
		text += fmt.Sprintf(", %d not ready", notReady)
	}
	if ids := e.notStarted(); len(ids) > 0 {
		text += fmt.Sprintf(", %d not started%s", len(ids), e.withVerbs(ids))
	}
	return text
}

// doneOf counts the changes that are done.
func (e *End) doneOf() string {
	if total := e.total(); total > 0 {
		return fmt.Sprintf("%d of %s done", len(e.Result.Finished), count(total, "change"))
	}
	return "nothing was to be changed"
}

// fewNames is how many names a result line takes.
const fewNames = 3

// notStarted are the changes that were never begun. What needs no request is
// none of them.
func (e *End) notStarted() []object.ID {
	var ids []object.ID
	for _, id := range sorted(e.Result.NotStarted) {
		if c := e.change(id); c == nil || counts(c) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (e *End) withVerbs(ids []object.ID) string {
	var parts []string
	for _, id := range ids {
		if len(parts) == fewNames {
			parts = append(parts, "…")
			break
		}
		verb := ""
		if c := e.change(id); c != nil {
			verb = string(c.Action) + " "
		}
		parts = append(parts, verb+Clean(id.In(e.Target.Namespace)))
	}
	return inBrackets(strings.Join(parts, ", "))
}

// total is the number of changes that had something to send.
func (e *End) total() int {
	if e.Plan == nil {
		return len(e.Result.Finished) + len(e.Result.NotReady) + len(e.Result.NotStarted)
	}
	n := 0
	for i := range e.Plan.Changes {
		if counts(&e.Plan.Changes[i]) {
			n++
		}
	}
	return n
}

func (e *End) change(id object.ID) *diff.Change {
	if e.Plan == nil {
		return nil
	}
	for i := range e.Plan.Changes {
		if e.Plan.Changes[i].ID == id {
			return &e.Plan.Changes[i]
		}
	}
	return nil
}
