package report

import (
	"io"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
)

// Failure is an error as it is shown: the message, details line by line, and
// what to do next.
type Failure struct {
	// Code is the exit code.
	Code int `json:"code"`
	// Message is the first line, without "error:".
	Message string   `json:"message"`
	Lines   []string `json:"lines,omitempty"`
	Hints   []string `json:"hints,omitempty"`
	// Mistakes are in the user's files, in the order of the files. Message sums
	// them up; where there is only one, it is shown in its place.
	Mistakes []*object.Error `json:"-"`
}

// Error writes an error for people.
func Error(w io.Writer, f Failure, color bool) {
	var b strings.Builder
	writeFailure(&b, f, paint(color))
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to complain
}

func writeFailure(b *strings.Builder, f Failure, p paint) {
	for _, m := range f.Mistakes {
		writeMistake(b, m, p)
	}
	switch len(f.Mistakes) {
	case 0:
		writeMessage(b, f.Message, p)
	case 1:
	default:
		b.WriteString(Clean(f.Message) + "\n")
	}
	for _, text := range f.Lines {
		for _, line := range CleanLines(text) {
			b.WriteString("  " + line + "\n")
		}
	}
	writeHints(b, f.Hints)
}

func writeMistake(b *strings.Builder, m *object.Error, p paint) {
	message := m.Message
	if place := m.Place(); place != "" {
		message = place + ": " + message
	}
	writeMessage(b, message, p)
	for _, line := range m.Excerpt {
		b.WriteString(clean(line, ' ') + "\n")
	}
	if m.Hint != "" {
		writeHints(b, []string{m.Hint})
	}
}

func writeMessage(b *strings.Builder, message string, p paint) {
	for i, line := range CleanLines(message) {
		if i == 0 {
			line = p.in(red, "error:") + " " + line
		}
		b.WriteString(line + "\n")
	}
}

func writeHints(b *strings.Builder, hints []string) {
	lead := "hint: "
	for _, text := range hints {
		for _, line := range CleanLines(text) {
			b.WriteString(lead + line + "\n")
			lead = "      "
		}
	}
}

// Warnings writes what the user should know and what stops nothing.
func Warnings(w io.Writer, warnings []render.Warning, color bool) {
	var b strings.Builder
	for _, warning := range warnings {
		place := warning.Source.String()
		if place != "" {
			place += ": "
		}
		b.WriteString(paint(color).in(yellow, "warning:") + " " + Clean(place+warning.Message) + "\n")
	}
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to complain
}

// Refused writes why a plan is refused: every reason, in the order of the plan.
func Refused(w io.Writer, p *diff.Plan, color bool) error {
	var b strings.Builder
	for _, r := range hideRefusals(secretsOfPlan(p), p.Refused) {
		writeFailure(&b, refusalFailure(r), paint(color))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// refusalFailure gives a refusal the beginning and the end that its kind has.
func refusalFailure(r diff.Refusal) Failure {
	f := Failure{Code: r.Code, Message: r.Message, Lines: r.Lines, Hints: r.Hints}
	lead := map[int]string{diff.RefusedByRule: "refused: ", diff.RefusedPermission: "not permitted: "}[r.Code]
	if !strings.HasPrefix(f.Message, lead) {
		f.Message = lead + f.Message
	}
	if !strings.Contains(f.Message, "nothing was changed") {
		f.Message += "; nothing was changed"
	}
	return f
}
