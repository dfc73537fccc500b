package cmd

import (
	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

func newApplyCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpApply}
	var layers layerFlags
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML}}
	c := &cobra.Command{
		Use:   "apply BUNDLE",
		Short: "Deploy a bundle: plan, show, ask, apply, watch, record",
		Long: `Renders a bundle, shows what applying it would change, asks (on a terminal),
applies it, waits until everything is ready, prunes what the bundle no longer has,
and records a revision. Running it again without changes changes nothing.

BUNDLE is a directory with a bundle.yaml, or plain manifests: a directory, a file,
or - for stdin.`,
		Example: `  belay apply shop -e prod
  belay apply shop -n shop --set front.image.tag=1.5 --yes
  cat deploy.yaml | belay apply - -r shop -n shop
  belay apply shop --dry-run           # the plan only; exit 2 when there are changes`,
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
	addRunFlags(fs, &o)
	fs.StringVar(&o.OnFailure, "on-failure", failureKeep, "when the run fails: keep what is there, or rollback to what was last deployed")
	addPlanFlags(fs, &o)
	fs.StringVar(&o.Note, "description", "", "a note for the revision, shown in history")
	addShowFlags(fs, &o, &formats)
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission,
		exitUnhealthy, exitTimeout, exitLocked, exitRolledBack, exitRollbackFailed, exitInterrupted)
}
