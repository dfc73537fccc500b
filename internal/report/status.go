package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// ReleaseStatus is a release as it is now.
type ReleaseStatus struct {
	Name, Namespace string
	Revision        release.Revision
	// Holder is who holds the lock, or nil.
	Holder  *release.Holder
	Objects []ObjectStatus
	// Diagnosis explains what is not ready.
	Diagnosis rollout.Diagnosis
	// Drifted counts the objects that others changed, where that was looked for;
	// Drift is the command that shows them.
	Drifted int
	Drift   string
}

// ObjectStatus is an object of a release as it is now.
type ObjectStatus struct {
	ID      object.ID
	State   rollout.State
	Created time.Time
	// NotWaited is true where the bundle says that it is done once it exists.
	NotWaited bool
}

// Healthy says whether all objects are ready that a run would wait for.
func (r ReleaseStatus) Healthy() bool {
	for _, o := range r.Objects {
		if o.State.Phase != rollout.Ready && !o.NotWaited {
			return false
		}
	}
	return true
}

// Status writes a release's head line and a row per object; objects that are
// ready and count nothing share a row, unless full.
func Status(s Sink, r ReleaseStatus, now time.Time, full bool) error {
	if s.Format != Text {
		return WriteDocument(s.Writer, s.Format, statusDocument(r))
	}
	if _, err := io.WriteString(s.Writer, statusHead(r, now)); err != nil {
		return err
	}
	if len(r.Objects) == 0 {
		_, err := io.WriteString(s.Writer, "no objects\n")
		return err
	}
	rows := [][]string{{"READY", "OBJECT", "STATE", "AGE", ""}}
	for _, row := range statusRows(r, now, full) {
		rows = append(rows, []string{row.ready, row.object, row.state, row.age, row.cause})
	}
	if err := table(s.Writer, rows); err != nil || r.Drifted == 0 {
		return err
	}
	_, err := fmt.Fprintf(s.Writer, "drift: %s (%s)\n", count(r.Drifted, "object"), r.Drift)
	return err
}

// statusRow is a row of a status.
type statusRow struct{ ready, object, state, age, cause string }

func statusRows(r ReleaseStatus, now time.Time, full bool) []statusRow {
	causes := map[object.ID]rollout.Cause{}
	for _, c := range r.Diagnosis.Causes {
		if _, known := causes[c.ID]; !known {
			causes[c.ID] = c
		}
	}
	var rows []statusRow
	others := 0
	for _, o := range r.Objects {
		if !full && plainReady(o.State) {
			others++
			continue
		}
		state, cause := o.State, causes[o.ID]
		if cause.State.Phase == rollout.Failed {
			state.Phase, state.Reason = rollout.Failed, cause.State.Reason // the object alone cannot tell
		}
		words := stateWords(state)
		if o.NotWaited && state.Phase != rollout.Ready {
			words += ", not waited for"
		}
		rows = append(rows, statusRow{
			readyWords(state), Clean(o.ID.In(r.Namespace)), words, ageOf(now, o.Created), causeWords(cause),
		})
	}
	switch {
	case others == 1:
		rows = append(rows, statusRow{ready: "-", object: "1 other", state: "ready"})
	case others > 1:
		rows = append(rows, statusRow{ready: "-", object: itoa(others) + " others", state: "ready"})
	}
	return rows
}

func statusHead(r ReleaseStatus, now time.Time) string {
	rev := r.Revision
	text := fmt.Sprintf("release %s · revision %d %s %s", r.Name, rev.Number, rev.Status, ago(now, rev.When))
	if rev.By != "" {
		text += " by " + Clean(rev.By)
		if rev.Job != "" {
			text += inBrackets(Clean(rev.Job))
		}
	}
	if b := bundleWords(rev.Origin.Bundle, rev.Origin.Version); b != "" {
		text += " · bundle " + b
	}
	if rev.Origin.Environment != "" {
		text += " · environment " + Clean(rev.Origin.Environment)
	}
	if rev.Git != "" {
		text += " · git " + shortCommit(rev.Git)
	}
	if rev.NotWaited {
		text += " · not waited for"
	}
	text += "\n"
	if h := r.Holder; h != nil {
		text += fmt.Sprintf("locked by %s for %s (last sign of life %s ago)\n", Clean(h.By), Age(now, h.Since), Age(now, h.Renewed))
	}
	return text
}

// plainReady says that there is nothing to tell of an object.
func plainReady(s rollout.State) bool {
	return s.Phase == rollout.Ready && s.Wanted == 0 && (s.Summary == "" || s.Summary == "ready" || strings.HasPrefix(s.Summary, "exists"))
}

func readyWords(s rollout.State) string {
	if s.Wanted == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", s.Done, s.Wanted)
}

// stateWords say the phase, and what the counts beside it do not.
func stateWords(s rollout.State) string {
	summary := Clean(s.Summary)
	switch {
	case s.Phase == rollout.Failed:
		return "failed" + colonIf(firstOf(Clean(s.Reason), summary))
	case s.Phase == rollout.Ready && s.Wanted > 0:
		if strings.HasPrefix(summary, "complete") {
			return summary
		}
		return "ready"
	case s.Phase == rollout.Ready:
		return firstOf(summary, "ready")
	case summary == "" || summary == string(s.Phase):
		return string(s.Phase)
	case s.Phase == rollout.Deleting && strings.HasPrefix(summary, "being deleted"):
		return summary
	case s.Phase == rollout.Progressing:
		return "progressing: " + summary
	default:
		return string(s.Phase) + ": " + summary
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func colonIf(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// causeWords are the root of a state in a line.
func causeWords(c rollout.Cause) string {
	text := strings.TrimSuffix(c.Because, "; its last lines:")
	if text == c.Because && len(c.Detail) > 0 && len(c.Detail) <= 2 {
		text = strings.TrimPrefix(text+colonIf(strings.Join(c.Detail, ", ")), ": ") // a cause may be all detail
	}
	return Clean(text)
}

func ageOf(now, created time.Time) string {
	if created.IsZero() {
		return "-"
	}
	return Age(now, created)
}

func statusDocument(r ReleaseStatus) any {
	type item struct {
		object.ID
		State   rollout.State `json:"state"`
		Created *time.Time    `json:"created,omitempty"`
		// NotWaited is true where it counts as healthy once it exists.
		NotWaited bool `json:"notWaitedFor,omitempty"`
	}
	items := make([]item, len(r.Objects))
	for i, o := range r.Objects {
		items[i] = item{ID: o.ID, State: o.State, NotWaited: o.NotWaited}
		if !o.Created.IsZero() {
			items[i].Created = &r.Objects[i].Created
		}
	}
	d := struct {
		header
		Namespace string             `json:"namespace"`
		Release   string             `json:"release"`
		Healthy   bool               `json:"healthy"`
		Revision  revisionItem       `json:"revision"`
		LockedBy  string             `json:"lockedBy,omitempty"`
		Drifted   int                `json:"drifted,omitempty"`
		Objects   []item             `json:"objects"`
		Diagnosis *rollout.Diagnosis `json:"diagnosis,omitempty"`
	}{
		header: headerOf("Status"), Namespace: r.Namespace, Release: r.Name, Healthy: r.Healthy(),
		Revision: itemOf(r.Revision), Objects: items, Drifted: r.Drifted,
	}
	if r.Holder != nil {
		d.LockedBy = r.Holder.By
	}
	if len(r.Diagnosis.Causes) > 0 {
		d.Diagnosis = &r.Diagnosis
	}
	return d
}
