package apply

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// within fails a test whose run took longer.
func within(t *testing.T, d time.Duration, run func()) {
	t.Helper()
	began := time.Now()
	run()
	if took := time.Since(began); took > d {
		t.Errorf("it took %s, want at most %s", took, d)
	}
}

// A run that is over waits for nothing that may never come.
func TestARunThatCannotGoOnDoesNotWaitForWhatIsHeld(t *testing.T) {
	moved := func() diff.Change {
		p, _ := versioned("2")
		return p.Changes[0]
	}
	tests := map[string]struct {
		other diff.Change
		j     Journal
		want  Outcome
		most  time.Duration
	}{
		"the plan is stale":  {moved(), &journal{}, Stale, failureGrace + time.Second},
		"the lock is lost":   {change("other", diff.Create), &losing{journal: &journal{}, began: time.Time{}, after: time.Second}, Lost, 3 * time.Second},
		"the write fails":    {change("bad", diff.Create), &journal{}, Failed, failureGrace + time.Second},
		"nobody knows of it": {change("other", diff.Create), &doubtful{sure: 2}, Lost, unsureFor + 3*time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := change("held", diff.Recreate)
				p := planOf(nil, held, test.other)
				s := &script{heldBy: map[string]string{"held": "held"}, live: map[string]*unstructured.Unstructured{"held": held.Live}}
				if test.want == Stale {
					now := configMap("web")
					now.SetUID("u2")
					s.live["web"] = now
				}
				s.onApply = func(body *unstructured.Unstructured) error {
					switch body.GetName() {
					case "web":
						return outdated("2")(body)
					case "bad":
						return apierrors.NewBadRequest("it is bad")
					}
					return nil
				}
				if j, ok := test.j.(*losing); ok {
					j.began = time.Now()
				}
				within(t, test.most, func() {
					mustOutcome(t, Run(t.Context(), s, test.j, p, Options{Concurrency: 1}), test.want)
				})
			})
		})
	}
}

// doubtful is a lock of which nobody knows any more after some questions.
type doubtful struct {
	journal
	sure int
}

func (d *doubtful) Held() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sure--; d.sure < 0 {
		return release.ErrUnsure
	}
	return nil
}

// deaf is a cluster whose writes take their time, whatever their context says.
type deaf struct{ *script }

func (d deaf) Apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	time.Sleep(time.Second)
	return d.script.Apply(ctx, k, body, o)
}

// Time stands still in this test while somebody computes.
func TestARunWhoseContextEndsDoesNotSpinUntilItsRequestsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		p := planOf([]diff.Edge{edge(0, 1)}, change("a", diff.Create), change("b", diff.Create))
		mustOutcome(t, Run(ctx, deaf{&script{}}, &journal{}, p, Options{}), Interrupted)
	})
}

// away is a cluster that cannot be asked for a while, or refuses to answer.
type away struct {
	*script
	since, until time.Duration
	began        time.Time
	err          error
}

func (a *away) Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	if now := time.Since(a.began); now >= a.since && now < a.until {
		return nil, a.err
	}
	return a.script.Get(ctx, k, namespace, name)
}

func TestAServerThatIsAwayEndsNoWaitForADeletion(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "job", errors.New("no"))
	for name, test := range map[string]struct {
		err  error
		want Outcome
	}{
		"no answer":    {errors.New("connecting to https://prod: connection refused"), Succeeded},
		"not up":       {apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "GET", schema.GroupResource{}, "", "", 0, true), Succeeded},
		"too busy":     {apierrors.NewTooManyRequestsError("slow down"), Succeeded},
		"not allowed":  {forbidden, Failed},
		"its own time": {context.DeadlineExceeded, Succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := planOf(nil, change("job", diff.Recreate))
				s := (&script{lingers: 5}).exists(p)
				a := &away{script: s, since: 10 * time.Millisecond, until: 2 * time.Minute, began: time.Now(), err: test.err}
				mustOutcome(t, Run(t.Context(), a, &journal{}, p, Options{}), test.want)
			})
		})
	}
}

// quiet is a cluster in which nothing happens that a watch would show.
type quiet struct{ *script }

func (quiet) Each(context.Context, object.Kind, string, string, func(*unstructured.Unstructured)) (string, error) {
	return "1", nil
}

func (quiet) Watch(ctx context.Context, _ object.Kind, _, _, _ string, _ func(object.Event) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// unready is a custom resource that says that it is not ready.
func unready(action diff.Action) diff.Change {
	c := change("db", action)
	c.Kind.Group, c.Kind.Kind, c.Kind.Version, c.Kind.Resource = "example.com", "Db", "v1", "dbs"
	body := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Db",
		"metadata": map[string]any{"name": "db", "namespace": "shop", "labels": map[string]any{object.ReleaseLabel: "shop"}},
		"status":   map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "False"}}},
	}}
	c.ID, c.Live = object.IDOf(body), body
	c.Policy = policy.Policy{Wait: policy.WaitReady, Timeout: 5 * time.Second}
	return c
}

func TestTheTimeOfAnObjectCountsThoughItIsUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := planOf(nil, unready(diff.Unchanged))
		within(t, 7*time.Second, func() {
			mustOutcome(t, Run(t.Context(), quiet{(&script{}).exists(p)}, nil, p, Options{}), TimedOut)
		})
	})
}

func TestWithoutWaitingARelapseIsNotWaitedFor(t *testing.T) {
	for noWait, want := range map[bool]progress{false: written, true: done} {
		r := newRun(&script{}, &journal{}, planOf(nil, unready(diff.Unchanged)), Options{NoWait: noWait, Report: func(Event) {}})
		n := r.nodes[0]
		r.move(n, done)
		r.receive(message{id: n.ID, state: rollout.State{Phase: rollout.Progressing}})
		if n.progress != want {
			t.Errorf("no wait %v: %v, want %v", noWait, n.progress, want)
		}
	}
}

func TestADefinitionThatIsTakenOverBringsAKindAsWell(t *testing.T) {
	crd := change("dbs.example.com", diff.Update)
	crd.ID = object.ID{Group: object.CRDKind.Group, Kind: object.CRDKind.Kind, Name: "dbs.example.com"}
	crd.Steps[0].Body.Object["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Db"}}
	crd.Steps = []diff.Step{{Verb: diff.VerbMigrate, Body: configMap("dbs.example.com")}, crd.Steps[0]}
	if kinds := newKinds(planOf(nil, crd)); !kinds[schema.GroupKind{Group: "example.com", Kind: "Db"}] {
		t.Errorf("%v", kinds)
	}
}

// mute is a cluster that answers no question.
type mute struct{ quiet }

func (mute) Get(ctx context.Context, _ object.Kind, _, _ string) (*unstructured.Unstructured, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// An interrupt must end a run within 5 s, also when it is over and only its causes are
// looked for.
func TestAnInterruptEndsTheSearchForCauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := planOf(nil, unready(diff.Update))
		p.Changes[0].Steps = []diff.Step{{Verb: diff.VerbApply, Body: p.Changes[0].Live}}
		stopping := make(chan struct{})
		time.AfterFunc(8*time.Second, func() { close(stopping) })
		within(t, 8*time.Second, func() { // its own time is 5 s, the search may take 10
			mustOutcome(t, Run(t.Context(), mute{quiet{&script{}}}, &journal{}, p, Options{Stopping: stopping}), TimedOut)
		})
	})
}
