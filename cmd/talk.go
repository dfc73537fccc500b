package cmd

import (
	"io"
	"sync"
	"time"

	"github.com/belay-sh/belay/internal/cluster"
	"github.com/belay-sh/belay/internal/report"
)

// talk is where is said, from any goroutine, what nobody asked for: stderr or, while
// a run is shown, the progress, whose table it must not tear.
type talk struct {
	stderr io.Writer

	mu       sync.Mutex
	progress io.Writer // nil while no run is shown
}

func (t *talk) Write(text []byte) (int, error) {
	t.mu.Lock()
	w := t.progress
	t.mu.Unlock()
	if w == nil {
		w = t.stderr
	}
	return w.Write(text)
}

// shows has all said on w until the function that it returns is called.
func (t *talk) shows(w io.Writer) (ended func()) {
	t.set(w)
	return func() { t.set(nil) }
}

func (t *talk) set(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = w
}

func (t *talk) showing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress != nil
}

// slowRetry is how long a request may be sent again before that is told unasked.
const slowRetry = 3 * time.Second

// tellRequests says at -v what is sent again, and at -vv what is sent at all.
// What the server warns of is said always, and why a plan or a record takes its
// time; each once. Of a run's objects their lines tell.
func (d *deployment) tellRequests() {
	d.talk = &talk{stderr: d.stderr}
	client, to := d.conn.Client, d.talk
	var said sync.Map
	first := func(text string) bool {
		_, twice := said.LoadOrStore(text, true)
		return !twice
	}
	client.OnWarning = func(text string) {
		if first(text) {
			report.ServerWarning(to, text)
		}
	}
	switch {
	case d.o.Verbose > 0:
		client.OnRetry = func(r cluster.Retry) {
			report.Retry(to, r.Method, r.Path, r.Try, r.Wait, r.Err)
		}
	case !d.o.Quiet:
		client.OnRetry = func(r cluster.Retry) {
			if r.For >= slowRetry && !to.showing() && first(r.Err.Error()) {
				report.SlowRetry(to, r.For, r.Err)
			}
		}
	}
	if d.o.Verbose > 1 {
		client.OnRequest = func(r cluster.Request) {
			report.Request(to, r.Method, r.Path, r.Status, r.Took, r.Err)
		}
	}
}
