package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

const (
	// gatherTime bounds the reading of what a hook printed.
	gatherTime = 10 * time.Second
	// tidyTime bounds the deletion of hooks after a failure.
	tidyTime = 30 * time.Second
	// onFailureTime bounds the hooks that run when a run failed.
	onFailureTime = 5 * time.Minute

	// hookLogLines and hookLogWidth bound what is kept of a hook's log; what is
	// shown is bounded by shownLogLines.
	hookLogLines  = 20
	hookLogWidth  = 500
	shownLogLines = 10000
)

// comesLast says that a change runs after the deletions.
func comesLast(c *diff.Change) bool { return c.Hook != nil && c.Hook.Phase == diff.PhaseAfter }

func (r *Result) failed() bool { return r.Outcome == Failed || r.Outcome == TimedOut }

// splitFailure takes the hooks that run on failure out of a plan; the second
// plan holds them, or is nil.
func splitFailure(p *diff.Plan) (*diff.Plan, *diff.Plan) {
	later := func(c *diff.Change) bool { return c.Hook != nil && c.Hook.Phase == diff.PhaseFailure }
	if !slices.ContainsFunc(p.Changes, func(c diff.Change) bool { return later(&c) }) {
		return p, nil
	}
	now, onFailure := *p, *p
	now.Changes, now.Order, onFailure.Changes, onFailure.Order = nil, nil, nil, nil
	now.Barriers, onFailure.Barriers = nil, nil
	onFailure.Gone = nil
	places := make([]int, len(p.Changes))
	for i := range p.Changes {
		half := &now
		if later(&p.Changes[i]) {
			half = &onFailure
		}
		places[i] = len(half.Changes)
		half.Changes = append(half.Changes, p.Changes[i])
	}
	for _, e := range p.Order {
		a, b := later(&p.Changes[e.Before]), later(&p.Changes[e.After])
		half := &now
		if a {
			half = &onFailure
		}
		if a == b { // what they need of the others is there, or never will be
			e.Before, e.After = places[e.Before], places[e.After]
			half.Order = append(half.Order, e)
		}
	}
	for _, b := range p.Barriers {
		for _, half := range []*diff.Plan{&now, &onFailure} {
			of := func(all []int) []int {
				var found []int
				for _, i := range all {
					if later(&p.Changes[i]) == (half == &onFailure) {
						found = append(found, places[i])
					}
				}
				return found
			}
			if before, after := of(b.Before), of(b.After); len(before) > 0 && len(after) > 0 {
				half.Barriers = append(half.Barriers, diff.Barrier{Before: before, After: after, Why: b.Why})
			}
		}
	}
	return &now, &onFailure
}

// runOnFailure runs the hooks for a run that failed. What becomes of them changes
// nothing about that.
func runOnFailure(ctx context.Context, r *run, res *Result) {
	r.o.Timeout = onFailureTime
	own := r.toItsEnd(ctx)
	res.Hooks = append(res.Hooks, own.Hooks...)
	for _, h := range own.Hooks {
		if h.Failed {
			res.Diagnosis.Notes = append(res.Diagnosis.Notes, fmt.Sprintf("the hook %s, which runs on failure, failed, too: %s", h.ID.In(r.plan.Target.Namespace), strings.TrimPrefix(h.Summary, "failed, ")))
		}
	}
}

// clear deletes what a hook left under its name, and waits until it is gone.
func (r *run) clear(ctx context.Context, c *diff.Change, step *diff.Step) error {
	for range maxResend {
		now, err := r.cluster.Get(ctx, c.Kind, c.ID.Namespace, c.ID.Name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return fmt.Errorf("%s: looking for what an earlier run left: %w", c.ID, err)
		case !r.mayClear(c, now):
			return &StaleError{ID: c.ID, Reason: "was created by somebody else since the plan was made"}
		}
		if err := r.mayWrite(ctx); err != nil {
			return err
		}
		uid := string(now.GetUID())
		err = r.cluster.Delete(ctx, c.Kind, c.ID.Namespace, c.ID.Name, object.DeleteOptions{UID: uid, Propagation: step.Propagation})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil:
			return r.waitGone(ctx, c, uid)
		case !apierrors.IsConflict(err):
			return err
		}
	}
	return &StaleError{ID: c.ID, Reason: "keeps being replaced while it is deleted"}
}

