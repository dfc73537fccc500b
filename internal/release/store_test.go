package release

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

func TestAReleaseThatNeverWasIsTheZeroState(t *testing.T) {
	store, p := newRun(newSecrets(), "alice")
	got := mustLoad(t, store)
	if d := cmp.Diff(&State{Inventory: map[object.ID]Owned{}}, got); d != "" {
		t.Error(d)
	}
	if p.count() != 1 {
		t.Errorf("loading took %q", p.requests)
	}
}

func TestADeployedRevisionIsReadBackAsItWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice@laptop")
		w := wanted(400, "one")
		l := mustLock(t, store)
		begun, err := l.Intend(t.Context(), Intent{Revision: Revision{Git: "3f2a91c", Note: "fix", Origin: w.Origin, Counts: Counts{Create: 400}}, Wanted: w, Inventory: intended(w)})
		if err != nil {
			t.Fatal(err)
		}
		first := w.Objects[0].ID()
		o := Owned{UID: uid(1), Version: "v1", Manifest: 1, Live: 2, Schema: 3, Done: true}
		l.Note(first, o)
		time.Sleep(3 * time.Second)
		diagnosis := &rollout.Diagnosis{Causes: []rollout.Cause{{ID: first, Headline: "not ready"}}}
		done, err := l.Finish(t.Context(), Deployed, Result{Diagnosis: diagnosis, Error: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if writes := p.writes(); len(writes) != 5 {
			t.Errorf("a run should take 5 writes (lock, content, intend, result, finish), took %q", writes)
		}
		if done.Took != 3*time.Second || done.By != "alice@laptop" || begun.Status != Applying || !done.WasDeployed {
			t.Errorf("begun as %+v, finished as %+v", begun, done)
		}

		before := p.count()
		state := mustLoad(t, store)
		if n := p.count() - before; n != 1 {
			t.Errorf("loading took %d requests", n)
		}
		if d := cmp.Diff([]Revision{done}, state.Revisions, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
		if state.Holder != nil || len(state.Inventory) != 400 || state.Inventory[first] != o {
			t.Errorf("holder %v, %d objects, %+v", state.Holder, len(state.Inventory), state.Inventory[first])
		}
		got, err := store.Content(t.Context(), "shop", state.Current())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Error(d)
		}
		result, err := store.Outcome(t.Context(), "shop", state.Current())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&Result{Diagnosis: diagnosis, Error: "x"}, result); d != "" {
			t.Error(d)
		}
	})
}

func TestListReadsMetadataAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		mustDeploy(t, store, wanted(3, "one"), Revision{Origin: wanted(0, "").Origin}, Deployed)
		l := mustLock(t, store) // a killed run
		if _, err := l.Intend(t.Context(), Intent{Wanted: wanted(3, "two")}); err != nil {
			t.Fatal(err)
		}
		l.stop()
		other, err := store.Lock(t.Context(), "only-locked", 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer other.stop()

		reader, p := newRun(s, "bob")
		for _, c := range []struct {
			after time.Duration
			want  Status
		}{{0, Applying}, {2 * time.Hour, Interrupted}} {
			time.Sleep(c.after)
			list, err := reader.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != 1 || list[0].Name != "shop" || list[0].Revision != 2 || list[0].Status != c.want {
				t.Errorf("after %s: %+v", c.after, list)
			}
		}
		if p.count() != 2 {
			t.Errorf("took %q", p.requests)
		}
	})
}

func TestTheVersionMovesWithTheRecordsAndNotWithTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, _ := newRun(newSecrets(), "alice")
		l := mustLock(t, store)
		if v := l.State().Version; v != "" {
			t.Errorf("version of a release that never was, locked: %q", v)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustDeploy(t, store, wanted(1, "one"), Revision{}, Deployed)
		version := mustLoad(t, store).Version
		l = mustLock(t, store)
		time.Sleep(12 * time.Second)
		if v := l.State().Version; v != version {
			t.Errorf("locking moved the version from %q to %q", version, v)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := mustLoad(t, store).Version; v != version {
			t.Errorf("unlocking moved the version from %q to %q", version, v)
		}
		mustDeploy(t, store, wanted(1, "two"), Revision{}, Deployed)
		if mustLoad(t, store).Version == version {
			t.Error("a revision did not move the version")
		}
	})
}

func TestALockReleasedWithoutARevisionLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		if err := mustLock(t, store).Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if names := s.names(); len(names) != 0 {
			t.Errorf("left %q", names)
		}
	})
}

func TestErasingLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		w := wanted(3, "one")
		mustDeploy(t, store, w, Revision{}, Deployed)
		mustDeploy(t, store, wanted(3, "two"), Revision{}, Failed)
		l := mustLock(t, store)
		if _, err := l.Intend(t.Context(), Intent{Revision: Revision{Status: Deleting}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Erase(t.Context()); err == nil {
			t.Fatal("erased although objects may exist")
		}
		l = mustLock(t, store) // it was given back
		for _, o := range w.Objects {
			l.Forget(o.ID())
		}
		if err := l.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		if names := s.names(); len(names) != 0 {
			t.Errorf("left %q", names)
		}
		if err := l.Held(); !errors.Is(err, ErrLost) {
			t.Errorf("still held: %v", err)
		}
	})
}

