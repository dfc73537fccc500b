package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// upgrade is what the kill points are put into: a run over a release with
// garbage, retention and a new chunk.
func upgrade(ctx context.Context, s *Store) error {
	w := wanted(15, "three")
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

func TestARunKilledAtAnyRequestIsFollowedByOneThatConverges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := requestsOf(t, upgrade)
		for k := 1; k <= n; k++ {
			for _, f := range []fault{refuse, lose} {
				s := newSecrets()
				prepare(t, s)
				killed, p := newRun(s, "killed")
				p.faults = func(n int, _ string) fault {
					switch {
					case n < k:
						return pass
					case n == k:
						return f
					}
					return refuse
				}
				_ = upgrade(t.Context(), killed)
				name := fmt.Sprintf("killed at request %d of %d, fault %d", k, n, f)
				before := checkSound(t, s)
				if len(before.Inventory) != 15 {
					t.Errorf("%s: %d objects are remembered", name, len(before.Inventory))
				}
				next, _ := newRun(s, "next")
				if err := upgrade(t.Context(), next); err != nil {
					t.Errorf("%s: the next run: %v", name, err)
				}
				after := checkSound(t, s)
				if after.Holder != nil || after.Current().Status != Deployed {
					t.Errorf("%s: then %s, holder %v", name, statuses(after), after.Holder)
				}
				checkTidy(t, s)
			}
		}
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
		if _, err := l.Intend(ctx, Revision{Status: Deleting}, nil, nil); err != nil {
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
	synctest.Test(t, func(t *testing.T) {
		n := requestsOf(t, remove)
		for k := 1; k <= n; k++ {
			for _, f := range []fault{refuse, lose} {
				s := newSecrets()
				prepare(t, s)
				killed, p := newRun(s, "killed")
				p.faults = func(n int, _ string) fault {
					switch {
					case n < k:
						return pass
					case n == k:
						return f
					}
					return refuse
				}
				_ = remove(t.Context(), killed)
				checkSound(t, s)
				next, _ := newRun(s, "next")
				if err := remove(t.Context(), next); err != nil {
					t.Errorf("killed at request %d, fault %d: the next run: %v", k, f, err)
				}
				if names := s.names(); len(names) != 0 {
					t.Errorf("killed at request %d, fault %d: left %q", k, f, names)
				}
			}
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
			if _, err := l.Intend(t.Context(), Revision{}, w, intended(w)); err != nil {
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
			_, err := l.Intend(t.Context(), Revision{}, w, intended(w))
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
