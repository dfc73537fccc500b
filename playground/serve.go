package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/playground/internal/cluster"
	"github.com/belay-sh/belay/playground/internal/datadir"
)

// What up hands to serve.
const (
	lockFD     = 3
	progressFD = 4
)

// newServeCmd is the process behind up.
func newServeCmd() *cobra.Command {
	var name string
	var nodes int
	cmd := &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			syscall.CloseOnExec(lockFD)
			syscall.CloseOnExec(progressFD)
			progress := os.NewFile(progressFD, "progress")
			err := runServe(cmd.Context(), name, nodes, progress)
			if err != nil {
				_, _ = fmt.Fprintf(progress, "playground: %v\n", err)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what it is called")
	cmd.Flags().IntVar(&nodes, "nodes", 3, "how many nodes to have")
	return cmd
}

// runServe serves until it is told to end or a component dies. The lock stays with the process.
func runServe(ctx context.Context, name string, nodes int, progress *os.File) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	dir, err := namedDir(name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(dir.File("pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return fmt.Errorf("noting the process id: %w", err)
	}
	c, err := cluster.Start(ctx, cluster.Options{Dir: dir, Name: name, Nodes: nodes, Progress: &listened{progress, cancel}})
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := announce(dir, progress); err != nil {
		return err
	}
	return c.Wait(ctx)
}

// announce tells up that all is well, and that no more is to come.
func announce(dir datadir.Dir, progress *os.File) error {
	// An up that was interrupted reads no more: then nobody knows of this playground, and it had better not be.
	if _, err := fmt.Fprintln(progress, "playground is ready"); err != nil {
		return fmt.Errorf("reporting: %w", err)
	}
	if err := os.WriteFile(ready(dir), nil, 0o600); err != nil {
		return fmt.Errorf("reporting: %w", err)
	}
	return progress.Close()
}

// listened is a writer that calls gone when nobody reads any more.
type listened struct {
	io.Writer
	gone func()
}

func (l *listened) Write(p []byte) (int, error) {
	n, err := l.Writer.Write(p)
	if err != nil {
		l.gone()
	}
	return n, err
}
