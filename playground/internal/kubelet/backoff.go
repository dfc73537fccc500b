package kubelet

import "time"

// The kubelet's own times.
const (
	backoffFirst = 10 * time.Second
	backoffMax   = 5 * time.Minute
	resync       = 12 * time.Second // between two looks at something that failed: 10 to 15 s in a real kubelet
	relist       = time.Second      // until an exit is noticed
)

// backoff doubles from ten seconds to five minutes, and starts anew when nothing failed for twice that long. It serves image pulls, which
// count from the last failed pull, and restarts, which count from the last exit.
type backoff struct {
	delay time.Duration
	since time.Time // the last failure
}

// fail notes a failure.
func (b *backoff) fail(at time.Time) {
	switch {
	case b.delay == 0 || at.Sub(b.since) > 2*backoffMax:
		b.delay = backoffFirst
	default:
		b.delay = min(2*b.delay, backoffMax)
	}
	b.since = at
}

// until returns when to try again after something that ended at from, and whether now is before that.
func (b *backoff) until(from, now time.Time) (time.Time, bool) {
	if b.delay == 0 || from.Sub(b.since) > 2*backoffMax {
		return time.Time{}, false
	}
	end := from.Add(b.delay)
	return end, now.Before(end)
}
