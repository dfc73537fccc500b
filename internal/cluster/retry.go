package cluster

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Retry is told before a request is sent again.
type Retry struct {
	Method, Path string
	// Try is the number of tries so far, For the time since the first of them failed.
	Try  int
	For  time.Duration
	Wait time.Duration
	Err  error
}

// failure is what the table of retries looks at.
type failure struct {
	// code is the HTTP status, 0 when there was no answer.
	code    int
	reason  metav1.StatusReason
	message string
	// lost is true when the connection failed; unreachable, when there has never
	// been an answer; timeout, when it took all the time it had.
	lost, unreachable, timeout, hopeless bool
	// after is what the server asked to wait.
	after time.Duration
}

// budget is how long something is tried again.
type budget struct {
	tries      int // of the whole request; 0 is no limit
	total      time.Duration
	first, max time.Duration // waits double from first to max
}

// rule says that what it matches is tried again. Reads are what a plan asks,
// dry-runs among them; people wait for it, so they give up sooner.
type rule struct {
	name          string
	match         func(failure) bool
	reads, writes budget
}

// retries is the one table of retries; the first match counts, and what nothing
// matches fails at once: all of 4xx but 429 (conflicts are for callers to judge),
// and a 500 without reason, which is how the server answers a manifest that
// does not fit its schema. Every write that belay sends may be sent twice:
// an apply repeats itself, and a create, an update or a delete that met its own
// lost predecessor says so (AlreadyExists, Conflict, NotFound).
var retries = []rule{{
	name:  "a name or certificate that is wrong stays wrong",
	match: func(f failure) bool { return f.hopeless },
}, {
	name:   "nobody has ever answered there",
	match:  func(f failure) bool { return f.unreachable },
	reads:  budget{tries: 3, total: 3 * time.Second, first: 500 * time.Millisecond, max: time.Second},
	writes: budget{tries: 3, total: 3 * time.Second, first: 500 * time.Millisecond, max: time.Second},
}, {
	name:   "the connection is lost, the server restarts",
	match:  func(f failure) bool { return f.lost },
	reads:  budget{total: 15 * time.Second, first: 100 * time.Millisecond, max: 2 * time.Second},
	writes: budget{total: time.Minute, first: 100 * time.Millisecond, max: 3 * time.Second},
}, {
	name:   "the server asks for patience",
	match:  func(f failure) bool { return f.code == http.StatusTooManyRequests },
	reads:  budget{total: 30 * time.Second, first: 500 * time.Millisecond, max: 5 * time.Second},
	writes: budget{total: time.Minute, first: 500 * time.Millisecond, max: 5 * time.Second},
}, {
	name: "a server or something before it is not up",
	match: func(f failure) bool {
		return f.code == http.StatusServiceUnavailable || f.code == http.StatusBadGateway || f.code == http.StatusGatewayTimeout
	},
	reads:  budget{total: 10 * time.Second, first: 300 * time.Millisecond, max: 2 * time.Second},
	writes: budget{total: 30 * time.Second, first: 300 * time.Millisecond, max: 3 * time.Second},
}, {
	name:   "a webhook is not up yet",
	match:  func(f failure) bool { return f.internal() && strings.Contains(f.message, "failed calling webhook") },
	reads:  budget{total: 2 * time.Second, first: 500 * time.Millisecond, max: time.Second},
	writes: budget{total: time.Minute, first: 500 * time.Millisecond, max: 3 * time.Second},
}, {
	name: "etcd changes its leader or is slow",
	match: func(f failure) bool {
		return f.reason == metav1.StatusReasonServerTimeout ||
			f.internal() && (strings.Contains(f.message, "etcdserver:") || strings.Contains(f.message, "leader changed"))
	},
	reads:  budget{total: 10 * time.Second, first: 200 * time.Millisecond, max: 2 * time.Second},
	writes: budget{total: 30 * time.Second, first: 200 * time.Millisecond, max: 3 * time.Second},
}}

func (f failure) internal() bool {
	return f.code == http.StatusInternalServerError && f.reason == metav1.StatusReasonInternalError
}

// failureOf reads an error of Client.once.
func failureOf(err error, after time.Duration) failure {
	f := failure{after: after}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		s := status.Status()
		f.code, f.reason, f.message = int(s.Code), s.Reason, s.Message
		if s.Details != nil && f.after == 0 {
			f.after = time.Duration(s.Details.RetryAfterSeconds) * time.Second
		}
		return f
	}
	var conn *connError
	var unreachable *unreachableError
	f.unreachable = errors.As(err, &unreachable)
	f.lost = errors.As(err, &conn)
	var netErr net.Error
	f.timeout = errors.As(err, &netErr) && netErr.Timeout()
	// An address that swallows connections has cost the full time already.
	f.hopeless = !f.lost || isHopeless(err) || f.unreachable && f.timeout
	return f
}

// spending is what a request has used of its budget.
type spending struct {
	tries int
	since time.Time
}

// next says whether to try again after a failure, and when.
func (s *spending) next(now time.Time, f failure, writes bool) (time.Duration, bool) {
	s.tries++
	if s.since.IsZero() {
		s.since = now
	}
	for _, r := range retries {
		if !r.match(f) {
			continue
		}
		b := r.reads
		if writes {
			b = r.writes
		}
		wait := b.wait(s.tries, f.after)
		if b.total == 0 || b.tries > 0 && s.tries >= b.tries || now.Sub(s.since)+wait > b.total {
			return 0, false
		}
		return wait, true
	}
	return 0, false
}

// wait is the pause after so many tries, a fifth more or less so that many
// clients do not come back at once; never less than the server asked for.
func (b budget) wait(tries int, after time.Duration) time.Duration {
	d := b.first
	for i := 1; i < tries && d < b.max; i++ {
		d *= 2
	}
	d = min(d, b.max)
	d += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(d))
	return max(d, after)
}
