package report

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// EventStream writes a run as JSON lines while it goes: a document of kind Event
// for each step. The Result, also in one line, ends it (EndDocument).
type EventStream struct {
	mu      sync.Mutex
	w       io.Writer
	secrets *Secrets
}

// NewEventStream writes the events of a plan's run to w.
func NewEventStream(w io.Writer, p *diff.Plan) *EventStream {
	return &EventStream{w: w, secrets: secretsOfPlan(p)}
}

// eventDocument is one step of a run, for machines.
type eventDocument struct {
	header
	Time time.Time `json:"time"`
	// Type is started, retrying, wrote, waiting, done or failed.
	Type   apply.EventKind `json:"type"`
	Action diff.Action     `json:"action"`
	Object object.ID       `json:"object"`
	// State is how far the object is; left out while nothing is known.
	State *rollout.State `json:"state,omitempty"`
	Error string         `json:"error,omitempty"`
}

// Event writes one step of a run.
func (s *EventStream) Event(e apply.Event) {
	if e.Kind == apply.Retrying && e.Err == nil {
		return // what comes next says so
	}
	d := eventDocument{headerOf("Event"), e.At.UTC(), e.Kind, e.Action, e.ID, nil, ""}
	if e.State.Phase != "" {
		state := e.State
		state.Summary, state.Reason = s.secrets.Hide(state.Summary), s.secrets.Hide(state.Reason)
		d.State = &state
	}
	if e.Err != nil {
		d.Error = s.secrets.Hide(e.Err.Error())
	}
	line, err := json.Marshal(d)
	if err != nil {
		return // it is made of text and numbers only
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.w.Write(append(line, '\n')) // a closed pipe never stops a run
}
