package cmd

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render/bundle"
)

// isCompletion says whether a shell asks how a command line may go on.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

const (
	noFiles = cobra.ShellCompDirectiveNoFileComp
	files   = cobra.ShellCompDirectiveDefault
)

// completes lets a shell complete the arguments and flags of a command and of all
// below it. It is of use only where isCompletion says so.
func completes(e *env, c *cobra.Command) {
	for _, sub := range c.Commands() {
		completes(e, sub)
	}
	if c.ValidArgsFunction == nil {
		c.ValidArgsFunction = e.completeArgument
	}
	special := e.flagCompletions()
	add := func(f *pflag.Flag) {
		complete := special[f.Name]
		if formats, ok := f.Value.(*outputFlag); ok {
			complete = completeOutput(formats.allowed)
		}
		switch {
		case complete != nil:
		case takesFile(f):
			complete = cobra.FixedCompletions(nil, files)
		default:
			complete = cobra.FixedCompletions(nil, noFiles)
		}
		_ = c.RegisterFlagCompletionFunc(f.Name, complete) // fails only for a flag that is not there, or there twice
	}
	c.LocalNonPersistentFlags().VisitAll(add)
	c.PersistentFlags().VisitAll(add)
}

// takesFile says whether a flag takes a path: its help names a FILE or a DIR. For
// folders alone the scripts of shells need what is not installed everywhere.
func takesFile(f *pflag.Flag) bool {
	value, _ := pflag.UnquoteUsage(f)
	return value == "DIR" || strings.Contains(value, "FILE") || strings.HasPrefix(f.Usage, "Path to ") // kubectl's own
}

// flagCompletions are those of flags whose values are known, or can be found out.
func (e *env) flagCompletions() map[string]cobra.CompletionFunc {
	fixed := func(values ...cobra.Completion) cobra.CompletionFunc { return cobra.FixedCompletions(values, noFiles) }
	return map[string]cobra.CompletionFunc{
		"on-failure": fixed(failureKeep, failureRollback),
		"for":        fixed(string(diff.ForDiff), string(diff.ForApply), string(diff.ForDelete)),
		"color":      fixed("auto", "always", "never"),
		"example":    fixed(exampleNames()...),
		"env": func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return slices.Sorted(maps.Keys(environmentsOf(args))), noFiles
		},
		"context": e.fromKubeconfig(func(c *kubeNames) []string { return c.contexts }),
		"cluster": e.fromKubeconfig(func(c *kubeNames) []string { return c.clusters }),
		"user":    e.fromKubeconfig(func(c *kubeNames) []string { return c.users }),
		"namespace": func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return e.namespaceNames(c.Context()), noFiles
		},
		"release": func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return e.releaseNames(c.Context(), namespaceGiven(c, args)), noFiles
		},
		"revision": func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			name, first := "", ""
			if f := c.Flags().Lookup("release"); f != nil { // of diff, which compares two
				name = f.Value.String()
				if from, _, two := strings.Cut(typed, ".."); two {
					first = from + ".."
				}
			} else if len(args) > 0 {
				name = args[0]
			}
			return e.revisionNumbers(c.Context(), name, first), noFiles | cobra.ShellCompDirectiveKeepOrder
		},
	}
}

// completeOutput completes -o FORMAT[=FILE].
func completeOutput(allowed []report.Format) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, files
		}
		var names []cobra.Completion
		for _, format := range allowed {
			name := string(format)
			if format == report.SavedPlan {
				name += "="
			}
			if strings.HasPrefix(name, typed) {
				names = append(names, name)
			}
		}
		if len(names) == 1 && strings.HasSuffix(names[0], "=") {
			return names, noFiles | cobra.ShellCompDirectiveNoSpace
		}
		return names, noFiles
	}
}

// completeArgument completes the next argument by the name that the usage of the
// command gives it.
func (e *env) completeArgument(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := strings.Fields(c.Use)[1:]
	if len(args) >= len(words) {
		return nil, noFiles
	}
	switch strings.Trim(words[len(args)], "[]") {
	case "BUNDLE":
		return nil, files
	case "RELEASE":
		return e.releaseNames(c.Context(), ""), noFiles
	case "REVISION":
		return e.revisionNumbers(c.Context(), args[0], ""), noFiles | cobra.ShellCompDirectiveKeepOrder
	case "helm/NAME":
		return e.helmNames(c.Context()), noFiles
	default:
		return nil, noFiles
	}
}

// completeTopic completes what there is help about.
func completeTopic(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	about, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil, noFiles
	}
	var names []cobra.Completion
	for _, sub := range about.Commands() {
		if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, noFiles
}

// environmentsOf are those of the bundle that a command line names.
func environmentsOf(args []string) map[string]bundle.Environment {
	if len(args) == 0 || args[0] == "-" || isURL(args[0]) {
		return nil
	}
	b, err := bundle.Load(args[0], strings.NewReader(""))
	if err != nil {
		return nil // a shell shows no errors
	}
	return b.Spec.Environments
}

// namespaceGiven is the namespace of the environment that a command line names.
func namespaceGiven(c *cobra.Command, args []string) string {
	name, err := c.Flags().GetString("env")
	if err != nil || name == "" {
		return ""
	}
	return environmentsOf(args)[name].Namespace
}

// kubeNames are the names in a kubeconfig.
type kubeNames struct{ contexts, clusters, users []string }

// fromKubeconfig completes names of the kubeconfig. It asks no cluster, and
// needs no context that works.
func (e *env) fromKubeconfig(choose func(*kubeNames) []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		raw, err := e.flags.loader().RawConfig()
		if err != nil {
			return nil, noFiles
		}
		return choose(&kubeNames{
			contexts: slices.Sorted(maps.Keys(raw.Contexts)),
			clusters: slices.Sorted(maps.Keys(raw.Clusters)),
			users:    slices.Sorted(maps.Keys(raw.AuthInfos)),
		}), noFiles
	}
}
