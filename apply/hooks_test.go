package apply

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/rollout"
)

// hook is a change that runs a config map: it is done when it exists.
func hook(name string, phase diff.Phase, h diff.Hook) diff.Change {
	c := change(name, diff.Create)
	h.Phase, h.Event = phase, "some-event"
	c.Action, c.Hook = diff.Run, &h
	return c
}

func TestHooksOfAFailureAreTakenOutOfThePlan(t *testing.T) {
	p := planOf([]diff.Edge{edge(0, 2), edge(1, 4), edge(0, 1)},
		change("a", diff.Create), hook("alert", diff.PhaseFailure, diff.Hook{}), change("b", diff.Create),
		change("c", diff.Create), hook("report", diff.PhaseFailure, diff.Hook{}))
	p.Barriers = []diff.Barrier{{Before: []int{0, 1, 2}, After: []int{3, 4}, Why: "x"}}
	p.Gone = []object.ID{{Kind: "ConfigMap", Name: "gone"}}
	now, later := splitFailure(p)
	for _, test := range []struct {
		name     string
		got      *diff.Plan
		changes  []string
		order    []diff.Edge
		barriers []diff.Barrier
		gone     int
	}{
		{"now", now, []string{"a", "b", "c"}, []diff.Edge{edge(0, 1)}, []diff.Barrier{{Before: []int{0, 1}, After: []int{2}, Why: "x"}}, 1},
		{"on failure", later, []string{"alert", "report"}, []diff.Edge{edge(0, 1)}, []diff.Barrier{{Before: []int{0}, After: []int{1}, Why: "x"}}, 0},
	} {
		var changes []string
		for _, c := range test.got.Changes {
			changes = append(changes, c.ID.Name)
		}
		if d := cmp.Diff(test.changes, changes); d != "" {
			t.Errorf("%s: changes: %s", test.name, d)
		}
		if d := cmp.Diff(test.order, test.got.Order); d != "" {
			t.Errorf("%s: order: %s", test.name, d)
		}
		if d := cmp.Diff(test.barriers, test.got.Barriers); d != "" {
			t.Errorf("%s: barriers: %s", test.name, d)
		}
		if len(test.got.Gone) != test.gone {
			t.Errorf("%s: gone: %v", test.name, test.got.Gone)
		}
	}
	if same, none := splitFailure(now); same != now || none != nil {
		t.Error("a plan without hooks of a failure was split")
	}
}

