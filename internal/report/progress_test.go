package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

var (
	config  = core("ConfigMap", "front-config")
	front   = deployment("front")
	migrate = object.ID{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"}
	old     = object.ID{Group: "networking.k8s.io", Kind: "Ingress", Namespace: "shop", Name: "old"}
	api     = deployment("api")
)

// runPlan is the plan whose run the tests show.
func runPlan() *diff.Plan {
	return &diff.Plan{Op: diff.OpApply, Target: shop, Changes: []diff.Change{
		{ID: config, Action: diff.Update, Steps: steps(config, nil)},
		{ID: front, Action: diff.Update, Steps: steps(front, nil), Source: object.Source{File: "templates/front.yaml", Line: 14, Via: "--set front.image.tag"}},
		{ID: migrate, Action: diff.Recreate, Steps: steps(migrate, nil)},
		{ID: old, Action: diff.Delete, Steps: steps(old, nil)},
		{ID: api, Action: diff.Unchanged},
	}}
}

// moment is an event, seconds after the run began; a moment without an object
// lets time pass.
type moment struct {
	at    float64
	id    object.ID
	kind  apply.EventKind
	state rollout.State
	err   error
}

func updated(n int64) rollout.State {
	return rollout.State{Phase: rollout.Progressing, Summary: fmt.Sprintf("%d of 3 updated", n), Done: n, Wanted: 3}
}

var ready = rollout.State{Phase: rollout.Ready, Summary: "3 of 3 ready", Done: 3, Wanted: 3}

// play feeds a run to a Progress whose clock is the script's.
func play(o ProgressOptions, script []moment) string {
	var b bytes.Buffer
	p := runPlan()
	clock := now
	o.Plan, o.Began, o.Now = p, now, func() time.Time { return clock }
	progress := newProgress(&b, o)
	actions := map[object.ID]diff.Action{}
	for _, c := range p.Changes {
		actions[c.ID] = c.Action
	}
	for _, m := range script {
		at := now.Add(time.Duration(m.at * float64(time.Second)))
		clock = at
		if m.kind == "" {
			progress.tick(at)
			continue
		}
		progress.Event(apply.Event{At: at, ID: m.id, Action: actions[m.id], Kind: m.kind, State: m.state, Err: m.err})
	}
	progress.Stop()
	return b.String()
}

var mainRun = []moment{
	{0, config, apply.Started, rollout.State{}, nil},
	{0.1, config, apply.Wrote, rollout.State{}, nil},
	{0.2, config, apply.Done, rollout.State{Phase: rollout.Ready}, nil},
	{0.3, migrate, apply.Started, rollout.State{}, nil},
	{0.4, migrate, apply.Wrote, rollout.State{}, nil},
	{at: 1.5},
	{8.9, migrate, apply.Done, rollout.State{Phase: rollout.Ready, Summary: "complete in 8s", Done: 1, Wanted: 1}, nil},
	{9, front, apply.Started, rollout.State{}, nil},
	{9.1, front, apply.Wrote, rollout.State{}, nil},
	{9.2, front, apply.Waiting, rollout.State{Phase: rollout.Progressing, Summary: "not observed yet"}, nil},
	{9.3, front, apply.Waiting, updated(0), nil},
	{at: 10.2},
	{15.4, front, apply.Waiting, updated(1), nil},
	{16, front, apply.Waiting, updated(2), nil},
	{at: 19.5},
	{at: 20.5},
	{21, front, apply.Done, ready, nil},
	{21.1, old, apply.Started, rollout.State{}, nil},
	{21.2, old, apply.Wrote, rollout.State{}, nil},
	{21.3, old, apply.Done, rollout.State{Phase: rollout.Ready}, nil},
}

func TestOnAPipeEveryChangeOfStateIsALine(t *testing.T) {
	golden(t, "progress.txt", []byte(play(ProgressOptions{}, mainRun)))
}

func TestADeletionThatIsNotWaitedForIsSaidToGoOn(t *testing.T) {
	got := play(ProgressOptions{}, []moment{
		{0, old, apply.Started, rollout.State{}, nil},
		{0.1, old, apply.Wrote, rollout.State{Phase: rollout.Deleting, Summary: "is being deleted; waits for example.com/hold"}, nil},
		{0.1, old, apply.Done, rollout.State{Phase: rollout.Deleting, Summary: "is being deleted; waits for example.com/hold"}, nil},
		{at: 5},
	})
	if want := "00:00  Ingress.networking.k8s.io/old  deleted, not gone yet: waits for example.com/hold\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestALongWaitGivesASignOfLife(t *testing.T) {
	script := append(mainRun[:12:12],
		moment{at: 29}, moment{at: 30}, moment{at: 31},
		moment{50, api, apply.Waiting, rollout.State{Phase: rollout.Progressing, Summary: "1 of 2 available"}, nil},
		moment{at: 60},
		moment{61, front, apply.Broke, rollout.State{Phase: rollout.Failed, Reason: "ImagePullBackOff"}, nil},
		moment{62, api, apply.Broke, rollout.State{}, fmt.Errorf("%s: %w", api, errors.New("quota exceeded"))},
		moment{at: 95},
	)
	golden(t, "progress-long.txt", []byte(play(ProgressOptions{}, script)))
}

func TestWhatWasDoneWhenARunEndsEarlyIsSaid(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		got := play(ProgressOptions{Terminal: terminal}, mainRun[7:10])
		if got != "00:09  Deployment.apps/front          updated, waiting: not observed yet\n" {
			t.Errorf("terminal %v: %q", terminal, got)
		}
	}
}

