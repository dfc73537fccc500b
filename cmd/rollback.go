package cmd

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

func newRollbackCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpRollback, MaxDelete: -1}
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown, report.Events, report.SavedPlan}}
	c := &cobra.Command{
		Use:   "rollback RELEASE [REVISION]",
		Short: "Go back to an earlier revision",
		Long: `Brings back what an earlier revision wanted, as a new revision: what later ones
removed returns, what they added is pruned. Nothing is rendered again. Without
REVISION it goes to the newest one that was deployed and differs from the current one.`,
		Example: `  belay rollback shop -n shop
  belay rollback shop 7 -n shop
  belay rollback shop -n shop --dry-run`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				var err error
				if o.ToRevision, err = parseRevision(args[1]); err != nil {
					return err
				}
			}
			return deployNamed(c, e, o, args[0], &formats)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	addRunFlags(fs, &o)
	addNoWait(fs, &o)
	addWaitFlags(fs, &o)
	addHookFlags(fs, &o)
	fs.BoolVar(&o.NoPrune, "no-prune", false, "leave objects that later revisions added; they are named")
	addPruneFirstFlag(fs, &o)
	fs.BoolVar(&o.Fresh, "fresh", false, "ask the server about every object, whatever the records say")
	addAdoptFlag(fs, &o)
	addForceFlag(fs, &o)
	fs.StringVar(&o.Note, "description", "", "a note for the revision, shown in history")
	addShowFlags(fs, &o, &formats)
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission,
		exitUnhealthy, exitTimeout, exitLocked, exitInterrupted)
}

// parseRevision reads a revision's number.
func parseRevision(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, inputError(fmt.Sprintf("revision %q: it is a number from 1; belay history RELEASE lists them", text))
	}
	return n, nil
}