func TestRetentionKeepsTheLastAndTheLastDeployed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		status := map[int]Status{1: Deployed, 2: Deployed, 3: Failed, 4: Failed, 5: Failed}
		for n := 1; n <= 5; n++ {
			w := wanted(2, strings.Repeat("x", n))
			w.Rules.History = 2
			mustDeploy(t, store, w, Revision{}, status[n])
		}
		if got, want := statuses(checkSound(t, s)), "2 deployed, 4 failed, 5 failed"; got != want {
			t.Errorf("kept %s, want %s", got, want)
		}
		checkTidy(t, s)
		w := wanted(2, "y")
		w.Rules.History = 2
		mustDeploy(t, store, w, Revision{}, Deployed)
		if got, want := statuses(checkSound(t, s)), "5 failed, 6 deployed"; got != want {
			t.Errorf("kept %s, want %s", got, want)
		}
		checkTidy(t, s)
		mustDeploy(t, store, w, Revision{}, Deployed)
		mustDeploy(t, store, w, Revision{}, Deployed)
		if n := s.chunks(); n != 1 {
			t.Errorf("%d chunks are left for two revisions with the same content", n)
		}
	})
}

func TestTheSameContentIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, p := newRun(s, "alice")
		w := wanted(5000, "one")
		mustDeploy(t, store, w, Revision{}, Deployed)
		before := len(p.writes())
		same := wanted(5000, "one")
		same.Objects[2500].Body.Object["data"] = map[string]any{"text": "another"}
		mustDeploy(t, store, same, Revision{}, Deployed)
		creates := 0
		for _, request := range p.writes()[before:] {
			if strings.HasPrefix(request, "create") {
				creates++
			}
		}
		total := len(mustLoad(t, store).Current().Content)
		// One piece of content; the inventory did not change.
		if total < 3 || creates > 2 {
			t.Errorf("one object of 5000 changed: %d of %d pieces were written", creates, total)
		}
		checkSound(t, s)
	})
}

func TestALargeInventoryIsKeptInChunksAndTheyAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, run := newRun(s, "alice")
		w := wanted(10000, "one")
		l := mustLock(t, store)
		if _, err := l.Intend(t.Context(), Intent{Wanted: w, Inventory: intended(w)}); err != nil {
			t.Fatal(err)
		}
		for i, o := range w.Objects {
			l.Note(o.ID(), Owned{UID: uid(i * 7919), Version: "v1", Manifest: uint64(i) * 0x9e3779b97f4a7c15, Live: uint64(i) * 0xc2b2ae3d27d4eb4f})
			if i%1000 == 0 {
				time.Sleep(time.Second)
			}
		}
		if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
			t.Fatal(err)
		}
		state := checkSound(t, s)
		if len(state.Inventory) != 10000 || state.Inventory[w.Objects[77].ID()].UID != uid(77*7919) {
			t.Errorf("%d entries", len(state.Inventory))
		}
		r, err := store.read(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Inventory) == 0 || len(r.packed) > 0 {
			t.Error("the inventory stands in the head")
		}
		before := run.count()
		head, err := store.LoadHead(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if n := run.count() - before; n != 1 || head.Inventory != nil {
			t.Errorf("the head alone takes %d requests, and %d entries came with it", n, len(head.Inventory))
		}
		if diff := cmp.Diff(state.Revisions, head.Revisions); diff != "" {
			t.Error(diff)
		}
		if named, found := len(r.named()), s.chunks(); found > named+len(r.Inventory) {
			t.Errorf("%d chunks, %d of them named", found, named)
		}
		checkTidy(t, s)
	})
}

func TestAnObjectLargerThanAChunkIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		w := wanted(3, "one")
		w.Objects[1].Body.Object["binaryData"] = map[string]any{"x": noise(3 << 20)}
		mustDeploy(t, store, w, Revision{}, Deployed)
		got, err := store.Content(t.Context(), "shop", mustLoad(t, store).Current())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Error("the content differs")
		}
	})
}

func TestLoadingFollowsAnInventoryThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		writer, _ := newRun(s, "writer")
		w := wanted(4000, "one")
		write := func(salt uint64) {
			l := mustLock(t, writer)
			if _, err := l.Intend(t.Context(), Intent{Wanted: w}); err != nil {
				t.Fatal(err)
			}
			for i, o := range w.Objects {
				l.Note(o.ID(), Owned{Manifest: uint64(i) * salt, Live: uint64(i) * salt * salt})
			}
			if _, err := l.Finish(t.Context(), Deployed, Result{}); err != nil {
				t.Fatal(err)
			}
		}
		write(0x9e3779b97f4a7c15)
		reader, p := newRun(s, "reader")
		p.on(func(n int, _ string) fault {
			if n == 2 { // between the head and its chunks
				write(0xc2b2ae3d27d4eb4f)
				write(0xff51afd7ed558ccd)
			}
			return pass
		})
		state := mustLoad(t, reader)
		if got := state.Inventory[w.Objects[1].ID()].Manifest; got != 0xff51afd7ed558ccd {
			t.Errorf("read %x", got)
		}

		p.on(nil)
		r, err := writer.read(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), secretKind, "shop", chunkName("shop", r.Inventory[0]), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Load(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), chunkName("shop", r.Inventory[0])) {
			t.Errorf("a piece is missing: %v", err)
		}
	})
}
