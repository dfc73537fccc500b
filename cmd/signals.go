package cmd

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// watchSignals closes e.stopping at the first SIGINT, SIGTERM or SIGHUP and
// ends the process at the second. A closed pipe never ends a run: SIGPIPE is
// caught, and env's writers drop what nobody reads. The function it returns
// stops watching.
func (e *env) watchSignals() (stop func()) {
	stopping := make(chan struct{})
	e.stopping = stopping
	e.stdin = &interruptible{from: e.stdin, stopping: stopping}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// Caught, not ignored: ignored signals are inherited by credential plugins.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)

	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case <-signals:
				if !first {
					os.Exit(exitInterrupted)
				}
				close(stopping)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(done)
	}
}

// untilStopped returns a context that ends at the first signal, for all that
// writes nothing to the cluster.
func (e *env) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if e.stopping != nil {
		go func() {
			select {
			case <-e.stopping:
				cancel(errInterrupted)
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

func stopped(stopping <-chan struct{}) bool {
	select {
	case <-stopping:
		return true
	default:
		return false
	}
}

// interruptible ends a read at the first signal: who waits for a pipe that never
// ends must be able to leave.
type interruptible struct {
	from     io.Reader
	stopping <-chan struct{}
}

// Read reads, or returns errInterrupted.
func (r *interruptible) Read(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	// What is read after all must not land in memory that is the caller's again.
	own := make([]byte, len(b))
	results := make(chan result, 1)
	go func() {
		n, err := r.from.Read(own)
		results <- result{n, err}
	}()
	select {
	case got := <-results:
		return copy(b, own[:got.n]), got.err
	case <-r.stopping:
		return 0, errInterrupted
	}
}
