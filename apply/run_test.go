package apply

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

func TestChangesRunInTheOrderOfTheirEdges(t *testing.T) {
	p := planOf([]diff.Edge{edge(2, 1), edge(1, 0)},
		change("last", diff.Create), change("middle", diff.Update), change("first", diff.Create))
	s := &script{}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
	want := []string{"apply first", "apply middle", "apply last"}
	if d := cmp.Diff(want, s.writes); d != "" {
		t.Error(d)
	}
}

func TestABarrierOpensWhenAllBeforeItAreDone(t *testing.T) {
	for name, test := range map[string]struct {
		barrier diff.Barrier
		want    []string
	}{
		"all before all":               {diff.Barrier{Before: []int{2, 3}, After: []int{0, 1}}, []string{"apply c", "apply d", "apply a", "apply b"}},
		"what sends nothing is passed": {diff.Barrier{Before: []int{4, 3}, After: []int{0, 1}}, []string{"apply c", "apply d", "apply a", "apply b"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf([]diff.Edge{edge(2, 3), edge(0, 1)},
				change("a", diff.Create), change("b", diff.Create), change("c", diff.Create), change("d", diff.Create), change("e", diff.Unchanged))
			p.Barriers = []diff.Barrier{test.barrier}
			s := (&script{}).exists(p)
			mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
			if d := cmp.Diff(test.want, s.writes); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNothingPassesABarrierBehindAFailure(t *testing.T) {
	p := planOf(nil, change("a", diff.Create), change("b", diff.Create), change("c", diff.Create), change("bad", diff.Create))
	p.Barriers = []diff.Barrier{{Before: []int{2, 3}, After: []int{0, 1}}}
	s := &script{onApply: func(u *unstructured.Unstructured) error {
		if u.GetName() == "bad" {
			return apierrors.NewBadRequest("it is bad")
		}
		return nil
	}}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Failed)
	for _, write := range s.writes {
		if write == "apply a" || write == "apply b" {
			t.Errorf("it went on: %v", s.writes)
		}
	}
}

func TestAPlanWithoutItsStepsDoesNothing(t *testing.T) {
	p := planOf([]diff.Edge{edge(0, 1)},
		change("new", diff.Create), change("changed", diff.Update), change("gone", diff.Delete), change("again", diff.Recreate))
	for i := range p.Changes {
		p.Changes[i].Steps = nil
	}
	s := &script{}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
	if len(s.writes) > 0 {
		t.Errorf("wrote %v", s.writes)
	}
}

func TestDeletionsComeAfterAllElse(t *testing.T) {
	p := planOf([]diff.Edge{edge(2, 0)},
		change("old-config", diff.Delete), change("new", diff.Create), change("old-user", diff.Delete))
	s := (&script{}).exists(p)
	j := &journal{}
	mustOutcome(t, Run(context.Background(), s, j, p, Options{}), Succeeded)
	want := []string{"apply new", "delete old-user Background", "delete old-config Background"}
	if d := cmp.Diff(want, s.writes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"old-user", "old-config"}, j.gone); d != "" {
		t.Errorf("forgotten: %s", d)
	}
}

func TestAFailedWriteStopsWhatHasNotStartedAndPrunesNothing(t *testing.T) {
	p := planOf([]diff.Edge{edge(0, 1)},
		change("bad", diff.Create), change("needs-bad", diff.Create), change("old", diff.Delete))
	s := (&script{onApply: func(*unstructured.Unstructured) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "bad", errors.New("quota"))
	}}).exists(p)
	r := Run(context.Background(), s, &journal{}, p, Options{})
	mustOutcome(t, r, Failed)
	if d := cmp.Diff([]string{"needs-bad", "old"}, names(r.NotStarted)); d != "" {
		t.Errorf("not started: %s", d)
	}
	if len(r.Errs) != 1 || len(s.writes) != 1 {
		t.Errorf("errors %v, writes %v", r.Errs, s.writes)
	}
}

func TestARunWhoseLockIsLostWritesNothing(t *testing.T) {
	s := &script{}
	r := Run(context.Background(), s, &journal{lost: true}, planOf(nil, change("a", diff.Create)), Options{})
	mustOutcome(t, r, Lost)
	if len(s.writes) > 0 {
		t.Errorf("wrote %v", s.writes)
	}
}

func TestAnInterruptFinishesWhatIsInFlightAndStartsNothing(t *testing.T) {
	p := planOf([]diff.Edge{edge(0, 1)}, change("first", diff.Create), change("second", diff.Create))
	stopping := make(chan struct{})
	s := &script{onApply: func(*unstructured.Unstructured) error { close(stopping); return nil }}
	r := Run(context.Background(), s, &journal{}, p, Options{Stopping: stopping})
	mustOutcome(t, r, Interrupted)
	if d := cmp.Diff([]string{"second"}, names(r.NotStarted)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"first"}, names(r.Finished)); d != "" {
		t.Error(d)
	}
}

