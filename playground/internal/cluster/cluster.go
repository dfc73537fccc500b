// Package cluster supervises a playground: it lays out the data directory, starts the components as child processes, says how far they are,
// waits until a pod could be run, and notices when one of them dies. It ends them by killing them: what they hold goes with them.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

// startTimeout is for machines much slower than one likes to work on.
const startTimeout = 3 * time.Minute

// Options are what a cluster is started with.
type Options struct {
	Dir      datadir.Dir // exists, is empty and is the caller's to remove
	Name     string
	Nodes    int
	Progress io.Writer // gets what a person waiting wants to read
}

// Cluster is a running playground.
type Cluster struct {
	opts      Options
	addresses map[string]net.Addr
	processes []*process
	died      chan error // the first death; holds one
}

// components are started in this order, all at once, and waited for in this order.
var components = []string{"etcd", "apiserver", "controller-manager", "scheduler", "nodes"}

// Start starts a cluster and returns when it is ready to use. What was started is stopped if that fails.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	begin := time.Now()
	c := &Cluster{opts: opts, addresses: map[string]net.Addr{}, died: make(chan error, 1)}
	if err := c.start(); err != nil {
		c.Stop()
		return nil, err
	}
	if err := c.ready(ctx, begin); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// start binds the listeners, so that every address is known and free, and starts the processes.
func (c *Cluster) start() error {
	sockets := map[string]*os.File{}
	defer func() {
		for _, f := range sockets {
			_ = f.Close()
		}
	}()
	for _, name := range components[1:] {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return fmt.Errorf("finding a free port: %w", err)
		}
		c.addresses[name] = l.Addr()
		sockets[name], err = l.File()
		_ = l.Close()
		if err != nil {
			return fmt.Errorf("finding a free port: %w", err)
		}
	}
	if err := c.opts.Dir.Create(c.opts.Name, c.addresses["apiserver"]); err != nil {
		return err
	}
	for _, name := range components {
		args := []string{"component", name, "--dir", string(c.opts.Dir), "--nodes", strconv.Itoa(c.opts.Nodes)}
		p, err := startProcess(name, args, c.opts.Dir, sockets[name], c.noteDeath)
		if err != nil {
			return err
		}
		c.processes = append(c.processes, p)
	}
	return nil
}

func (c *Cluster) noteDeath(err error) {
	select {
	case c.died <- err:
	default:
	}
}

// ready waits for each component in turn.
func (c *Cluster) ready(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, stop := context.WithTimeout(ctx, startTimeout)
	defer stop()
	go func() {
		select {
		case err := <-c.died:
			c.noteDeath(err)
			cancel(err)
		case <-ctx.Done():
		}
	}()
	checks, err := c.checks()
	if err != nil {
		return err
	}
	for _, name := range components {
		_, _ = fmt.Fprintf(c.opts.Progress, "starting %s … ", name)
		if err := poll(ctx, checks[name]); err != nil {
			_, _ = fmt.Fprintln(c.opts.Progress, "failed")
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return fmt.Errorf("starting %s: not ready after %v: %w%s", name, startTimeout, err, lastLines(c.opts.Dir.Log(name)))
		}
		_, _ = fmt.Fprintf(c.opts.Progress, "ready in %.1fs\n", time.Since(begin).Seconds())
	}
	return nil
}

// Wait returns nil when ctx ends, or what became of the first component that dies.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case err := <-c.died:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Stop ends all processes, and returns when they are gone.
func (c *Cluster) Stop() {
	for _, p := range c.processes {
		p.kill()
	}
	for _, p := range c.processes {
		<-p.gone
	}
}
