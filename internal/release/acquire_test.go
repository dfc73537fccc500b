package release

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

func TestALiveHolderKeepsOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		alice, _ := newRun(s, "alice@laptop")
		bob, p := newRun(s, "bob")
		l := mustLock(t, alice)
		defer l.stop()

		var locked *LockedError
		if _, err := bob.Lock(t.Context(), "shop", 0, nil); !errors.As(err, &locked) || !errors.Is(err, ErrLocked) {
			t.Fatalf("got %v", err)
		}
		before, calls := p.count(), 0
		_, err := bob.Lock(t.Context(), "shop", time.Minute, func(Holder) { calls++ })
		if !errors.As(err, &locked) || locked.Waited != time.Minute || locked.Holder.By != "alice@laptop" {
			t.Fatalf("got %v", err)
		}
		if want := "locked: alice@laptop still holds shop after 1m"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		if n := p.count() - before; n > 62 || calls < 55 || calls > 61 {
			t.Errorf("waiting a minute took %d requests and %d calls", n, calls)
		}
		if len(p.writes()) != 0 {
			t.Errorf("the waiter wrote %q", p.writes())
		}
		if err := l.Held(); err != nil {
			t.Errorf("held for a minute, then: %v", err)
		}
	})
}

func TestAWaiterGetsTheLockWhenItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		alice, _ := newRun(s, "alice")
		bob, _ := newRun(s, "bob")
		l := mustLock(t, alice)
		go func() {
			time.Sleep(7500 * time.Millisecond)
			_ = l.Release(context.Background())
		}()
		began := time.Now()
		mine := mustLock(t, bob)
		if waited := time.Since(began); waited > 9*time.Second {
			t.Errorf("waited %s", waited)
		}
		if err := mine.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestADeadHoldersLockIsTakenOverAfterItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		alice, _ := newRun(s, "alice")
		bob, _ := newRun(s, "bob")
		dead := mustLock(t, alice)
		w := wanted(2, "one")
		if _, err := dead.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		dead.stop() // killed
		version := mustLoad(t, bob).Version

		began := time.Now()
		l := mustLock(t, bob)
		if waited := time.Since(began); waited < LockLife || waited > LockLife+2*time.Second {
			t.Errorf("took over after %s", waited)
		}
		state := l.State()
		if got := statuses(state); got != "1 interrupted" {
			t.Errorf("revisions: %s", got)
		}
		if len(state.Inventory) != 2 || state.Version == version {
			t.Errorf("%d objects; version was %q, is %q", len(state.Inventory), version, state.Version)
		}
		if _, err := dead.Finish(t.Context(), Deployed, Result{}); !errors.Is(err, ErrLost) {
			t.Errorf("the dead finished: %v", err)
		}
		if err := dead.Held(); !errors.Is(err, ErrLost) {
			t.Errorf("the dead holds: %v", err)
		}
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
			t.Fatal(err)
		}
		if got := statuses(checkSound(t, s)); got != "1 interrupted, 2 deployed" {
			t.Errorf("revisions: %s", got)
		}
		checkTidy(t, s)
	})
}

func TestManyRunsAtOnceGetTheLockOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		const runs = 8
		errs := make(chan error, runs)
		for i := range runs {
			store, _ := newRun(s, "x")
			go func() {
				_, err := deploy(t.Context(), store, wanted(2, string(rune('a'+i))), Revision{}, Deployed)
				errs <- err
			}()
		}
		for range runs {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		state := checkSound(t, s)
		if len(state.Revisions) != runs || state.Current().Number != runs || state.Current().Status != Deployed {
			t.Errorf("revisions: %s", statuses(state))
		}
	})
}

func TestARunThatIsToldToEndWhileLockingLeavesNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, f := range []fault{pass, lose} {
			s := newSecrets()
			store, p := newRun(s, "alice")
			ctx, cancel := context.WithCancel(t.Context())
			p.faults = func(n int, _ string) fault {
				if n != 2 {
					return pass
				}
				cancel() // as the request is on its way
				return f
			}
			if _, err := store.Lock(ctx, "shop", time.Minute, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if names := s.names(); len(names) != 0 {
				t.Errorf("left %q", names)
			}
		}
	})
}

func TestNamesThatCannotBeReleasesAreRefused(t *testing.T) {
	store, p := newRun(newSecrets(), "alice")
	for _, name := range []string{"", "a.b", "A", "-a", "a_b", string(make([]byte, 54))} {
		if _, err := store.Load(t.Context(), name); err == nil {
			t.Errorf("loaded %q", name)
		}
		if _, err := store.Lock(t.Context(), name, 0, nil); err == nil {
			t.Errorf("locked %q", name)
		}
	}
	if p.count() != 0 {
		t.Errorf("asked %q", p.requests)
	}
}

func TestLockingInANamespaceThatIsMissingFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &Store{Cluster: noNamespace{}, Namespace: "shop"}
		began := time.Now()
		_, err := store.Lock(t.Context(), "shop", time.Minute, nil)
		if err == nil || !notFound(err) || time.Since(began) > 0 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

type noNamespace struct{ Cluster }

func (noNamespace) Get(_ context.Context, _ object.Kind, _, name string) (*unstructured.Unstructured, error) {
	return newSecrets().Get(context.Background(), secretKind, "", name)
}

func (noNamespace) Create(ctx context.Context, _ object.Kind, _ *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return newSecrets().Get(ctx, secretKind, "", "shop")
}
