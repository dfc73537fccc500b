// Package cmd is the command line: flags in, exit code out, one file a verb.
// deploy.go walks the whole flow for the verbs that plan; the others ask one
// stage each. It formats nothing itself (internal/report does) and decides
// nothing about objects.
package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/belay-sh/belay/internal/report"
)

// How much the heap may grow before garbage is collected. A run is short: most end
// before there are 40 MiB, which is when the first collection comes, and collecting
// half as often as usual after it is a tenth of the time of the others.
const (
	gcPercentFirst = 1000
	gcPercent      = 200
)

// collectLate lets the first collection come late.
func collectLate() {
	debug.SetGCPercent(gcPercentFirst)
	first := new([64]byte)
	runtime.AddCleanup(first, func(percent int) { debug.SetGCPercent(percent) }, gcPercent)
}

// Main runs the command line of this process and returns its exit code.
func Main() int {
	if os.Getenv("GOGC") == "" {
		collectLate()
	}
	e := processEnv(genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr})
	defer e.watchSignals()()
	return run(context.Background(), e, os.Args)
}

// run is Main on a given environment.
func run(ctx context.Context, e *env, args []string) int {
	args = asCompletion(args)
	e.program = programName(args[0])
	root := newRootCmd(e, args[1:])
	root.SetArgs(args[1:])
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = e.outputErr()
	}
	if err == nil {
		return exitOK
	}
	f := failureOf(e, err)
	if f.message != "" {
		e.reportFailure(f, args[1:])
	}
	return f.code
}

// programName is how people call this binary: kubectl runs plugins by the
// name kubectl-belay.
func programName(arg0 string) string {
	base := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if strings.HasPrefix(base, "kubectl-") {
		return "kubectl belay"
	}
	return "belay"
}

const rootLong = `belay deploys applications to Kubernetes. It renders a bundle into manifests,
shows exactly what applying them would change, applies them server-side, watches
the rollout until it is ready or says why it is not, and records a revision that
can be rolled back. Nothing of it runs in the cluster.`

const rootExample = `  belay create shop                    # a new bundle to start from
  belay diff shop -n shop              # what would change
  belay apply shop -n shop             # plan, show, ask, apply, watch, record
  belay status shop -n shop            # what runs, and whether it is ready
  belay rollback shop -n shop          # back to the revision before`

// verb is a command by its name, before it is made.
type verb struct {
	name, group string
	make        func(*env) *cobra.Command
}

// verbs are all of them, in the order of the help.
func verbs() []verb {
	return []verb{
		{"create", groupBundle, newCreateCmd},
		{"render", groupBundle, newRenderCmd},
		{"values", groupBundle, newValuesCmd},
		{"diff", groupBundle, newDiffCmd},
		{"apply", groupBundle, newApplyCmd},
		{"rbac", groupBundle, newRBACCmd},
		{"status", groupRelease, newStatusCmd},
		{"list", groupRelease, newListCmd},
		{"history", groupRelease, newHistoryCmd},
		{"get", groupRelease, newGetCmd},
		{"test", groupRelease, newTestCmd},
		{"drift", groupRelease, newDriftCmd},
		{"rollback", groupRelease, newRollbackCmd},
		{"delete", groupRelease, newDeleteCmd},
		{"adopt", groupRelease, newAdoptCmd},
		{"eject", groupRelease, newEjectCmd},
		{"unlock", groupRelease, newUnlockCmd},
		{"version", "", newVersionCmd},
	}
}

// newRootCmd makes the command that args are given to. Where they begin with the
// name of a verb, that is the only one made: making all takes a tenth of a short run.
func newRootCmd(e *env, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:               "belay",
		Short:             "Deploy applications to Kubernetes",
		Long:              rootLong,
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return flagsFromEnvironment(c, e.lookupEnv)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return c.Help()
		},
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: e.program},
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	e.addGlobalFlags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: groupBundle, Title: "On a bundle:"},
		&cobra.Group{ID: groupRelease, Title: "On a release:"},
	)
	root.SetHelpCommand(newHelpCmd())
	made := verbs()
	if i := slices.IndexFunc(made, func(v verb) bool { return len(args) > 0 && v.name == args[0] }); i >= 0 {
		made = made[i : i+1]
		root.CompletionOptions.DisableDefaultCmd = true
	} else {
		root.AddCommand(
			newTopic("exit-codes", "What belay's exit codes mean", exitCodesText),
			newTopic("flags", "The flags that every command understands, and BELAY_* variables", flagsText),
		)
		root.InitDefaultCompletionCmd()
	}
	for _, v := range made {
		c := v.make(e)
		c.GroupID = v.group
		root.AddCommand(c)
	}
	finishTree(e, root)
	if isCompletion(args) {
		completes(e, root)
	}
	return root
}

const (
	groupBundle  = "bundle"
	groupRelease = "release"
)

// finishTree gives all commands what they have in common: wrong arguments are
// the user's mistake, said in words, and a word that is no subcommand is one too.
func finishTree(e *env, c *cobra.Command) {
	for _, sub := range c.Commands() {
		finishTree(e, sub)
	}
	if c.Name() == "completion" {
		finishCompletion(c)
	}
	c.Example = strings.ReplaceAll(c.Example, "belay ", e.program+" ")
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		return inputError(argsMessage(c, args)).hint("usage: " + c.UseLine())
	}
}

func argsMessage(c *cobra.Command, args []string) string {
	want := strings.Fields(c.Use)[1:]
	var missing []string
	for i, word := range want {
		if i >= len(args) && !strings.HasPrefix(word, "[") {
			missing = append(missing, word)
		}
	}
	if len(missing) > 0 {
		return fmt.Sprintf("%s needs %s", c.CommandPath(), strings.Join(missing, " and "))
	}
	return fmt.Sprintf("%s does not understand %q", c.CommandPath(), args[len(args)-1])
}

// reportFailure writes an error for people to stderr, or as a document to
// stdout where the run was asked for one and none is there yet.
func (e *env) reportFailure(f *failure, args []string) {
	color := e.colorFor(e.stderrTerminal)
	r := report.Failure{Code: f.code, Message: f.message, Lines: f.lines, Hints: f.hints, Mistakes: f.mistakes}
	format := wantedDocument(args, e.lookupEnv)
	if e.answered {
		format = report.Text
	}
	var err error
	switch {
	case f.refused != nil && format == report.Text:
		err = report.Refused(e.stderr, f.refused, color)
	case f.refused != nil:
		err = report.RefusedDocument(e.stdout, format, f.code, f.refused)
	case format == report.Text:
		report.Error(e.stderr, r, color)
	default:
		err = report.ErrorDocument(e.stdout, format, r)
	}
	if err != nil {
		fmt.Fprintln(e.stderr, "error: "+err.Error())
	}
}

// wantedDocument finds -o json or -o yaml in raw arguments, so that also an
// error met while they are parsed is a document.
func wantedDocument(args []string, lookupEnv func(string) (string, bool)) report.Format {
	found, _ := lookupEnv("BELAY_OUTPUT")
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.ParseErrorsAllowlist.UnknownFlags = true
	fs.Usage = func() {}
	outputs := fs.StringArrayP("output", "o", nil, "")
	fs.BoolP("help", "h", false, "")
	_ = fs.Parse(args) // whatever else is wrong with them is reported already
	for _, o := range append([]string{found}, *outputs...) {
		if o == string(report.JSON) || o == string(report.YAML) || o == string(report.Events) {
			return report.Format(o)
		}
	}
	return report.Text
}
