package release

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// upgrade is what the kill points are put into: a run over a release with
// garbage, retention and a new chunk.
func upgrade(ctx context.Context, s *Store) error { return upgradeTo(ctx, s, "three") }

func upgradeTo(ctx context.Context, s *Store, text string) error {
	w := wanted(15, text)
	w.Rules.History = 2
	_, err := deploy(ctx, s, w, Revision{}, Deployed)
	return err
}

func prepare(t *testing.T, s *secrets) {
	t.Helper()
	store, _ := newRun(s, "before")
	for _, text := range []string{"zero", "one", "two"} {
		w := wanted(15, text)
		w.Rules.History = 2
		mustDeploy(t, store, w, Revision{}, Deployed)
	}
}

// requestsOf counts the requests of an undisturbed upgrade or removal.
func requestsOf(t *testing.T, run func(context.Context, *Store) error) int {
	t.Helper()
	s := newSecrets()
	prepare(t, s)
	store, p := newRun(s, "counter")
	if err := run(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return p.count()
}

// killedAt lets requests pass up to the k-th, does f with that, and no others.
func killedAt(k int, f fault) func(int, string) fault {
	return func(n int, _ string) fault {
		switch {
		case n < k:
			return pass
		case n == k:
			return f
		}
		return refuse
	}
}

// killedAnywhere calls then after a run that was killed at each of its requests,
// before and after it was carried out.
func killedAnywhere(t *testing.T, run func(context.Context, *Store) error, then func(t *testing.T, s *secrets)) {
	synctest.Test(t, func(t *testing.T) {
		n := requestsOf(t, run)
		for k := 1; k <= n; k++ {
			for _, f := range []fault{refuse, lose} {
				s := newSecrets()
				prepare(t, s)
				killed, p := newRun(s, "killed")
				p.on(killedAt(k, f))
				_ = run(t.Context(), killed)
				if then(t, s); t.Failed() {
					t.Fatalf("killed at request %d of %d, fault %d", k, n, f)
				}
			}
		}
	})
}

func TestARunKilledAtAnyRequestIsFollowedByOneThatConverges(t *testing.T) {
	killedAnywhere(t, upgrade, func(t *testing.T, s *secrets) {
		before := checkSound(t, s)
		if len(before.Inventory) != 15 {
			t.Errorf("%d objects are remembered", len(before.Inventory))
		}
		next, _ := newRun(s, "next")
		if err := upgradeTo(t.Context(), next, "four"); err != nil {
			t.Errorf("the next run: %v", err)
		}
		after := checkSound(t, s)
		if after.Holder != nil || after.Current().Status != Deployed {
			t.Errorf("then %s, holder %v", statuses(after), after.Holder)
		}
		checkTidy(t, s)
	})
}

func TestAnAnswerLostAtAnyRequestChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := requestsOf(t, upgrade)
		for k := 1; k <= n; k++ {
			for _, f := range []fault{refuse, lose, reject} {
				s := newSecrets()
				prepare(t, s)
				store, p := newRun(s, "alice")
				p.faults = func(n int, request string) fault {
					// The client repeats what only reads.
					if n == k && !strings.HasPrefix(request, "get") {
						return f
					}
					return pass
				}
				if err := upgrade(t.Context(), store); err != nil {
					t.Errorf("fault %d at request %d, %q: %v", f, k, p.requests[k-1], err)
				}
				state := checkSound(t, s)
				if got := statuses(state); got != "3 superseded, 4 deployed" {
					t.Errorf("fault %d at request %d, %q: %s", f, k, p.requests[k-1], got)
				}
				checkTidy(t, s)
			}
		}
	})
}

func remove(ctx context.Context, s *Store) error {
	l, err := s.Lock(ctx, "shop", time.Minute, nil)
	if err != nil {
		return err
	}
	if len(l.State().Inventory) > 0 || l.State().Current() != nil {
		if _, err := l.Intend(ctx, Intent{Revision: Revision{Status: Deleting}}); err != nil {
			_ = l.Release(ctx)
			return err
		}
	}
	for id := range l.State().Inventory {
		l.Forget(id)
	}
	err = l.Erase(ctx)
	l.stop()
	return err
}

func TestAnErasureKilledAtAnyRequestIsEndedByTheNext(t *testing.T) {
	killedAnywhere(t, remove, func(t *testing.T, s *secrets) {
		checkSound(t, s)
		next, _ := newRun(s, "next")
		if err := remove(t.Context(), next); err != nil {
			t.Errorf("the next run: %v", err)
		}
		if names := s.names(); len(names) != 0 {
			t.Errorf("left %q", names)
		}
	})
}

func TestRecordsThatCannotBeWrittenAreAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, f := range []fault{reject, forbid, refuse} {
			s := newSecrets()
			store, p := newRun(s, "alice")
			l := mustLock(t, store)
			w := wanted(2, "one")
			if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
				t.Fatal(err)
			}
			l.Note(w.Objects[0].ID(), Owned{UID: uid(1)})
			p.mu.Lock()
			p.faults = func(int, string) fault { return f }
			p.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := l.Finish(ctx, Deployed, Result{})
			if err == nil || errors.Is(err, ErrLost) {
				t.Errorf("fault %d: got %v", f, err)
			}
			if got := statuses(checkSound(t, s)); got != "1 applying" {
				t.Errorf("fault %d: %s", f, got)
			}
		}
	})
}

func TestAnIntentionThatFailsLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failing := range []string{"create belay.shop.", "update belay.shop"} {
			s := newSecrets()
			store, p := newRun(s, "alice")
			l := mustLock(t, store)
			broken := true
			p.mu.Lock()
			p.faults = func(_ int, request string) fault {
				if broken && strings.HasPrefix(request, failing) {
					return lose
				}
				return pass
			}
			if failing == "update belay.shop" {
				p.faults = func(_ int, request string) fault {
					if broken && (request == failing || request == "get belay.shop") {
						return refuse
					}
					return pass
				}
			}
			p.mu.Unlock()
			w := wanted(2, "one")
			_, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)})
			if failing == "update belay.shop" && err == nil {
				t.Error("intended without a head")
			}
			broken = false
			if err != nil {
				if err := l.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
				if names := s.names(); len(names) != 0 {
					t.Errorf("left %q", names)
				}
				continue
			}
			if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestChunksOfAHeadThatMayHaveBeenWrittenAreNotCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice")
		w := wanted(10000, "one")
		l := mustLock(t, store)
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		for i, o := range w.Objects {
			l.Note(o.ID(), Owned{UID: uid(i * 7919), Live: uint64(i) * 0xc2b2ae3d27d4eb4f})
		}
		written := false
		p.on(func(_ int, request string) fault {
			switch {
			case request == "update belay.shop" && !written:
				written = true // the renewal is, and nobody tells
				return lose
			case written && !strings.HasPrefix(request, "list") && !strings.HasPrefix(request, "delete"):
				return refuse
			}
			return pass
		})
		time.Sleep(RenewEvery + 4*time.Second)
		if _, err := l.Finish(t.Context(), Failed, Result{}); err == nil {
			t.Fatal("finished")
		}
		if state := checkSound(t, s); !written || len(state.Inventory) != 10000 {
			t.Errorf("%d objects are remembered", len(state.Inventory))
		}
	})
}

func TestARunFrozenWhileItWritesChunksSendsNoneWhenResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "frozen")
		l := mustLock(t, store)
		p.on(func(_ int, request string) fault {
			if strings.HasPrefix(request, "create") {
				return freeze
			}
			return pass
		})
		go func() {
			time.Sleep(LockLife)
			close(p.resume)
		}()
		before := p.count()
		if _, err := l.Intend(t.Context(), Intent{Wanted: wanted(1, "one")}); !errors.Is(err, ErrLost) {
			t.Errorf("got %v", err)
		}
		if sent := p.requests[before:]; len(sent) != 1 {
			t.Errorf("sent %q", sent)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestARunFrozenWhileItCollectsDeletesNothingWhenResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		dead, _ := newRun(s, "dead")
		prepare(t, s)
		l := mustLock(t, dead)
		if err := dead.put(t.Context(), "shop", []piece{{raw: []byte("x"), digest: "00"}}, l.Held); err != nil {
			t.Fatal(err)
		}
		l.stop()

		frozen, p := newRun(s, "frozen")
		l = mustLock(t, frozen)
		p.on(func(_ int, request string) fault {
			if strings.HasPrefix(request, "list") {
				return hang
			}
			return pass
		})
		time.Sleep(RenewEvery + LockLife)
		close(p.resume)
		time.Sleep(time.Millisecond)
		for _, request := range p.writes() {
			if strings.HasPrefix(request, "delete") {
				t.Errorf("sent %q", request)
			}
		}
		p.on(nil)
		time.Sleep(RenewEvery + time.Second) // nobody took over: it goes on
		if slices.Contains(s.names(), "belay.shop.00") {
			t.Error("the garbage of the dead is left")
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestErasingTakesChunksThatNobodyNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		prepare(t, s)
		l := mustLock(t, store)
		if err := store.put(t.Context(), "shop", []piece{{raw: []byte("x"), digest: "00"}}, l.Held); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := remove(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		if names := s.names(); len(names) != 0 {
			t.Errorf("left %q", names)
		}
	})
}

func TestASecondRevisionUnderOneLockInterruptsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		l := mustLock(t, store)
		for _, text := range []string{"one", "two"} {
			if _, err := l.Intend(t.Context(), Intent{Wanted: wanted(1, text)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := statuses(l.State()); got != "1 interrupted, 2 applying" {
			t.Errorf("revisions: %s", got)
		}
		if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
			t.Fatal(err)
		}
	})
}
