package release

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAHolderThatWasStoppedWritesNothingWhenResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		alice, p := newRun(s, "alice")
		bob, _ := newRun(s, "bob")
		stopped := mustLock(t, alice)
		w := wanted(2, "one")
		if _, err := stopped.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		p.on(func(int, string) fault { return hang })
		l := mustLock(t, bob)
		taken := *mustLoad(t, bob).Holder
		if err := stopped.Held(); !errors.Is(err, ErrLost) {
			t.Errorf("resumed, it may write: %v", err)
		}
		p.on(nil)
		close(p.resume)
		time.Sleep(3 * time.Second)
		if _, err := stopped.Intend(t.Context(), Intent{Wanted: wanted(2, "two")}); !errors.Is(err, ErrLost) {
			t.Errorf("resumed, it intended: %v", err)
		}
		if err := stopped.Erase(t.Context()); err == nil {
			t.Error("resumed, it erased")
		}
		if err := stopped.Release(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("resumed, it released: %v", err)
		}
		now := mustLoad(t, bob)
		if now.Holder == nil || now.Holder.Nonce != taken.Nonce || statuses(now) != "1 interrupted" {
			t.Errorf("the head is %+v", now)
		}
		if n := s.chunks(); n != 1 {
			t.Errorf("%d chunks", n)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestALockThatWasGivenBackWritesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice")
		mustDeploy(t, store, wanted(1, "one"), Revision{}, Deployed)
		l := mustLock(t, store)
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := len(p.writes())
		if _, err := l.Intend(t.Context(), Intent{Wanted: wanted(1, "two")}); !errors.Is(err, ErrLost) {
			t.Errorf("intended: %v", err)
		}
		if _, err := l.Finish(t.Context(), Deployed, Result{}); err == nil {
			t.Error("finished")
		}
		if err := l.Release(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("released: %v", err)
		}
		if err := l.Held(); !errors.Is(err, ErrLost) {
			t.Errorf("held: %v", err)
		}
		if after := p.writes()[before:]; len(after) != 0 {
			t.Errorf("wrote %q", after)
		}
	})
}

func TestAHolderWithoutContactStopsWritingAndMayRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice")
		l := mustLock(t, store)
		down := func(f fault) { p.on(func(int, string) fault { return f }) }
		for _, f := range []fault{refuse, hanging, reject} {
			down(f)
			time.Sleep(HeldFor + time.Second)
			if err := l.Held(); !errors.Is(err, ErrLost) {
				t.Errorf("fault %d: held without contact: %v", f, err)
			}
			down(pass)
			time.Sleep(RenewEvery + 2*time.Second)
			if err := l.Held(); err != nil {
				t.Errorf("fault %d: nobody took over, and still: %v", f, err)
			}
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestARunFinishesThoughItHadNoContactForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice")
		l := mustLock(t, store)
		w := wanted(2, "one")
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		p.on(func(int, string) fault { return refuse })
		time.Sleep(LockLife)
		if err := l.Held(); !errors.Is(err, ErrLost) {
			t.Fatalf("held: %v", err)
		}
		p.on(nil)
		if _, err := l.Finish(t.Context(), Failed, Result{Error: "no contact"}); err != nil {
			t.Fatal(err)
		}
		if got := statuses(checkSound(t, s)); got != "1 failed" {
			t.Errorf("revisions: %s", got)
		}
	})
}

// drift moves the wall clock of a time against its monotonic one, as happens
// when a machine sleeps or its clock is set.
func drift(t time.Time, d time.Duration) time.Time {
	ahead := t.Add(d) // both
	// The second word of a Time with a monotonic reading is that reading.
	*(*int64)(unsafe.Add(unsafe.Pointer(&ahead), unsafe.Sizeof(uint64(0)))) -= int64(d)
	return ahead
}

func TestTheClockThatSaysLongerCounts(t *testing.T) {
	then := time.Now()
	for name, c := range map[string]struct {
		now  time.Time
		want time.Duration
	}{
		"the machine slept for a minute":         {drift(then, time.Minute), time.Minute},
		"the clock was set back by an hour":      {drift(then.Add(time.Minute), -time.Hour), time.Minute},
		"a minute passed on all clocks":          {then.Add(time.Minute), time.Minute},
		"the time has no monotonic clock at all": {then.Round(0).Add(time.Minute), time.Minute},
	} {
		if got := age(c.now, then); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatIsNotedIsWrittenWithTheNextRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		l := mustLock(t, store)
		defer l.stop()
		w := wanted(2, "one")
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		id := w.Objects[0].ID()
		l.Note(id, Owned{UID: uid(1)})
		l.Forget(w.Objects[1].ID())
		if mustLoad(t, store).Inventory[id].UID != "" {
			t.Error("written at once")
		}
		time.Sleep(RenewEvery + time.Second)
		if state := mustLoad(t, store); len(state.Inventory) != 1 || state.Inventory[id].UID != uid(1) {
			t.Errorf("after a renewal: %+v", state.Inventory)
		}
	})
}

func TestWhatIsKnownOfAnObjectOutlivesAnIntention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, _ := newRun(newSecrets(), "alice")
		w := wanted(1, "one")
		mustDeploy(t, store, w, Revision{}, Deployed)
		known := mustLoad(t, store).Inventory[w.Objects[0].ID()]
		l := mustLock(t, store)
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		l.stop()
		if got := mustLoad(t, store).Inventory[w.Objects[0].ID()]; got != known || got.UID == "" {
			t.Errorf("known %+v, now %+v", known, got)
		}
	})
}

func TestMetadataThatOthersWriteIsKeptAndLosesNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		l := mustLock(t, store)
		u, err := s.Get(t.Context(), secretKind, "shop", "belay.shop")
		if err != nil {
			t.Fatal(err)
		}
		u.SetAnnotations(map[string]string{"team": "a"})
		if err := unstructured.SetNestedField(u.Object, "bmV3ZXI=", "data", "newer"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), secretKind, u); err != nil {
			t.Fatal(err)
		}
		w := wanted(1, "one")
		if _, err := l.Intend(t.Context(), Intent{Wanted: w}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
			t.Fatal(err)
		}
		u, err = s.Get(t.Context(), secretKind, "shop", "belay.shop")
		if err != nil {
			t.Fatal(err)
		}
		data, _, _ := unstructured.NestedString(u.Object, "data", "newer")
		if u.GetAnnotations()["team"] != "a" || data == "" {
			t.Errorf("lost: %v, %q", u.GetAnnotations(), data)
		}
	})
}
