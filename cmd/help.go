package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

const usageTemplate = `Usage:{{if and .Runnable .HasParent}}
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

// newHelpCmd is help, which knows when there is no such command.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command or topic",

		ValidArgsFunction: completeTopic,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil {
				return inputError(err.Error())
			}
			if len(rest) > 0 {
				return unknownCommand(found, rest[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// newTopic is a page of help, not a verb.
func newTopic(name, short string, text func(*cobra.Command) string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), text(c)) })
	return c
}

func exitCodesText(*cobra.Command) string {
	return "Exit codes are an interface: they do not change.\n\n" + exitTable(nil) + `

Of several reasons before the first write, the first of 3, 5 and 4 counts; all are printed.
`
}

func flagsText(c *cobra.Command) string {
	return fmt.Sprintf(`Every command understands kubectl's own flags:

%s

Every flag can be set by a variable: --lock-timeout by BELAY_LOCK_TIMEOUT, and so on.
The command line wins. Values of the environment (BELAY_VALUES, BELAY_SET ...) come
before those of the command line. These flags are meant for one run, and their
variables are an error: --%s.
`, strings.TrimRight(c.Root().PersistentFlags().FlagUsagesWrapped(100), "\n"), strings.Join(oneRun, ", --"))
}