// mayClear says whether an object is what a hook left, or what the plan saw and
// was allowed to take.
func (r *run) mayClear(c *diff.Change, now *unstructured.Unstructured) bool {
	if c.Live != nil && c.Live.GetUID() == now.GetUID() {
		return true
	}
	name, labelled := now.GetLabels()[object.ReleaseLabel]
	if labelled {
		return name == r.plan.Target.Release && now.GetAnnotations()[object.NamespaceAnnotation] == r.plan.Target.Namespace
	}
	return policy.IsHook(object.Object{Body: now})
}

// ended says that a hook has come to its end, good or bad.
func ended(s rollout.State) bool {
	return s.Phase == rollout.Ready || s.Phase == rollout.Failed || s.Phase == rollout.Missing
}

// gatherLater reads what a hook that has ended printed, before anything else
// happens to it.
func (r *run) gatherLater(n *node) {
	r.move(n, running)
	run := r.hookRun(n, time.Now())
	live, ctx := n.live, r.writes
	go func() {
		r.gather(ctx, n.Hook, live, &run)
		r.inbox.put(message{hook: n, run: run})
	}()
}

func (r *run) receiveHook(n *node, m message) {
	r.hooks = append(r.hooks, m.run)
	if n.state.Phase == rollout.Ready {
		r.finish(n)
		return
	}
	r.move(n, broken)
	r.end(Failed)
	r.report(n, Broke, nil)
}

// gatherRest is what became of hooks that did not come to their end.
func (r *run) gatherRest(ctx context.Context) {
	for _, n := range r.nodes {
		if n.Action != diff.Run || n.began.IsZero() || n.gathered {
			continue
		}
		run := r.hookRun(n, time.Now())
		if n.progress != done {
			run.Failed = true
		}
		if n.live != nil && diff.RunsToEnd(n.ID.GroupKind()) && r.outcome != Interrupted {
			r.gather(ctx, n.Hook, n.live, &run)
		}
		r.hooks = append(r.hooks, run)
	}
	slices.SortStableFunc(r.hooks, func(a, b release.HookRun) int { return a.When.Compare(b.When) })
}

// hookRun is what is known of a hook's run without asking.
func (r *run) hookRun(n *node, now time.Time) release.HookRun {
	n.gathered = true
	run := release.HookRun{
		ID: n.ID, Event: string(n.Hook.Event), When: n.began.UTC().Truncate(time.Millisecond),
		Failed: n.state.Phase != rollout.Ready, Summary: n.state.Summary,
	}
	if reason := n.state.Reason; reason != "" && !strings.Contains(run.Summary, reason) {
		run.Summary = strings.TrimPrefix(run.Summary+", "+reason, ", ")
	}
	if diff.RunsToEnd(n.ID.GroupKind()) {
		run.Took = now.Sub(n.began).Round(time.Millisecond)
	}
	if n.err != nil {
		run.Summary = n.err.Error()
	}
	return run
}

// gather reads the exit code and the log of a hook. What cannot be read is left
// out: the hook has ended, whatever it said.
func (r *run) gather(ctx context.Context, h *diff.Hook, live *unstructured.Unstructured, run *release.HookRun) {
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	pod := r.hookPod(ctx, live)
	if pod == nil {
		return
	}
	show := r.o.Log != nil && r.o.Tail == nil && (h.LogFailed && run.Failed || h.LogSucceeded && !run.Failed)
	lines := hookLogLines
	if show {
		lines = shownLogLines
	}
	statuses := containersOf(pod)
	for _, c := range statuses {
		if c.exit != nil && (run.Exit == nil || *run.Exit == 0) {
			run.Exit = c.exit
		}
		text, err := r.cluster.Logs(ctx, pod.GetNamespace(), pod.GetName(), c.name, false, lines)
		if err != nil || text == "" {
			continue
		}
		for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			if show {
				r.o.Log(rollout.LogLine{Owner: run.ID, Pod: pod.GetName(), Container: c.name, Text: rollout.Printable(line)})
			}
			if line = short(rollout.Printable(line)); len(statuses) > 1 {
				line = c.name + ": " + line
			}
			run.Log = append(run.Log, line)
		}
	}
	run.Log = run.Log[max(0, len(run.Log)-hookLogLines):]
}

