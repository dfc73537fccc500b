package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// busy is a cluster whose applies are sent again after a while, as internal/cluster
// does it, until tries are over.
type busy struct {
	*script
	tries int
}

var errBusy = errors.New("the server is too busy")

func (b *busy) Apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	resending := object.ResendingOf(ctx)
	for range b.tries {
		resending.Told(errBusy)
		if err := pause(ctx, 400*time.Millisecond); err != nil {
			return nil, false, err
		}
		if err := resending.May(); err != nil {
			return nil, false, err
		}
	}
	if b.tries > 0 {
		resending.Told(nil)
	}
	return b.script.Apply(ctx, k, body, o)
}

func TestWhatIsSentAgainIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := &busy{script: &script{}, tries: 2}
		r := Run(t.Context(), c, &journal{}, planOf(nil, change("a", diff.Create)), Options{Report: func(e Event) {
			text := string(e.Kind)
			if e.Err != nil {
				text += ": " + e.Err.Error()
			}
			told = append(told, text)
		}})
		mustOutcome(t, r, Succeeded)
		const again = "retrying: the server is too busy"
		if d := cmp.Diff([]string{"started", again, again, "retrying", "wrote", "done"}, told); d != "" {
			t.Error(d)
		}
	})
}

func TestAWriteThatIsCutOffBetweenTriesSaysWhatTheLastOneMet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := planOf(nil, change("a", diff.Create))
		c := &busy{script: &script{}, tries: 1000}
		r := Run(t.Context(), c, &journal{}, p, Options{Timeout: 10 * time.Second})
		mustOutcome(t, r, TimedOut)
		if err := r.Errs[p.Changes[0].ID]; !errors.Is(err, errBusy) || !strings.Contains(err.Error(), "the last try") {
			t.Errorf("%v", err)
		}
	})
}

func TestAnInterruptedWriteBetweenTriesIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		time.AfterFunc(5*time.Second, func() { close(stopping) })
		c := &busy{script: &script{}, tries: 1000}
		r := Run(t.Context(), c, &journal{}, planOf(nil, change("a", diff.Create)), Options{Stopping: stopping})
		mustOutcome(t, r, Interrupted)
		if len(r.Errs) > 0 {
			t.Errorf("%v", r.Errs)
		}
	})
}

// losing is a lock that another run takes after some time.
type losing struct {
	*journal
	began time.Time
	after time.Duration
}

func (l *losing) Held() error {
	if time.Since(l.began) >= l.after {
		return release.ErrLost
	}
	return l.journal.Held()
}

// The other run may have made the object as a later bundle has it.
func TestARunThatLostItsLockSendsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &busy{script: &script{}, tries: 2}
		j := &losing{journal: &journal{}, began: time.Now(), after: 300 * time.Millisecond}
		mustOutcome(t, Run(t.Context(), c, j, planOf(nil, change("a", diff.Create)), Options{}), Lost)
		if len(c.writes) > 0 {
			t.Errorf("wrote %v", c.writes)
		}
	})
}

// The first request of a change is long ago when what it waited for is gone.
func TestARunThatLostItsLockWhileItWaitedMakesNothingAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := planOf(nil, change("job", diff.Recreate))
		s := (&script{lingers: 3}).exists(p)
		j := &losing{journal: &journal{}, began: time.Now(), after: 30 * time.Millisecond}
		mustOutcome(t, Run(t.Context(), s, j, p, Options{}), Lost)
		if d := cmp.Diff([]string{"delete job Foreground"}, s.writes); d != "" {
			t.Error(d)
		}
	})
}

func TestAWriteWaitsUntilTheRunIsSureOfItsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := &run{journal: &journal{unsure: 5}}
		if err := r.mayWrite(t.Context()); err != nil || time.Since(began) != 5*heldEvery {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		r = &run{journal: &journal{unsure: 1 << 20}}
		if err := r.mayWrite(t.Context()); !errors.Is(err, release.ErrLost) {
			t.Errorf("%v", err)
		}
	})
}