func TestARecreateWaitsUntilTheOldObjectIsGone(t *testing.T) {
	p := planOf(nil, change("job", diff.Recreate))
	s := (&script{lingers: 3}).exists(p)
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
	if d := cmp.Diff([]string{"delete job Foreground", "apply job"}, s.writes); d != "" {
		t.Error(d)
	}
	if s.lingers != 0 {
		t.Error("the new object was made while the old one was there")
	}
}

// versioned makes an update that is fenced by the version the plan saw.
func versioned(version string) (*diff.Plan, *unstructured.Unstructured) {
	c := change("web", diff.Update)
	c.Live = configMap("web")
	c.Live.SetUID("u1")
	c.Live.SetResourceVersion("1")
	body := c.Steps[0].Body
	body.SetUID("u1")
	body.SetResourceVersion("1")
	c.Steps[0].UID, c.Steps[0].Version = "u1", "1"
	now := c.Live.DeepCopy()
	now.SetResourceVersion(version)
	return planOf(nil, c), now
}

func outdated(want string) func(*unstructured.Unstructured) error {
	return func(body *unstructured.Unstructured) error {
		if body.GetResourceVersion() == want {
			return nil
		}
		return apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, body.GetName(), errors.New("the object has been modified"))
	}
}

func TestAWriteIsSentAgainWhenOnlyTheStatusMoved(t *testing.T) {
	p, now := versioned("2")
	s := &script{onApply: outdated("2"), live: map[string]*unstructured.Unstructured{"web": now}}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
	if d := cmp.Diff([]string{"refuse web at 1", "apply web"}, s.writes); d != "" {
		t.Error(d)
	}
}

func TestAnObjectThatMovedOnMakesThePlanStale(t *testing.T) {
	for name, move := range map[string]func(*unstructured.Unstructured){
		"replaced": func(u *unstructured.Unstructured) { u.SetUID("u2") },
		"changed":  func(u *unstructured.Unstructured) { u.SetGeneration(7) },
	} {
		t.Run(name, func(t *testing.T) {
			p, now := versioned("2")
			move(now)
			s := &script{onApply: outdated("2"), live: map[string]*unstructured.Unstructured{"web": now}}
			r := Run(context.Background(), s, &journal{}, p, Options{})
			mustOutcome(t, r, Stale)
			if d := cmp.Diff([]string{"refuse web at 1"}, s.writes); d != "" {
				t.Error(d)
			}
		})
	}
}

