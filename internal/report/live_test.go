package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

func TestNamesGiveWayToWhatIsSaidOfThem(t *testing.T) {
	for _, test := range []struct {
		name string
		n    int
		want string
	}{
		{"Deployment.apps/front", 40, "Deployment.apps/front"},
		{"Deployment.apps/front", 21, "Deployment.apps/front"},
		{"Deployment.apps/front", 20, "Deployment…pps/front"},
		{"Deployment.apps/front", 5, "De…nt"},
	} {
		if got := elide(test.name, test.n); got != test.want || width(got) > test.n {
			t.Errorf("%q in %d columns is %q, want %q", test.name, test.n, got, test.want)
		}
	}
	if got := cut("数据库 is not ready 🚀", 10); got != "数据库 is…" || width(got) != 10 {
		t.Errorf("cut to %q", got)
	}
}

func TestTroubleIsInSightWhereThereIsNoRoomForAll(t *testing.T) {
	var b bytes.Buffer
	p := &diff.Plan{Target: shop}
	for i := range 30 {
		id := deployment(fmt.Sprintf("a-%02d", i))
		p.Changes = append(p.Changes, diff.Change{ID: id, Action: diff.Create, Steps: steps(id, nil)})
	}
	size := func() (int, int, bool) { return 70, 7, true }
	progress := newProgress(&b, ProgressOptions{Plan: p, Began: now, Terminal: true, Size: size})
	for i, c := range p.Changes {
		s := updated(0)
		if i == 20 {
			s.Reason = "ImagePullBackOff"
		}
		progress.Event(apply.Event{At: now, ID: c.ID, Action: c.Action, Kind: apply.Waiting, State: s})
	}
	progress.tick(now)
	want := []string{
		"   0s  Deployment.apps/a-20  ImagePullBackOff, 0 of 3 updated",
		"   0s  Deployment.apps/a-00  0 of 3 updated",
		"   0s  Deployment.apps/a-01  0 of 3 updated",
		"       … 27 more",
		"00:00  ──────────────────────────────  0 of 30",
		"",
	}
	if d := cmp.Diff(want, strings.Split(b.String(), "\n")); d != "" {
		t.Error(d)
	}
	progress.Stop()
}

func TestAStatusFitsTheScreen(t *testing.T) {
	id := deployment("front")
	s := ReleaseStatus{
		Name: "shop", Namespace: "shop", Revision: release.Revision{Number: 3, Status: release.Failed, When: now},
		Objects: []ObjectStatus{{ID: id, State: updated(1), Created: now}, {ID: core("ConfigMap", "a"), State: rollout.State{Phase: rollout.Ready}}},
		Diagnosis: rollout.Diagnosis{Causes: []rollout.Cause{{
			ID: id, Because: "Pod/front-7d9c4-x2x8p cannot pull registry.example/front:1.5",
		}}},
	}
	want := []string{
		"release shop · revision 3 failed 0s ago",
		"READY  OBJECT                 AGE    STATE",
		"1/3    Deployment.apps/front  0s     cannot pull registry.example/f…",
		"-      1 other                       ready",
		"",
	}
	if d := cmp.Diff(want, strings.Split(fitStatus(s, now, false, 68), "\n")); d != "" {
		t.Error(d)
	}
}

func TestWhichPodItIsGivesWayToWhatItHas(t *testing.T) {
	for cause, want := range map[string]string{
		"Pod/a-x cannot be scheduled":                             "cannot be scheduled",
		"container main of Pod/a-x exited 1 twice, last 4s ago":   "container main exited 1 twice, last 4s ago",
		"init container a of Pod/a-x cannot start: no secret b":   "init container a cannot start: no secret b",
		"ReplicaSet/a-x may not create pods: quota of Pod/x used": "ReplicaSet/a-x may not create pods: quota of Pod/x used",
		"it made no progress for 600s":                            "it made no progress for 600s",
	} {
		if got := withoutPod(cause); got != want {
			t.Errorf("%q is %q, want %q", cause, got, want)
		}
	}
}
