package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// writeDiagnosis writes a block per cause: what was expected and observed, why,
// where it comes from and where to look further.
func writeDiagnosis(b *strings.Builder, d rollout.Diagnosis, namespace string, flags Flags, p paint) {
	for i, c := range d.Causes {
		first := i == 0 || d.Causes[i-1].ID != c.ID || d.Causes[i-1].Headline != c.Headline
		if first {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			headline := Clean(c.ID.In(namespace)) + notReadyWords(c.State)
			if c.Headline != "" {
				headline += ": " + Clean(c.Headline)
			}
			b.WriteString(p.in(bold, headline) + "\n")
		}
		writeCause(b, c, flags)
	}
	for _, note := range d.Notes {
		labelled(b, "note", note)
	}
}

func notReadyWords(s rollout.State) string {
	switch s.Phase {
	case rollout.Deleting:
		return " is not gone"
	case rollout.Missing:
		return " is missing"
	default:
		return " is not ready"
	}
}

func writeCause(b *strings.Builder, c rollout.Cause, flags Flags) {
	if c.Because != "" {
		labelled(b, "because", c.Because)
	}
	for _, text := range c.Detail {
		for _, line := range CleanLines(text) {
			b.WriteString("          " + line + "\n")
		}
	}
	if from := sourceWords(c.Source); from != "" {
		labelled(b, "from", from)
	}
	if len(c.See) > 0 {
		labelled(b, "see", flags.Kubectl(c.See...))
	}
}

// labelled writes a line of a block, and lines that follow below its text.
func labelled(b *strings.Builder, label, text string) {
	for i, line := range CleanLines(text) {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(b, "  %-7s %s\n", label, line)
	}
}

func sourceWords(s object.Source) string {
	text := s.String()
	if s.Via == "" {
		return text
	}
	if text == "" {
		return "set by " + s.Via
	}
	return text + ", set by " + s.Via
}

// writeErrors writes the errors of writes, in the order of the objects.
func writeErrors(b *strings.Builder, e *End, p paint) {
	var ids []object.ID
	for id := range e.Result.Errs {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, object.ID.Compare)
	if e.Result.Outcome == apply.Lost {
		return // the same for all: the result line says it
	}
	for _, id := range ids {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		name := Clean(id.In(e.Target.Namespace))
		text := strings.TrimPrefix(e.Result.Errs[id].Error(), id.String())
		text = strings.TrimPrefix(strings.TrimPrefix(text, ":"), " ")
		lines := CleanLines(text)
		b.WriteString(p.in(bold, name+" could not be "+e.pastOf(id)) + ": " + lines[0] + "\n")
		for _, line := range lines[1:] {
			b.WriteString("          " + line + "\n")
		}
		if c := e.change(id); c != nil {
			if from := sourceWords(c.Source); from != "" {
				labelled(b, "from", from)
			}
		}
	}
}
