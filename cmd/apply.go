package cmd

import (
	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

func newApplyCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpApply}
	var layers layerFlags
	var planFile string
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown, report.Events, report.SavedPlan}}
	c := &cobra.Command{
		Use:   "apply BUNDLE",
		Short: "Deploy a bundle: plan, show, ask, apply, watch, record",
		Long: `Renders a bundle, shows what applying it would change, asks (on a terminal),
applies it, waits until everything is ready, prunes what the bundle no longer has,
and records a revision. Running it again without changes changes nothing.

BUNDLE is a directory with a bundle.yaml, a Helm chart, a kustomization, or plain
manifests: a directory, a file, or - for stdin. With --plan it carries out just the
plan that belay diff, or a dry run, saved with -o plan=FILE, unless something moved
since.`,
		Example: `  belay apply shop -e prod
  belay apply shop -n shop --set front.image.tag=1.5 --yes
  cat deploy.yaml | belay apply - -r web -n web
  belay apply shop --dry-run           # the plan only; exit 2 when there are changes
  belay apply --plan shop.plan         # what belay diff shop -o plan=shop.plan saved`,
		Args: func(c *cobra.Command, args []string) error {
			if planFile != "" {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if planFile != "" {
				if err := onlyPlan(c); err != nil {
					return err
				}
				if err := o.useSaved(planFile); err != nil {
					return err
				}
			} else {
				o.Bundle = args[0]
			}
			if err := finishOptions(e, &o, &layers, &formats); err != nil {
				return err
			}
			return deploy(c.Context(), e, o)
		},
	}
	fs := c.Flags()
	fs.StringVar(&planFile, "plan", "", "carry out the plan in `FILE`, and nothing else")
	addBundleFlags(fs, &o, &layers)
	addRegenerateFlag(fs, &o)
	addRunFlags(fs, &o)
	addNoWait(fs, &o)
	addWaitFlags(fs, &o)
	fs.StringVar(&o.OnFailure, "on-failure", failureKeep, "when the run fails: keep what is there, or rollback to what was last deployed")
	addPlanFlags(fs, &o)
	addHookFlags(fs, &o)
	fs.BoolVar(&o.Record, "record", false, "record a revision also when nothing changes")
	fs.BoolVar(&o.NoDowngrade, "no-downgrade", false, "refuse a bundle whose git commit does not come after the recorded one")
	fs.StringVar(&o.Note, "description", "", "a note for the revision, shown in history")
	addShowFlags(fs, &o, &formats)
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission,
		exitUnhealthy, exitTimeout, exitLocked, exitRolledBack, exitRollbackFailed, exitInterrupted)
}
