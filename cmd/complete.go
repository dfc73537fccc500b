package cmd

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/bundle"
)

// completeTime is how long a shell waits for the names of releases.
const completeTime = 2 * time.Second

// completes lets the shell complete the names of releases: of the argument RELEASE,
// and of -r where that names one which may exist. Flags with a few values complete
// these.
func completes(e *env, c *cobra.Command) {
	completeValues(e, c)
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

// completeValues completes the values of flags that have just a few.
func completeValues(e *env, c *cobra.Command) {
	values := map[string][]string{
		"on-failure": {failureKeep, failureRollback},
		"for":        {string(diff.ForDiff), string(diff.ForApply), string(diff.ForDelete)},
		"color":      {"auto", "always", "never"},
	}
	if f := c.Flags().Lookup("output"); f != nil {
		if formats, ok := f.Value.(*outputFlag); ok {
			for _, format := range formats.allowed {
				if format == report.SavedPlan {
					format += "="
				}
				values["output"] = append(values["output"], string(format))
			}
		}
	}
	register := func(name string, complete cobra.CompletionFunc) {
		if c.Flags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, complete) // fails only for a flag that is not there
		}
	}
	for name, all := range values {
		register(name, cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp))
	}
	register("env", func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return environmentNames(args), cobra.ShellCompDirectiveNoFileComp
	})
	register("context", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		conn, _, err := e.connectIn() // asks the cluster nothing
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.Sorted(maps.Keys(conn.Contexts)), cobra.ShellCompDirectiveNoFileComp
	})
}

// environmentNames are those of the bundle that a command line names.
func environmentNames(args []string) []string {
	if len(args) == 0 || args[0] == "-" {
		return nil
	}
	b, err := bundle.Load(args[0], strings.NewReader(""))
	if err != nil {
		return nil // a shell shows no errors
	}
	return slices.Sorted(maps.Keys(b.Spec.Environments))
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
