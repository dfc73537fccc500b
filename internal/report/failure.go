package report

import (
	"io"
	"strings"

	"github.com/belay-sh/belay/diff"
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
}

// Error writes an error for people.
func Error(w io.Writer, f Failure, color bool) {
	var b strings.Builder
	writeFailure(&b, f, paint(color))
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to complain
}

func writeFailure(b *strings.Builder, f Failure, p paint) {
	for i, line := range CleanLines(f.Message) {
		if i == 0 {
			b.WriteString(p.in(red, "error:") + " " + line + "\n")
			continue
		}
		b.WriteString(line + "\n")
	}
	for _, text := range f.Lines {
		for _, line := range CleanLines(text) {
			b.WriteString("  " + line + "\n")
		}
	}
	for i, text := range f.Hints {
		lead := "hint: "
		if i > 0 {
			lead = "      "
		}
		for j, line := range CleanLines(text) {
			if j > 0 {
				lead = "      "
			}
			b.WriteString(lead + line + "\n")
		}
	}
}

// Refused writes why a plan is refused: every reason, in the order of the plan.
func Refused(w io.Writer, p *diff.Plan, color bool) error {
	var b strings.Builder
	for _, r := range p.Refused {
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
