package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/belay-sh/belay/playground/internal/cluster"
)

const (
	parentInterval = 500 * time.Millisecond
	killDelay      = 5 * time.Second // from SIGTERM to SIGKILL for a command that nobody waits for
)

var errOrphaned = errors.New("the process that started the playground is gone")

func newRunCmd() *cobra.Command {
	var nodes int
	var quiet bool
	cmd := &cobra.Command{
		Use:   "run [--nodes N] -- COMMAND [ARG...]",
		Short: "Run a command with a playground of its own",
		Long: `Run starts a playground, runs a command with KUBECONFIG set, and removes the
playground when the command ends. The exit code is the command's; 125 if the
playground failed, 126 or 127 if the command could not be started.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkNodes(nodes); err != nil {
				return err
			}
			var progress io.Writer = os.Stderr
			if quiet {
				progress = io.Discard
			}
			return runRun(cmd.Context(), nodes, progress, args)
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 3, "how many nodes to have")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "say nothing unless it fails")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// runRun gives a command a cluster. The returned error is always an exitError.
func runRun(ctx context.Context, nodes int, progress io.Writer, args []string) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	orphaned, cancel := watchParent(ctx)
	defer cancel(nil)
	starting, stop := signal.NotifyContext(orphaned, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	dir, lock, err := cluster.TempDir()
	if err != nil {
		return exitError{exitFailed, err}
	}
	defer func() {
		_ = os.RemoveAll(string(dir))
		_ = lock.Close()
	}()
	c, err := cluster.Start(starting, cluster.Options{Dir: dir, Name: "run", Nodes: nodes, Progress: progress})
	if errors.Is(err, context.Canceled) {
		return exitError{code: 128 + int(syscall.SIGINT)} // whoever sent the signal knows
	} else if err != nil {
		return exitError{exitFailed, err}
	}
	defer c.Stop()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+dir.Kubeconfig())
	cmd.SysProcAttr = cluster.DieWithParent()
	if err := cmd.Start(); err != nil {
		return startFailure(args[0], err)
	}
	return attend(orphaned, cmd, c, signals)
}

// attend waits for the command, passing signals on, and has it end when there is no use in it.
func attend(orphaned context.Context, cmd *exec.Cmd, c *cluster.Cluster, signals <-chan os.Signal) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	died := make(chan error, 1)
	go func() { died <- c.Wait(orphaned) }()
	var failure error
	var kill <-chan time.Time
	for {
		select {
		case <-ended:
			if failure != nil {
				return exitError{exitFailed, failure}
			}
			if code := exitCode(cmd.ProcessState); code != 0 {
				return exitError{code: code}
			}
			return nil
		case s := <-signals:
			// The terminal sends Ctrl-C to the command itself, for which a second one may mean more than one.
			if s != syscall.SIGINT || !inForeground() {
				_ = cmd.Process.Signal(s)
			}
		case failure = <-died:
			if failure == nil {
				failure = context.Cause(orphaned)
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
			kill = time.After(killDelay)
		case <-kill:
			_ = cmd.Process.Kill()
		}
	}
}

// watchParent returns a context that ends when the process that started this one does.
func watchParent(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		ticker := time.NewTicker(parentInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if os.Getppid() != parent {
					cancel(errOrphaned)
				}
			}
		}
	}()
	return ctx, cancel
}

// inForeground reports whether the terminal, if there is one, sends its signals to this process's group.
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

// startFailure follows the shell: 127 for a command that is not there, 126 for one that is of no use.
func startFailure(name string, err error) error {
	code := 126
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		code = 127
	}
	return exitError{code, fmt.Errorf("running %s: %w", name, err)}
}

// exitCode is the command's, or 128 and the number of the signal that ended it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