func TestWhatBecomesOfHooks(t *testing.T) {
	refuse := func(name string) func(*unstructured.Unstructured) error {
		return func(u *unstructured.Unstructured) error {
			if u.GetName() == name {
				return apierrors.NewBadRequest("it is bad")
			}
			return nil
		}
	}
	ready := func(before, after int) diff.Edge { return diff.Edge{Before: before, After: after, Need: refs.Ready} }
	for name, test := range map[string]struct {
		plan    *diff.Plan
		fails   string
		outcome Outcome
		want    []string
	}{
		"before, all else, after": {
			planOf([]diff.Edge{ready(0, 1), ready(1, 2)}, hook("migrate", diff.PhaseBefore, diff.Hook{}), change("a", diff.Create), hook("announce", diff.PhaseAfter, diff.Hook{})),
			"", Succeeded, []string{"apply migrate", "apply a", "apply announce"},
		},
		"after comes behind deletions": {
			planOf([]diff.Edge{ready(1, 0), {Before: 2, After: 0, Need: refs.Gone}}, hook("announce", diff.PhaseAfter, diff.Hook{}), change("a", diff.Create), change("old", diff.Delete)),
			"", Succeeded, []string{"apply a", "delete old Background", "apply announce"},
		},
		"a failure stops the rest, and runs those that are for it": {
			planOf([]diff.Edge{ready(0, 1)}, hook("migrate", diff.PhaseBefore, diff.Hook{}), change("a", diff.Create), hook("alert", diff.PhaseFailure, diff.Hook{})),
			"migrate", Failed, []string{"refuse migrate at ", "apply alert"},
		},
		"those for a failure do not run without one": {
			planOf(nil, change("a", diff.Create), hook("alert", diff.PhaseFailure, diff.Hook{})),
			"", Succeeded, []string{"apply a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&script{onApply: refuse(test.fails)}).exists(test.plan)
			r := Run(context.Background(), s, &journal{}, test.plan, Options{})
			mustOutcome(t, r, test.outcome)
			if d := cmp.Diff(test.want, s.writes); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAHookClearsOnlyWhatAnEarlierRunLeft(t *testing.T) {
	live := func(annotations, labels map[string]string) *unstructured.Unstructured {
		u := configMap("migrate")
		u.SetUID("1")
		u.SetAnnotations(annotations)
		u.SetLabels(labels)
		return u
	}
	ours := map[string]string{object.ReleaseLabel: "shop"}
	here := map[string]string{object.NamespaceAnnotation: "shop"}
	for name, test := range map[string]struct {
		live *unstructured.Unstructured
		seen bool // by the plan
		want bool
	}{
		"a hook of this release":         {live(here, ours), false, true},
		"another release's":              {live(here, map[string]string{object.ReleaseLabel: "other"}), false, false},
		"another namespace's release's":  {live(map[string]string{object.NamespaceAnnotation: "other"}, ours), false, false},
		"a hook of Helm's":               {live(map[string]string{"helm.sh/hook": "pre-install"}, nil), false, true},
		"somebody's":                     {live(nil, nil), false, false},
		"somebody's, that the plan took": {live(nil, nil), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := hook("migrate", diff.PhaseBefore, diff.Hook{})
			c.Steps = append([]diff.Step{{Verb: diff.VerbClear, Propagation: "Background"}}, c.Steps...)
			if test.seen {
				c.Live = test.live
			}
			s := &script{live: map[string]*unstructured.Unstructured{"migrate": test.live}}
			r := Run(context.Background(), s, &journal{}, planOf(nil, c), Options{})
			cleared := len(s.writes) > 0 && strings.HasPrefix(s.writes[0], "delete migrate")
			if cleared != test.want || (r.Outcome == Succeeded) != test.want {
				t.Errorf("%s: %v", r.Outcome, s.writes)
			}
		})
	}
}

func TestHowAHookWentIsSummedUp(t *testing.T) {
	for name, test := range map[string]struct {
		state  rollout.State
		want   string
		failed bool
	}{
		"complete":                      {rollout.State{Phase: rollout.Ready, Summary: "complete in 8s"}, "complete in 8s", false},
		"failed":                        {rollout.State{Phase: rollout.Failed, Summary: "failed", Reason: "BackoffLimitExceeded"}, "failed, BackoffLimitExceeded", true},
		"failed, and that says it all":  {rollout.State{Phase: rollout.Failed, Summary: "failed: DeadlineExceeded", Reason: "DeadlineExceeded"}, "failed: DeadlineExceeded", true},
		"it never came to its end":      {rollout.State{Phase: rollout.Progressing, Summary: "running"}, "running", true},
		"nothing but a reason is known": {rollout.State{Phase: rollout.Failed, Reason: "Evicted"}, "Evicted", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := hook("migrate", diff.PhaseBefore, diff.Hook{})
			n := &node{Change: &c, state: test.state}
			got := (&run{}).hookRun(n, n.began)
			if got.Summary != test.want || got.Failed != test.failed || !n.gathered {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestContainersThatRanAreRead(t *testing.T) {
	pod := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
		"initContainerStatuses": []any{
			map[string]any{"name": "init", "state": map[string]any{"terminated": map[string]any{"exitCode": int64(0)}}},
		},
		"containerStatuses": []any{
			map[string]any{"name": "main", "state": map[string]any{"terminated": map[string]any{"exitCode": int64(3)}}},
			map[string]any{"name": "side", "state": map[string]any{"running": map[string]any{}}},
			map[string]any{"name": "never", "state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff"}}},
		},
	}}}
	var got []string
	for _, c := range containersOf(pod) {
		text := c.name
		if c.exit != nil {
			text += " " + string(rune('0'+*c.exit))
		}
		got = append(got, text)
	}
	if d := cmp.Diff([]string{"init 0", "main 3", "side"}, got); d != "" {
		t.Error(d)
	}
}

func TestLongLinesOfALogAreCut(t *testing.T) {
	if line := strings.Repeat("ä", hookLogWidth); short(line) != line {
		t.Error("a line of just the width was cut")
	}
	if got := short(strings.Repeat("ä", hookLogWidth+1)); got != strings.Repeat("ä", hookLogWidth)+"…" {
		t.Errorf("cut to %d runes", len([]rune(got)))
	}
}
