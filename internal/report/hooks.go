package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
)

// counts says that a change is one that people count: it sends something, and is
// no part of another, nor for the case that the run fails.
func counts(c *diff.Change) bool {
	return (len(c.Steps) > 0 || c.Made) && c.Action != diff.Clear && (c.Hook == nil || c.Hook.Phase != diff.PhaseFailure)
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

// hookItem is a hook of a revision for machines.
type hookItem struct {
	object.ID
	Events []policy.Event `json:"events"`
	Weight int            `json:"weight,omitempty"`
	// Manifest is as it was rendered; Secrets are masked.
	Manifest map[string]any `json:"manifest"`
}

// runItem is how a hook went, for machines.
type runItem struct {
	object.ID
	Event   string    `json:"event"`
	When    time.Time `json:"when"`
	Seconds float64   `json:"seconds,omitempty"`
	Failed  bool      `json:"failed"`
	Summary string    `json:"summary,omitempty"`
	Exit    *int      `json:"exit,omitempty"`
	Log     []string  `json:"log,omitempty"`
}

func runItems(runs []release.HookRun) []runItem {
	items := make([]runItem, len(runs))
	for i, r := range runs {
		items[i] = runItem{r.ID, r.Event, r.When, seconds(r.Took), r.Failed, r.Summary, r.Exit, r.Log}
	}
	return items
}

// Hooks writes the hooks of a revision, and how those went that were run.
func Hooks(s Sink, name, namespace string, r release.Revision, hooks []object.Object, result *release.Result) error {
	if result == nil {
		result = &release.Result{}
	}
	if s.Format != Text {
		masker := &object.Masker{}
		items := make([]hookItem, len(hooks))
		for i, o := range hooks {
			h := readHook(o)
			items[i] = hookItem{o.ID(), h.Events, h.Weight, masker.Object(o.Body).Object}
		}
		return WriteDocument(s.Writer, s.Format, struct {
			header
			Release  string     `json:"release"`
			Revision int        `json:"revision"`
			Hooks    []hookItem `json:"hooks"`
			Runs     []runItem  `json:"runs"`
			Tests    []runItem  `json:"tests"`
		}{headerOf("Hooks"), name, r.Number, items, runItems(result.Hooks), runItems(result.Tests)})
	}
	if len(hooks) == 0 {
		return nil
	}
	rows := [][]string{{"HOOK", "EVENTS", "WEIGHT", "WENT"}}
	var logs strings.Builder
	for _, o := range hooks {
		h := readHook(o)
		events := make([]string, len(h.Events))
		for i, e := range h.Events {
			events[i] = string(e)
		}
		id := o.ID()
		if id.Namespace == "" {
			id.Namespace = namespace
		}
		var went []string
		for _, run := range append(result.Hooks[:len(result.Hooks):len(result.Hooks)], result.Tests...) {
			if run.ID == o.ID() || run.ID == id {
				went = append(went, runWords(run))
				writeRunLog(&logs, run, namespace)
			}
		}
		rows = append(rows, []string{Clean(id.In(namespace)), strings.Join(events, ","), itoa(h.Weight), orDash(strings.Join(went, "; "))})
	}
	if err := table(s.Writer, rows); err != nil {
		return err
	}
	_, err := io.WriteString(s.Writer, logs.String())
	return err
}

// readHook reads a hook that was recorded: its mistakes were refused before.
func readHook(o object.Object) policy.Hook {
	h, err := policy.HookOf(o)
	if err != nil {
		return policy.Hook{}
	}
	return h
}

// runWords say how a hook went: pre-upgrade: complete in 8s, exit 0.
func runWords(r release.HookRun) string {
	text := r.Event + ": "
	switch {
	case r.Summary != "":
		text += Clean(r.Summary)
	case r.Failed:
		text += "failed"
	default:
		text += "created"
	}
	if r.Failed && r.Took > 0 && !strings.Contains(r.Summary, " in ") {
		text += " after " + Duration(r.Took)
	}
	if r.Exit != nil {
		text += fmt.Sprintf(", exit %d", *r.Exit)
	}
	return text
}

// writeRunLog writes the last lines of a hook below its name.
func writeRunLog(b *strings.Builder, r release.HookRun, namespace string) {
	if len(r.Log) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s, %s: its last lines:\n", Clean(r.ID.In(namespace)), r.Event)
	for _, line := range r.Log {
		b.WriteString("  " + Clean(line) + "\n")
	}
}

// Tests are how the tests of a release went.
type Tests struct {
	Target   diff.Target
	Revision int
	Plan     *diff.Plan
	Result   *apply.Result
	// Runs are those that were run, without secrets; Total is how many there are.
	Runs  []release.HookRun
	Total int
	Took  time.Duration
	Flags Flags
}

// WriteTests writes how tests went, for people; the result comes last.
func WriteTests(w io.Writer, t Tests, color bool) {
	var b strings.Builder
	p := paint(color)
	e := End{Op: diff.OpTest, Target: t.Target, Plan: t.Plan, Result: t.Result, Flags: t.Flags}.withoutSecrets()
	writeErrors(&b, &e, p)
	writeDiagnosis(&b, e.Result.Diagnosis, t.Target.Namespace, t.Flags, p)
	if b.Len() > 0 {
		_, _ = io.WriteString(w, "\n")
		b.WriteString("\n")
	}
	failed := 0
	for _, r := range t.Runs {
		if r.Failed {
			failed++
		}
	}
	of := fmt.Sprintf("%s of %s revision %d", count(t.Total, "test"), t.Target.Release, t.Revision)
	switch {
	case t.Result.Outcome == apply.Succeeded:
		b.WriteString(p.in(green, "passed "+of+" in "+Duration(t.Took)) + "\n")
	case t.Result.Outcome == apply.Interrupted:
		fmt.Fprintf(&b, "interrupted after %s: %d of %s ended; the lock is released\n", Duration(t.Took), len(t.Runs)-failed, of)
	default:
		text := fmt.Sprintf("%d of %s failed after %s", failed, of, Duration(t.Took))
		if left := t.Total - len(t.Runs); left > 0 {
			text += fmt.Sprintf(", %d not run", left)
		}
		b.WriteString(p.in(red, text) + "\n  what they printed: " + t.Flags.Command("get", "hooks", t.Target.Release) + "\n")
	}
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to complain
}

// TestsDocument writes how tests went as a document of kind TestResult.
func TestsDocument(s Sink, t Tests) error {
	return WriteDocument(s.Writer, s.Format, struct {
		header
		Target   diff.Target `json:"target"`
		Revision int         `json:"revision"`
		Outcome  string      `json:"outcome"`
		Seconds  float64     `json:"seconds"`
		Total    int         `json:"total"`
		Tests    []runItem   `json:"tests"`
	}{headerOf("TestResult"), t.Target, t.Revision, string(t.Result.Outcome), seconds(t.Took), t.Total, runItems(t.Runs)})
}