func TestQuietShowsNoProgress(t *testing.T) {
	if got := play(ProgressOptions{Quiet: true, Terminal: true}, mainRun); got != "" {
		t.Errorf("got %q", got)
	}
}

// screen is a terminal of a given size, as far as the table needs one.
func screen(t *testing.T, output string, cols int) []string {
	t.Helper()
	lines, row := []string{""}, 0
	for len(output) > 0 {
		switch {
		case strings.HasPrefix(output, "\x1b["):
			end := strings.IndexAny(output, "ABCDHJKm")
			var n int
			switch output[end] {
			case 'A':
				if _, err := fmt.Sscanf(output[2:end], "%d", &n); err != nil {
					t.Fatal(err)
				}
				row -= n
				if row < 0 {
					t.Fatalf("moved above the screen")
				}
			case 'J':
				lines = append(lines[:row:row], "")
			}
			output = output[end+1:]
		case output[0] == '\r':
			output = output[1:]
		case output[0] == '\n':
			row++
			for len(lines) <= row {
				lines = append(lines, "")
			}
			output = output[1:]
		default:
			r := []rune(output)[0]
			if len([]rune(lines[row])) == cols {
				row++
				for len(lines) <= row {
					lines = append(lines, "")
				}
			}
			lines[row] += string(r)
			output = output[len(string(r)):]
		}
	}
	return lines
}

func TestOnATerminalTheTableEndsAsLines(t *testing.T) {
	size := func() (int, int, bool) { return 70, 10, true }
	output := play(ProgressOptions{Terminal: true, Size: size}, mainRun)
	golden(t, "progress-terminal.txt", []byte(strings.Join(screen(t, output, 70), "\n")))
	middle := play(ProgressOptions{Terminal: true, Size: size}, append(mainRun[:13:13], moment{at: 15}))
	if !strings.Contains(middle, "1 of 3 updated") || !strings.Contains(middle, "2 of 4") {
		t.Errorf("no table under way:\n%q", middle)
	}
}

func TestTheTableFitsTheScreen(t *testing.T) {
	for _, cols := range []int{20, 40, 200} {
		for _, height := range []int{1, 3, 8, 60} {
			var b bytes.Buffer
			p := &diff.Plan{Target: shop}
			for i := range 100 {
				id := deployment(fmt.Sprintf("a-rather-long-name-of-a-deployment-%03d", i))
				p.Changes = append(p.Changes, diff.Change{ID: id, Action: diff.Create, Steps: steps(id, nil)})
			}
			size := func() (int, int, bool) { return cols, height, true }
			progress := newProgress(&b, ProgressOptions{Plan: p, Began: now, Terminal: true, Size: size})
			for _, c := range p.Changes {
				progress.Event(apply.Event{At: now, ID: c.ID, Action: c.Action, Kind: apply.Wrote})
				progress.Event(apply.Event{At: now, ID: c.ID, Action: c.Action, Kind: apply.Waiting, State: updated(0)})
			}
			progress.tick(now)
			if n := len(progress.live.drawn); n == 0 || n > max(1, height-2) || n > maxRows {
				t.Errorf("%d rows on a screen of %d", n, height)
			}
			for _, w := range progress.live.drawn {
				if w > max(cols-1, minWidth) {
					t.Errorf("a row of %d on a screen of %d", w, cols)
				}
			}
			progress.Stop()
		}
	}
}

func TestAWholeReleaseTakesALineAnObject(t *testing.T) {
	var b bytes.Buffer
	p := &diff.Plan{Target: shop}
	for i := range 400 {
		id := core("ConfigMap", fmt.Sprint("c-", i))
		p.Changes = append(p.Changes, diff.Change{ID: id, Action: diff.Create, Steps: steps(id, nil)})
	}
	progress := newProgress(&b, ProgressOptions{Plan: p, Began: now})
	for _, kind := range []apply.EventKind{apply.Started, apply.Wrote, apply.Done} {
		for _, c := range p.Changes {
			progress.Event(apply.Event{At: now, ID: c.ID, Action: c.Action, Kind: kind, State: rollout.State{Phase: rollout.Ready}})
		}
	}
	progress.Stop()
	if n := strings.Count(b.String(), "\n"); n != 400 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(b.String(), "ConfigMap/c-399  created\n") {
		t.Errorf("got %s", b.String()[:200])
	}
}

func TestWhatIsReadyNoLongerIsSaidAtOnce(t *testing.T) {
	got := play(ProgressOptions{}, []moment{
		{at: 0, id: front, kind: apply.Started},
		{at: 0.1, id: front, kind: apply.Wrote},
		{at: 0.2, id: front, kind: apply.Done, state: ready},
		{at: 2, id: front, kind: apply.Waiting, state: updated(2)},
		{at: 9, id: front, kind: apply.Done, state: ready},
	})
	want := `00:00  Deployment.apps/front          updated, ready: 3 of 3
00:02  Deployment.apps/front          no longer ready: 2 of 3 updated
00:09  Deployment.apps/front          ready: 3 of 3
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
