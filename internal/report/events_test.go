package report

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

func TestEventsAreOneLineEach(t *testing.T) {
	var out bytes.Buffer
	s := NewEventStream(&out, &diff.Plan{})
	at := time.Date(2026, 11, 21, 20, 0, 1, 500e6, time.UTC)
	front := object.ID{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "front"}
	s.Event(apply.Event{At: at, ID: front, Action: diff.Update, Kind: apply.Started})
	s.Event(apply.Event{At: at, ID: front, Action: diff.Update, Kind: apply.Waiting,
		State: rollout.State{Phase: rollout.Progressing, Summary: "1 of 3 updated", Done: 1, Wanted: 3}})
	s.Event(apply.Event{At: at, ID: front, Action: diff.Update, Kind: apply.Broke, Err: errors.New("a\nb")})
	want := `{"apiVersion":"belay.sh/v1alpha1","kind":"Event","time":"2026-11-21T20:00:01.5Z","type":"started","action":"update","object":{"group":"apps","kind":"Deployment","namespace":"shop","name":"front"}}
{"apiVersion":"belay.sh/v1alpha1","kind":"Event","time":"2026-11-21T20:00:01.5Z","type":"waiting","action":"update","object":{"group":"apps","kind":"Deployment","namespace":"shop","name":"front"},"state":{"phase":"progressing","summary":"1 of 3 updated","done":1,"wanted":3}}
{"apiVersion":"belay.sh/v1alpha1","kind":"Event","time":"2026-11-21T20:00:01.5Z","type":"failed","action":"update","object":{"group":"apps","kind":"Deployment","namespace":"shop","name":"front"},"error":"a\nb"}
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}
