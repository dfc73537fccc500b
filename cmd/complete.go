package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/release"
)

// completeTime is how long a shell waits for the names of releases.
const completeTime = 2 * time.Second

// completes lets the shell complete the names of releases: of the argument RELEASE,
// and of -r where that names one which may exist.
func completes(e *env, c *cobra.Command) {
	words := strings.Fields(c.Use)
	if c.ValidArgsFunction == nil && len(words) > 1 && strings.Trim(words[1], "[]") == "RELEASE" {
		c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return e.releaseNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		}
	}
	if c.Flags().Lookup("release") != nil {
		names := func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return e.releaseNames(c.Context()), cobra.ShellCompDirectiveNoFileComp
		}
		_ = c.RegisterFlagCompletionFunc("release", names) // fails only for a flag that is not there
	}
}

// releaseNames are the releases of the namespace, with how they are. A cluster that
// does not answer in time has none: a shell shows no errors.
func (e *env) releaseNames(ctx context.Context) []cobra.Completion {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	conn, namespace, err := e.connectIn()
	if err != nil {
		return nil
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	found, err := store.List(ctx)
	if err != nil {
		return nil
	}
	names := make([]cobra.Completion, len(found))
	for i, r := range found {
		names[i] = cobra.CompletionWithDesc(r.Name, strings.TrimSpace(r.Bundle+" "+r.Version+" "+string(r.Status)))
	}
	return names
}
