package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

func TestListsOfReleases(t *testing.T) {
	found := []release.Summary{
		{Namespace: "shop", Name: "shop", Revision: 8, Status: release.Deployed, When: now.Add(-12 * time.Minute), Bundle: "microservices", Version: "1.5.0", Environment: "prod"},
		{Namespace: "data", Name: "redis", Revision: 3, Status: release.Interrupted, When: now.Add(-2 * time.Hour), Bundle: "redis", Version: "1.0.0"},
		{Namespace: "data", Name: "plain", Revision: 1, Status: release.Failed, When: now.Add(-50 * time.Hour)},
	}
	for name, s := range map[string]Format{"list.txt": Text, "list.json": JSON, "list.names": Name} {
		golden(t, name, written(t, func(b *bytes.Buffer) error { return List(Sink{Writer: b, Format: s}, found, "", now) }))
	}
	none := written(t, func(b *bytes.Buffer) error { return List(Sink{Writer: b, Format: Text}, nil, "shop", now) })
	if string(none) != "" {
		t.Errorf("%q", none)
	}
}

func TestHistory(t *testing.T) {
	state := &release.State{Revisions: []release.Revision{
		revision(6, release.Superseded, 73*time.Hour), revision(7, release.Failed, 2*time.Hour), revision(8, release.Deployed, 12*time.Minute),
	}}
	state.Revisions[0].Counts = release.Counts{}
	state.Revisions[0].Git, state.Revisions[0].Took = "", 0
	state.Revisions[1].RollbackTo = 6
	state.Revisions[2].Note = "fix checkout"
	golden(t, "history.txt", written(t, func(b *bytes.Buffer) error {
		return History(Sink{Writer: b, Format: Text}, "shop", "shop", state, now)
	}))
	golden(t, "history.json", written(t, func(b *bytes.Buffer) error {
		return History(Sink{Writer: b, Format: JSON}, "shop", "shop", state, now)
	}))
	for i := range state.Revisions {
		state.Revisions[i].Job = ""
	}
	golden(t, "history-people.txt", written(t, func(b *bytes.Buffer) error {
		return History(Sink{Writer: b, Format: Text}, "shop", "shop", state, now)
	}))
}

func TestStatusOfAReleaseThatIsNotHealthy(t *testing.T) {
	created := now.Add(-12 * time.Minute)
	s := ReleaseStatus{
		Name: "shop", Namespace: "shop", Revision: revision(8, release.Deployed, 12*time.Minute),
		Holder: &release.Holder{By: "alice@laptop", Since: now.Add(-40 * time.Second), Renewed: now.Add(-4 * time.Second)},
		Objects: []ObjectStatus{
			{ID: front, State: ready, Created: created},
			{ID: api, State: rollout.State{Phase: rollout.Progressing, Summary: "1 of 2 available", Done: 1, Wanted: 2}, Created: created},
			{ID: migrate, State: rollout.State{Phase: rollout.Ready, Summary: "complete in 8s", Done: 1, Wanted: 1}, Created: created},
			{ID: config, State: rollout.State{Phase: rollout.Ready}, Created: created},
			{ID: core("Service", "front"), State: rollout.State{Phase: rollout.Ready}, Created: created},
			{ID: core("Service", "lost"), State: rollout.State{Phase: rollout.Missing, Summary: "missing"}},
			{ID: core("ConfigMap", "going"), State: rollout.State{Phase: rollout.Deleting, Summary: "finalizer x"}, Created: created},
			{ID: deployment("bad"), State: rollout.State{Phase: rollout.Failed, Reason: "CrashLoopBackOff", Wanted: 1}, Created: created},
		},
		Diagnosis: rollout.Diagnosis{Causes: []rollout.Cause{{ID: api, Because: "Pod/api-5f7-q8wzn: readiness probe: HTTP 503"}}},
	}
	golden(t, "status.txt", written(t, func(b *bytes.Buffer) error {
		return Status(Sink{Writer: b, Format: Text}, s, now, false)
	}))
	golden(t, "status-full.txt", written(t, func(b *bytes.Buffer) error {
		return Status(Sink{Writer: b, Format: Text}, s, now, true)
	}))
	golden(t, "status.json", written(t, func(b *bytes.Buffer) error {
		return Status(Sink{Writer: b, Format: JSON}, s, now, false)
	}))
	if s.Healthy() {
		t.Error("healthy")
	}
}

func TestWhatNobodyWaitsForIsShownAndCountsAsHealthy(t *testing.T) {
	s := ReleaseStatus{Name: "shop", Namespace: "shop", Objects: []ObjectStatus{
		{ID: api, State: rollout.State{Phase: rollout.Progressing, Summary: "1 of 2 available", Done: 1, Wanted: 2}, NotWaited: true},
	}}
	if !s.Healthy() {
		t.Error("not healthy")
	}
	text := string(written(t, func(b *bytes.Buffer) error { return Status(Sink{Writer: b, Format: Text}, s, now, false) }))
	if !strings.Contains(text, "progressing: 1 of 2 available, not waited for") {
		t.Error(text)
	}
}

func TestTheCauseInARow(t *testing.T) {
	for want, c := range map[string]rollout.Cause{
		"it is held":                     {Because: "it is held"},
		"it is held: by x, by y":         {Because: "it is held", Detail: []string{"by x", "by y"}},
		"Ready is False: no quorum":      {Detail: []string{"Ready is False: no quorum"}},
		"it is held by more than fit in": {Because: "it is held by more than fit in", Detail: []string{"a", "b", "c"}},
		"it crashed":                     {Because: "it crashed; its last lines:", Detail: []string{"panic"}},
	} {
		if got := causeWords(c); got != want {
			t.Errorf("%+v is %q, want %q", c, got, want)
		}
	}
}

func TestAgesHaveOneUnit(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": -time.Hour, "90s": 90 * time.Second, "12m": 12*time.Minute + 59*time.Second, "119m": 119 * time.Minute,
		"2h": 2 * time.Hour, "3d": 80 * time.Hour,
	} {
		if got := Age(now, now.Add(-d)); got != want {
			t.Errorf("%s ago is %s, not %s", d, got, want)
		}
	}
}

func TestManifestsInEveryForm(t *testing.T) {
	objects := []object.Object{
		{Body: manifest(front, map[string]any{"spec": map[string]any{"replicas": int64(2)}}), Source: object.Source{File: "templates/front.yaml", Line: 3}},
		{Body: manifest(object.ID{Kind: "ConfigMap", Name: "bare"}, nil)},
	}
	for name, format := range map[string]Format{"manifests.yaml": YAML, "manifests.json": JSON, "manifests.names": Name} {
		golden(t, name, written(t, func(b *bytes.Buffer) error { return Manifests(b, format, objects, "shop") }))
	}
}