func short(line string) string {
	runes := []rune(line)
	if len(runes) > hookLogWidth {
		return string(runes[:hookLogWidth]) + "…"
	}
	return line
}

// hookPod finds the pod that a hook ran in last; nil when there is none.
func (r *run) hookPod(ctx context.Context, live *unstructured.Unstructured) *unstructured.Unstructured {
	kind := object.Kind{Resource: "pods", Namespaced: true}
	kind.Version, kind.Kind = "v1", "Pod"
	if live.GetKind() == "Pod" {
		pod, err := r.cluster.Get(ctx, kind, live.GetNamespace(), live.GetName())
		if err != nil {
			return nil
		}
		return pod
	}
	list, err := r.cluster.List(ctx, kind, live.GetNamespace(), "controller-uid="+string(live.GetUID()))
	if err != nil || len(list.Items) == 0 {
		return nil
	}
	newest := slices.MaxFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return a.GetCreationTimestamp().Time.Compare(b.GetCreationTimestamp().Time)
	})
	return &newest
}

// ran is a container of a hook's pod; exit is nil while it has not ended.
type ran struct {
	name string
	exit *int
}

// containersOf lists the containers of a pod that were started, init containers
// first.
func containersOf(pod *unstructured.Unstructured) []ran {
	var all []ran
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", list)
		for _, s := range statuses {
			status, _ := s.(map[string]any)
			name, _ := status["name"].(string)
			c := ran{name: name}
			if code, ok, _ := unstructured.NestedInt64(status, "state", "terminated", "exitCode"); ok {
				n := int(code)
				c.exit = &n
			}
			_, running, _ := unstructured.NestedMap(status, "state", "running")
			if c.exit != nil || running {
				all = append(all, c)
			}
		}
	}
	return all
}

// noteEnd remembers that a Job or pod of the release ran to its end: should it go
// by itself, it is not run again.
func (r *run) noteEnd(n *node) {
	if r.journal == nil || n.Hook != nil || n.live == nil || !diff.RunsToEnd(n.ID.GroupKind()) || !strings.HasPrefix(n.state.Summary, "complete") {
		return
	}
	owned := r.owned(n.Change, n.live)
	owned.Done = true
	r.journal.Note(n.ID, owned)
}

// tidy deletes the hooks of an event that failed, as their policies say: first
// the one that failed, then those before it that succeeded. By now the causes are
// known.
func (r *run) tidy(ctx context.Context, res *Result) {
	if !res.failed() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	var due []*node
	events := map[policy.Event]bool{}
	for _, n := range r.nodes {
		if n.Action == diff.Run && n.progress == broken {
			if events[n.Hook.Event] = true; n.Hook.ClearFailed {
				due = append(due, n)
			}
		}
	}
	for _, n := range r.nodes {
		if n.Action == diff.Run && n.progress == done && n.Hook.ClearSucceeded && events[n.Hook.Event] {
			due = append(due, n)
		}
	}
	for _, n := range due {
		if r.journal.Held() != nil {
			return
		}
		c := *n.Change
		c.Live = n.live
		r.slots.take() // free, for no change runs any more
		err := r.clear(ctx, &c, &diff.Step{Propagation: "Background"})
		r.slots.giveBack()
		if err != nil && !errors.Is(err, context.Canceled) {
			res.Diagnosis.Notes = append(res.Diagnosis.Notes, fmt.Sprintf("the hook %s could not be deleted: %v", n.ID, err))
		}
	}
}
