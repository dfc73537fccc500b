package report

import (
	"fmt"
	"strings"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

func joinWords(parts ...string) string {
	var there []string
	for _, s := range parts {
		if s != "" {
			there = append(there, s)
		}
	}
	return strings.Join(there, ", ")
}

// waitWords say how far an object is.
func waitWords(s rollout.State) string {
	text := Clean(s.Summary)
	if reason := Clean(s.Reason); reason != "" && !strings.Contains(text, reason) {
		text = joinWords(text, reason)
	}
	return text
}

// doneWords say how an object ended well. What merely exists needs no word.
func doneWords(e apply.Event) string {
	switch {
	case e.Action == diff.Delete && e.State.Phase == rollout.Deleting:
		return "not gone yet" + colonIf(goingWords(e.State))
	case e.Action == diff.Delete:
		return ""
	}
	text := Clean(e.State.Summary)
	switch {
	case e.State.Wanted > 0 && !strings.HasPrefix(text, "complete"):
		return fmt.Sprintf("ready: %d of %d", e.State.Done, e.State.Wanted)
	case text == "exists" || text == "":
		if e.Action == diff.Unchanged {
			return "ready"
		}
		return ""
	default:
		return text
	}
}

func brokeWords(e apply.Event) string {
	switch {
	case e.Err != nil:
		return "failed: " + Clean(trimSubject(e.Err.Error(), e.ID))
	case e.State.Reason != "":
		return "failed: " + Clean(e.State.Reason)
	case e.State.Summary != "":
		return "failed: " + Clean(e.State.Summary)
	default:
		return "failed"
	}
}

// trimSubject takes the name of an object off the beginning of its error,
// where it stands beside it already.
func trimSubject(text string, id object.ID) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(text, id.String()), ":"), " ")
}
