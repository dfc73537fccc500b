package report

import (
	"slices"
	"time"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// resultDocument is how a run went, for machines.
type resultDocument struct {
	header
	Op     diff.Op     `json:"op"`
	Target diff.Target `json:"target"`
	// Outcome is succeeded, failed, timed out, interrupted, stale or lost.
	Outcome  string       `json:"outcome"`
	Changed  bool         `json:"changed"`
	Revision revisionItem `json:"revision"`
	// Seconds is how long the run took.
	Seconds    float64     `json:"seconds"`
	Finished   []object.ID `json:"finished,omitempty"`
	NotReady   []object.ID `json:"notReady,omitempty"`
	NotStarted []object.ID `json:"notStarted,omitempty"`
	// Going are being deleted, and were not waited for.
	Going  []object.ID   `json:"going,omitempty"`
	Errors []objectError `json:"errors,omitempty"`
	// Hooks are those that were run.
	Hooks     []runItem          `json:"hooks,omitempty"`
	Diagnosis *rollout.Diagnosis `json:"diagnosis,omitempty"`
	// RollbackTo is the revision that a rollback would go to.
	RollbackTo int `json:"rollbackTo,omitempty"`
	// RolledBack is the rollback that followed the failure.
	RolledBack *undoneItem `json:"rolledBack,omitempty"`
	Notes      string      `json:"notes,omitempty"`
}

type objectError struct {
	object.ID
	Message string `json:"message"`
}

// EndDocument writes how a run went as a document of kind Result.
func EndDocument(s Sink, e End) error {
	e = e.withoutSecrets()
	d := resultDocument{
		header: headerOf("Result"), Op: e.Op, Target: e.Target, Outcome: string(e.Result.Outcome),
		Changed: !e.NothingToChange, Revision: itemOf(e.Revision), Seconds: seconds(e.Took),
		Finished: sorted(e.Result.Finished), NotReady: sorted(e.Result.NotReady), NotStarted: sorted(e.Result.NotStarted), Going: sorted(e.Result.Going),
		Hooks: runItems(e.Result.Hooks), RollbackTo: e.Back, RolledBack: undoneOf(e.Undone), Notes: e.Notes,
	}
	if len(e.Result.Diagnosis.Causes) > 0 {
		d.Diagnosis = &e.Result.Diagnosis
	}
	for id, err := range e.Result.Errs {
		d.Errors = append(d.Errors, objectError{id, err.Error()})
	}
	slices.SortFunc(d.Errors, func(a, b objectError) int { return a.Compare(b.ID) })
	return WriteDocument(s.Writer, s.Format, d)
}

func sorted(ids []object.ID) []object.ID {
	return slices.SortedFunc(slices.Values(ids), object.ID.Compare)
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// revisionItem is a revision for machines: what the head says of it, without
// what only belay reads.
type revisionItem struct {
	Number      int            `json:"number"`
	Status      release.Status `json:"status,omitempty"`
	When        *time.Time     `json:"when,omitempty"`
	Seconds     float64        `json:"seconds,omitempty"`
	By          string         `json:"by,omitempty"`
	Job         string         `json:"job,omitempty"`
	Git         string         `json:"git,omitempty"`
	Bundle      string         `json:"bundle,omitempty"`
	Version     string         `json:"version,omitempty"`
	Environment string         `json:"environment,omitempty"`
	Counts      release.Counts `json:"counts"`
	Note        string         `json:"note,omitempty"`
	RollbackTo  int            `json:"rollbackTo,omitempty"`
	NotWaited   bool           `json:"notWaited,omitempty"`
}

func itemOf(r release.Revision) revisionItem {
	item := revisionItem{
		Number: r.Number, Status: r.Status, Seconds: seconds(r.Took), By: r.By, Job: r.Job, Git: r.Git,
		Bundle: r.Origin.Bundle, Version: r.Origin.Version, Environment: r.Origin.Environment,
		Counts: r.Counts, Note: r.Note, RollbackTo: r.RollbackTo, NotWaited: r.NotWaited,
	}
	if !r.When.IsZero() {
		item.When = &r.When
	}
	return item
}

func outcomeDocument(name string, r release.Revision, result *release.Result) any {
	d := struct {
		header
		Release   string             `json:"release"`
		Revision  revisionItem       `json:"revision"`
		Diagnosis *rollout.Diagnosis `json:"diagnosis,omitempty"`
		Error     string             `json:"error,omitempty"`
	}{header: headerOf("Diagnosis"), Release: name, Revision: itemOf(r)}
	if result != nil {
		d.Diagnosis, d.Error = result.Diagnosis, result.Error
	}
	return d
}
