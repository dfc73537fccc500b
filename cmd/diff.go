package cmd

import (
	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

func newDiffCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpApply, DiffOnly: true}
	var layers layerFlags
	var revisions string
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown, report.SavedPlan}}
	c := &cobra.Command{
		Use:   "diff BUNDLE",
		Short: "Show what apply would change",
		Long: `Shows exactly what applying a bundle would change in the cluster, asked of the
server itself, and what would be refused. Writes nothing.

With --revision it takes no bundle: it shows what a rollback to a revision of the
release would change, or how two revisions differ as they are recorded.`,
		Example: `  belay diff shop -e prod
  belay diff shop -n shop --set front.image.tag=1.5
  belay diff shop -n shop -o json
  belay diff shop -n shop -o plan=shop.plan   # belay apply --plan shop.plan
  belay diff shop -n shop -o markdown         # for a pull request
  belay diff shop -n shop --graph             # in which order
  belay diff -r shop -n shop --revision 7     # what is live, and revision 7
  belay diff -r shop -n shop --revision 6..7  # between two revisions`,
		Args: func(c *cobra.Command, args []string) error {
			if revisions != "" {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if revisions != "" {
				if err := finishOptions(e, &o, &layers, &formats); err != nil {
					return err
				}
				return diffRevisions(c.Context(), e, o, revisions)
			}
			o.Bundle = args[0]
			if err := finishOptions(e, &o, &layers, &formats); err != nil {
				return err
			}
			return deploy(c.Context(), e, o)
		},
	}
	fs := c.Flags()
	addBundleFlags(fs, &o, &layers)
	addRegenerateFlag(fs, &o)
	addPlanFlags(fs, &o)
	addHookFlags(fs, &o)
	addShowFlags(fs, &o, &formats)
	fs.StringVar(&revisions, "revision", "", "compare a revision of the release with what is live, or two, `A[..B]`, with each other")
	fs.BoolVar(&o.Graph, "graph", false, "show in which order the changes would be made, and why")
	fs.CountVarP(&o.Verbose, "verbose", "v", "say more: decisions and retries; -vv: requests")
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission, exitInterrupted)
}
