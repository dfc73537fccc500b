package cmd

import (
	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

func newDiffCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpApply, DiffOnly: true}
	var layers layerFlags
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown, report.SavedPlan}}
	c := &cobra.Command{
		Use:   "diff BUNDLE",
		Short: "Show what apply would change",
		Long: `Shows exactly what applying a bundle would change in the cluster, asked of the
server itself, and what would be refused. Writes nothing.`,
		Example: `  belay diff shop -e prod
  belay diff shop -n shop --set front.image.tag=1.5
  belay diff shop -n shop -o json
  belay diff shop -n shop -o plan=shop.plan   # belay apply --plan shop.plan
  belay diff shop -n shop -o markdown         # for a pull request
  belay diff shop -n shop --graph             # in which order`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
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
	addShowFlags(fs, &o, &formats)
	fs.BoolVar(&o.Graph, "graph", false, "show in which order the changes would be made, and why")
	fs.CountVarP(&o.Verbose, "verbose", "v", "say more: decisions and retries; -vv: requests")
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission, exitInterrupted)
}
