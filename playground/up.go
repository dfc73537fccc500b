package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/playground/internal/cluster"
	"github.com/belay-sh/belay/playground/internal/datadir"
)

// downTimeout is how long a playground may take to end before it is killed.
const downTimeout = 10 * time.Second

func newUpCmd() *cobra.Command {
	var name string
	var nodes int
	var quiet bool
	cmd := &cobra.Command{
		Use:   "up [--name NAME] [--nodes N]",
		Short: "Start a playground in the background and print its kubeconfig's path",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkNodes(nodes); err != nil {
				return err
			}
			return runUp(name, nodes, quiet)
		},
	}
	cmd.Flags().StringVar(&name, "name", "default", "what to call it")
	cmd.Flags().IntVar(&nodes, "nodes", 3, "how many nodes to have")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "say nothing unless it fails")
	return cmd
}

func newDownCmd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "down [--name NAME]",
		Short: "Stop a playground and remove all it had",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runDown(cmd.Context(), name) },
	}
	cmd.Flags().StringVar(&name, "name", "default", "what it is called")
	return cmd
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// namedDir is where a playground of a name has its directory, whether it is there or not.
func namedDir(name string) (datadir.Dir, error) {
	if !validName.MatchString(name) {
		return "", fmt.Errorf("--name is %q: it can have lower-case letters, digits and dashes, 32 at most", name)
	}
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding the home directory: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return datadir.Dir(filepath.Join(state, "belay-playground", name)), nil
}

// runUp hands a directory, and the lock on it, to a process of its own, and waits until that is ready.
func runUp(name string, nodes int, quiet bool) error {
	dir, err := namedDir(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	lock, err := cluster.Lock(dir)
	if errors.Is(err, cluster.ErrHeld) {
		return fmt.Errorf("playground %q is up already: its kubeconfig is %s", name, dir.Kubeconfig())
	} else if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(dir.File("pid")); err == nil {
		_, _ = fmt.Fprintf(os.Stderr, "removing what is left of an earlier playground %q\n", name)
	}
	if err := cluster.Empty(dir); err != nil {
		return err
	}
	var talk bytes.Buffer
	var progress io.Writer = os.Stderr
	if quiet {
		progress = &talk
	}
	if err := startServe(dir, name, nodes, lock, progress); err != nil {
		return err
	}
	if _, err := os.Stat(ready(dir)); err != nil {
		_, _ = io.Copy(os.Stderr, &talk)
		_ = os.RemoveAll(string(dir))
		return exitError{code: 1} // serve has said why
	}
	fmt.Println(dir.Kubeconfig())
	return nil
}

// startServe starts the background process and passes on what it has to say until it is ready or has failed.
func startServe(dir datadir.Dir, name string, nodes int, lock *os.File, talk io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	log, err := os.OpenFile(dir.Log("playground"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	defer func() { _ = log.Close() }()
	progress, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	defer func() { _ = progress.Close() }()
	cmd := exec.Command(self, "serve", "--name", name, "--nodes", strconv.Itoa(nodes))
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.ExtraFiles = []*os.File{lock, theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	_, _ = io.Copy(talk, progress)
	return cmd.Process.Release()
}

// runDown ends a playground, whatever state it is in.
func runDown(ctx context.Context, name string) error {
	dir, err := namedDir(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(string(dir)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no playground is called %q", name)
	}
	lock, err := cluster.Lock(dir)
	switch {
	case err == nil:
		_, _ = fmt.Fprintf(os.Stderr, "playground %q was not running any more\n", name)
	case errors.Is(err, cluster.ErrHeld):
		// Interrupted while it starts, it is removed by the process that started it.
		if lock, err = end(ctx, dir); errors.Is(err, os.ErrNotExist) {
			return nil
		} else if err != nil {
			return fmt.Errorf("stopping playground %q: %w", name, err)
		}
	default:
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := os.RemoveAll(string(dir)); err != nil {
		return fmt.Errorf("removing playground %q: %w", name, err)
	}
	return nil
}

// end has the process that holds the lock end, and returns the lock.
func end(ctx context.Context, dir datadir.Dir) (*os.File, error) {
	pid, err := awaitPid(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, fmt.Errorf("sending %v to process %d: %w", signal, pid, err)
		}
		waiting, cancel := context.WithTimeout(ctx, downTimeout)
		lock, err := cluster.AwaitLock(waiting, dir)
		cancel()
		if !errors.Is(err, cluster.ErrHeld) {
			return lock, err
		}
	}
	return nil, fmt.Errorf("process %d does not end", pid)
}

// awaitPid returns the process id that serve notes as the first thing it does.
func awaitPid(ctx context.Context, dir datadir.Dir) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	for {
		text, err := os.ReadFile(dir.File("pid"))
		if pid, wrong := strconv.Atoi(string(text)); err == nil && wrong == nil {
			return pid, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("reading its process id: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
