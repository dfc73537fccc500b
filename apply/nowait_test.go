package apply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// heldBy makes the object of a change exist until another is gone; of itself: for good.
func heldBy(p *diff.Plan, name, holder string) *script {
	s := (&script{heldBy: map[string]string{name: holder}}).exists(p)
	s.live[name].SetFinalizers([]string{"example.com/hold"})
	s.live[name].SetUID("u1")
	return s
}

func TestWithoutWaitingADeletionIsDoneWhenTheServerHasAcceptedIt(t *testing.T) {
	p := planOf(nil, change("held", diff.Delete), change("free", diff.Delete), change("new", diff.Create))
	s := heldBy(p, "held", "held")
	j := &journal{}
	var told []string
	r := Run(t.Context(), s, j, p, Options{NoWait: true, Report: func(e Event) {
		if e.Kind == Done {
			told = append(told, e.ID.Name+" "+string(e.State.Phase))
		}
	}})
	mustOutcome(t, r, Succeeded)
	if d := cmp.Diff([]string{"held"}, names(r.Going)); d != "" {
		t.Errorf("going: %s", d)
	}
	if len(r.Finished) != 3 || len(r.Diagnosis.Causes) > 0 {
		t.Errorf("finished %v, causes %v", names(r.Finished), r.Diagnosis.Causes)
	}
	if got := r.States[r.Going[0]].Summary; got != "is being deleted; waits for example.com/hold" {
		t.Errorf("it is said: %q", got)
	}
	// What still exists must stay in the inventory, as what it is.
	want := release.Owned{UID: "u1", Version: "v1", Going: true}
	if d := cmp.Diff(want, j.notes["held"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"free"}, j.gone); d != "" {
		t.Errorf("forgotten: %s", d)
	}
	if told[0] != "new ready" || len(told) != 3 {
		t.Errorf("told %v", told)
	}
}

// The deletion is accepted: that nobody answers the question after it is no failure.
func TestWithoutWaitingADeletionIsNotLookedAtForLong(t *testing.T) {
	p := planOf(nil, change("held", diff.Delete))
	s := heldBy(p, "held", "held")
	a := &away{script: s, until: time.Hour, began: time.Now(), err: errBusy}
	j := &journal{}
	r := Run(t.Context(), a, j, p, Options{NoWait: true})
	mustOutcome(t, r, Succeeded)
	if len(r.Going) != 1 || !j.notes["held"].Going {
		t.Errorf("going %v, noted %v", r.Going, j.notes)
	}
}

func TestWithoutWaitingWhatOthersWaitForIsSeenThrough(t *testing.T) {
	gone := []diff.Edge{{Before: 0, After: 1, Need: refs.Gone}}
	hook := change("after", diff.Run)
	hook.Hook = &diff.Hook{Phase: diff.PhaseAfter}
	hook.Steps = change("after", diff.Create).Steps
	tests := map[string]struct {
		plan *diff.Plan
		want []string
	}{
		"a deletion behind it": {planOf(gone, change("first", diff.Delete), change("then", diff.Delete)),
			[]string{"delete first Background", "gone first", "delete then Background"}},
		"a barrier behind it": {&diff.Plan{Changes: []diff.Change{change("first", diff.Delete), change("then", diff.Delete)},
			Barriers: []diff.Barrier{{Before: []int{0}, After: []int{1}}}},
			[]string{"delete first Background", "gone first", "delete then Background"}},
		"all else, when deletions come first": {&diff.Plan{Changes: []diff.Change{change("first", diff.Delete), change("then", diff.Create)}, PruneFirst: true},
			[]string{"delete first Background", "gone first", "apply then"}},
		"itself, made anew": {planOf(nil, change("first", diff.Recreate)),
			[]string{"delete first Foreground", "gone first", "apply first"}},
		"nobody but a hook": {planOf(gone, change("first", diff.Delete), hook),
			[]string{"delete first Background", "apply after", "gone first"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := (&script{lingers: 3, tellGone: true}).exists(test.plan)
			mustOutcome(t, Run(t.Context(), s, &journal{}, test.plan, Options{NoWait: true}), Succeeded)
			for s.live["first"] != nil && s.lingers > 0 {
				_, _ = s.Get(t.Context(), object.Kind{}, "", "first")
			}
			if d := cmp.Diff(test.want, s.writes); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatAPlanLeavesToBeDeletedIsNotedAndNamed(t *testing.T) {
	going, kept := change("going", diff.Keep), change("kept", diff.Keep)
	now := metav1.Now()
	going.Leftover, kept.Leftover = true, true
	going.Live.SetDeletionTimestamp(&now)
	going.Live.SetUID("u1")
	p := planOf(nil, going, kept)
	j := &journal{}
	r := Run(t.Context(), (&script{}).exists(p), j, p, Options{NoWait: true})
	mustOutcome(t, r, Succeeded)
	if d := cmp.Diff([]string{"going"}, names(r.Going)); d != "" {
		t.Error(d)
	}
	if !j.notes["going"].Going || j.notes["going"].UID != "u1" || len(j.notes) != 1 || len(j.gone) > 0 {
		t.Errorf("noted %v, forgotten %v", j.notes, j.gone)
	}
	if r.States[p.Changes[1].ID].Phase != rollout.Ready {
		t.Errorf("what is kept: %+v", r.States)
	}
}
