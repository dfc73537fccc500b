// Playground is a Kubernetes cluster in one file: etcd, the API server, the controller manager and the scheduler as they are, and nodes that
// only pretend to run pods. It is what belay is tried and tested on.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/playground/internal/component"
	"github.com/belay-sh/belay/playground/internal/datadir"
)

// exitFailed is the exit code of run when the playground fails rather than the command.
const exitFailed = 125

// exitError ends the program with a code; a nil error has been told of already.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return fmt.Sprint(e.err) }
func (e exitError) Unwrap() error { return e.err }

func main() {
	err := newRootCmd().Execute()
	if err == nil {
		return
	}
	exit := exitError{code: 1, err: err}
	errors.As(err, &exit)
	if exit.err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "playground: %v\n", exit.err)
	}
	os.Exit(exit.code)
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "playground",
		Short: "Run a Kubernetes cluster that pretends to run pods",
		Long: `Playground runs a Kubernetes cluster on this machine: a real control plane, and
nodes that pretend to run pods. It needs no containers and no privileges, and
listens on the loopback interface only.`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(newUpCmd(), newDownCmd(), newRunCmd(), newServeCmd(), newComponentCmd())
	return root
}

func newComponentCmd() *cobra.Command {
	var opts component.Options
	cmd := &cobra.Command{
		Use: "component NAME", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return component.Run(cmd.Context(), args[0], opts) },
	}
	cmd.Flags().StringVar((*string)(&opts.Dir), "dir", "", "the playground's directory")
	cmd.Flags().IntVar(&opts.Nodes, "nodes", 3, "how many nodes to have")
	return cmd
}

func checkNodes(nodes int) error {
	if nodes < 1 || nodes > 50 {
		return fmt.Errorf("--nodes is %d: it can be 1 to 50", nodes)
	}
	return nil
}

// ready is the file that says that a playground in the background got as far as that.
func ready(dir datadir.Dir) string { return dir.File("ready") }