// ownedBy marks data.a of a config map as written by the release's manager.
func ownedBy(u *unstructured.Unstructured, value string) *unstructured.Unstructured {
	u.Object["data"] = map[string]any{"a": value}
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "belay/shop/shop", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1",
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`),
	}})
	return u
}

func TestAWriteWhoseAnswerWasLostIsRecognisedAsOurs(t *testing.T) {
	p, now := versioned("2")
	c := &p.Changes[0]
	c.Live = ownedBy(c.Live, "old")
	c.Merged = ownedBy(c.Live.DeepCopy(), "new")
	now = ownedBy(now, "new")
	now.SetGeneration(7) // the server counted it
	s := &script{onApply: outdated("2"), live: map[string]*unstructured.Unstructured{"web": now}}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Succeeded)
	if d := cmp.Diff([]string{"refuse web at 1", "apply web"}, s.writes); d != "" {
		t.Error(d)
	}

	p.Changes[0].Merged = ownedBy(now.DeepCopy(), "something else")
	s = &script{onApply: outdated("2"), live: map[string]*unstructured.Unstructured{"web": now}}
	mustOutcome(t, Run(context.Background(), s, &journal{}, p, Options{}), Stale)
}

func TestAFieldConflictIsNeverForced(t *testing.T) {
	p, now := versioned("1")
	conflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.a", Message: `conflict with "kubectl-edit"`},
	}, "conflict")
	s := &script{onApply: func(*unstructured.Unstructured) error { return conflict },
		live: map[string]*unstructured.Unstructured{"web": now}}
	r := Run(context.Background(), s, &journal{}, p, Options{})
	mustOutcome(t, r, Stale)
	if len(s.writes) != 1 {
		t.Errorf("tried %v", s.writes)
	}
}

func TestTheInventoryLearnsWhatWasMadeAndWhatWasFound(t *testing.T) {
	kept := change("protected", diff.Keep)
	p := planOf(nil, change("made", diff.Create), change("found", diff.Unchanged), kept)
	p.Changes[1].Live.SetUID("u7")
	j := &journal{}
	mustOutcome(t, Run(context.Background(), &script{}, j, p, Options{}), Succeeded)
	if j.notes["found"].UID != "u7" || j.notes["made"].UID == "" {
		t.Errorf("noted %+v", j.notes)
	}
	if !j.notes["protected"].Kept {
		t.Errorf("noted %+v", j.notes)
	}
}

func TestDeletionsComeFirstWhenThePlanSaysSo(t *testing.T) {
	p := planOf(nil, change("new", diff.Create), change("old", diff.Delete))
	p.PruneFirst = true
	s := (&script{}).exists(p)
	mustOutcome(t, Run(t.Context(), s, &journal{}, p, Options{}), Succeeded)
	if d := cmp.Diff([]string{"delete old Background", "apply new"}, s.writes); d != "" {
		t.Error(d)
	}
}

func TestAStuckDeletionNamesWhoHoldsIt(t *testing.T) {
	p := planOf(nil, change("held", diff.Delete))
	live := p.Changes[0].Live
	live.SetFinalizers([]string{"example.com/hold", "foregroundDeletion"})
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "hold-operator", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:finalizers":{"v:\"example.com/hold\"":{}}}}`),
	}})
	s := (&script{heldBy: map[string]string{"held": "held"}}).exists(p)
	r := Run(t.Context(), s, &journal{}, p, Options{Timeout: 300 * time.Millisecond})
	mustOutcome(t, r, TimedOut)
	if len(r.Diagnosis.Causes) != 1 {
		t.Fatalf("%+v", r.Diagnosis)
	}
	got := append([]string{r.Diagnosis.Causes[0].Because}, r.Diagnosis.Causes[0].Detail...)
	want := []string{
		"the finalizer example.com/hold holds it, set by hold-operator; its controller has to remove it: is that running?",
		"what it owns is deleted before it, and is not gone yet",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// instances is a cluster that lists what holds a definition.
type instances struct{ *script }

func (instances) Kind(_ context.Context, gk schema.GroupKind, _ string) (object.Kind, error) {
	return object.Kind{GroupVersionKind: gk.WithVersion("v1"), Resource: "dbs"}, nil
}

func (instances) ListMetadata(context.Context, object.Kind, string, string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, name := range []string{"f", "e", "d", "c", "b", "a"} {
		u := &unstructured.Unstructured{Object: map[string]any{}}
		u.SetName(name)
		u.SetNamespace("far")
		u.SetFinalizers([]string{"example.com/" + name})
		all = append(all, u)
	}
	return all, nil
}

func TestADefinitionThatDoesNotGoNamesTheObjectsThatHoldIt(t *testing.T) {
	p := planOf(nil, change("dbs.example.com", diff.Delete))
	c := &p.Changes[0]
	c.ID = object.ID{Group: object.CRDKind.Group, Kind: object.CRDKind.Kind, Name: "dbs.example.com"}
	c.Live.SetFinalizers([]string{"customresourcecleanup.apiextensions.k8s.io"})
	c.Live.Object["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Db"}}
	s := instances{(&script{heldBy: map[string]string{c.ID.Name: c.ID.Name}}).exists(p)}
	r := Run(t.Context(), s, &journal{}, p, Options{Timeout: 300 * time.Millisecond})
	mustOutcome(t, r, TimedOut)
	if len(r.Diagnosis.Causes) != 1 {
		t.Fatalf("%+v", r.Diagnosis)
	}
	cause := r.Diagnosis.Causes[0]
	want := []string{
		"Db/a in namespace far waits for example.com/a", "Db/b in namespace far waits for example.com/b",
		"Db/c in namespace far waits for example.com/c", "Db/d in namespace far waits for example.com/d",
		"Db/e in namespace far waits for example.com/e", "and 1 more",
	}
	if d := cmp.Diff(want, cause.Detail); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"get", "dbs.example.com", "-A"}, cause.See); d != "" {
		t.Error(d)
	}
}

// An overloaded server answers late, and nobody took the lock.
func TestARunThatIsUnsureOfItsLockWaitsUntilItKnows(t *testing.T) {
	s := &script{}
	mustOutcome(t, Run(t.Context(), s, &journal{unsure: 1}, planOf(nil, change("a", diff.Create)), Options{}), Succeeded)
	if d := cmp.Diff([]string{"apply a"}, s.writes); d != "" {
		t.Error(d)
	}
}

func TestTheNamespaceThatIsMadeBeforeTheRunCountsAsDone(t *testing.T) {
	p := planOf([]diff.Edge{edge(0, 1)}, change("shop", diff.Create), change("c", diff.Create))
	namespace := &p.Changes[0]
	namespace.ID.Kind, namespace.ID.Namespace, namespace.Kind.Kind = "Namespace", "", "Namespace"
	s := &script{}
	if err := Namespace(context.Background(), s, p); err != nil {
		t.Fatal(err)
	}
	var done []string
	r := Run(context.Background(), s, &journal{}, p, Options{Report: func(e Event) {
		if e.Kind == Done {
			done = append(done, e.ID.Name)
		}
	}})
	mustOutcome(t, r, Succeeded)
	if d := cmp.Diff([]string{"shop", "c"}, names(r.Finished)); d != "" {
		t.Errorf("finished: %s", d)
	}
	if d := cmp.Diff([]string{"shop", "c"}, done); d != "" {
		t.Errorf("told as done: %s", d)
	}
	if d := cmp.Diff([]string{"apply shop", "apply c"}, s.writes); d != "" {
		t.Errorf("writes: %s", d)
	}
}

func TestOnlyALockThatIsAnothersEndsAWait(t *testing.T) {
	for _, test := range []struct {
		name    string
		journal *journal
		want    bool
	}{
		{"held", &journal{}, false},
		{"another's", &journal{lost: true}, true},
		{"not known, for the server is away", &journal{unsure: 1}, false},
	} {
		if got := (&run{journal: test.journal}).lost(); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
