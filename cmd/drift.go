package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

func newDriftCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpDrift, DiffOnly: true, MaxDelete: -1}
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Name, report.Markdown}}
	c := &cobra.Command{
		Use:   "drift RELEASE",
		Short: "Show what others changed since",
		Long: `Compares what is live with what the current revision of a release wanted: fields
that others changed, objects that are gone. It needs no bundle and writes nothing.
What others set where the bundle says nothing is named, and is no drift.`,
		Example: `  belay drift shop -n shop
  belay drift shop -n shop -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return deployNamed(c, e, o, args[0], &formats)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.BoolVar(&o.Fresh, "fresh", false, "ask the server about every object, whatever the records say")
	addShowFlags(fs, &o, &formats)
	fs.CountVarP(&o.Verbose, "verbose", "v", "say more: decisions and retries; -vv: requests")
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitPermission, exitInterrupted)
}

// wantCurrent is what the current revision wanted.
func (d *deployment) wantCurrent(ctx context.Context, s *release.State) (*render.Wanted, error) {
	current := s.Current()
	if current == nil {
		return nil, d.noRelease()
	}
	return d.store.Content(ctx, d.target.Release, current)
}

// showDrift writes the answer of a drift.
func (d *deployment) showDrift() error {
	return d.write(d.o.Outputs, report.Text, func(s report.Sink) error {
		return report.DriftTo(s, d.plan, report.DriftOptions{
			PlanOptions: d.planShow(s), Flags: d.hintFlags(d.target.Namespace), Now: d.now(),
		})
	})
}
