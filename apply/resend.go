package apply

import (
	"context"
	"errors"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// cutOffError is a write that was sent again and again until the run's time was up.
type cutOffError struct {
	last error // what the last try met
}

func (e *cutOffError) Error() string {
	return "sent again until the time was up; the last try: " + e.last.Error()
}
func (e *cutOffError) Unwrap() error { return e.last }

// Is makes errors.Is(err, context.Canceled) hold: that is what ended it.
func (e *cutOffError) Is(target error) bool { return target == context.Canceled }

// carryOut writes a change, and says what it is that holds a write up.
func (r *run) carryOut(ctx context.Context, n *node, see bool) message {
	var last error
	live, err := r.write(object.WithResending(ctx, object.Resending{
		Told: func(cause error) {
			last = cause
			r.inbox.put(message{retried: n, err: cause})
		},
		May: func() error { return r.mayWrite(ctx) },
	}), n.Change, see)
	if err != nil && last != nil && ctx.Err() != nil {
		err = &cutOffError{last}
	}
	if !closed(r.o.Stopping) {
		err = r.behindWebhook(ctx, err)
	}
	return message{writer: n, live: live, err: err}
}

// heldEvery is how often a writer asks whether the run still holds its lock.
const heldEvery = 200 * time.Millisecond

// mayWrite waits until the run knows that it holds its lock. Changes take minutes
// where they wait, and tries: what was so at the start of one need not be so now.
func (r *run) mayWrite(ctx context.Context) error {
	for began := time.Now(); ; {
		err := r.journal.Held()
		if !errors.Is(err, release.ErrUnsure) || time.Since(began) >= unsureFor {
			return err
		}
		if err := pause(ctx, heldEvery); err != nil {
			return err
		}
	}
}
