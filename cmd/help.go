package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}

{{if .Groups}}Others:{{else}}Commands:{{end}}{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}{{if .HasParent}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}

kubectl's own flags (-n, --context, --kubeconfig, --as, -s ...) are understood: belay help flags{{end}}{{end}}{{with .Annotations.exits}}

Exit codes:
{{.}}{{end}}{{if .HasHelpSubCommands}}

More help:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  belay help {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
`

// withExits puts the exit codes that a verb can end with into its help.
func withExits(c *cobra.Command, codes ...int) *cobra.Command {
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations["exits"] = exitTable(codes)
	return c
}

// exitTable writes rows of the table of exit codes; nil means all.
func exitTable(codes []int) string {
	var b strings.Builder
	for _, row := range exitMeanings {
		if codes == nil || slices.Contains(codes, row.code) {
			fmt.Fprintf(&b, "  %-4d %s\n", row.code, row.meaning)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// newExitCodesTopic and newFlagsTopic are pages of help, not verbs.
func newExitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What belay's exit codes mean",
		Long: "Exit codes are an interface: they do not change.\n\n" + exitTable(nil) + `

Of several reasons before the first write, the first of 3, 5 and 4 counts; all are printed.`,
	}
}

func newFlagsTopic() *cobra.Command {
	c := &cobra.Command{
		Use:   "flags",
		Short: "The flags that every command understands, and BELAY_* variables",
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) {
		fmt.Fprintf(c.OutOrStdout(), `Every command understands kubectl's own flags:

%s

Every flag can be set by a variable: --lock-timeout by BELAY_LOCK_TIMEOUT, and so on.
The command line wins. Values of the environment (BELAY_VALUES, BELAY_SET ...) come
before those of the command line. These flags are meant for one run, and their
variables are an error: --%s.
`, strings.TrimRight(c.Root().PersistentFlags().FlagUsagesWrapped(100), "\n"), strings.Join(oneRun, ", --"))
	})
	return c
}
