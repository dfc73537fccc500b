package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/report"
)

func newHistoryCmd(e *env) *cobra.Command {
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML}}
	c := &cobra.Command{
		Use:   "history RELEASE",
		Short: "List a release's revisions",
		Example: `  belay history shop -n shop
  belay history shop -n shop -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, done := e.untilStopped(c.Context())
			defer done()
			return runHistory(ctx, e, args[0], &formats)
		},
	}
	c.Flags().VarP(&formats, "output", "o", "`FORMAT[=FILE]`: "+formats.names())
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func runHistory(ctx context.Context, e *env, name string, formats *outputFlag) error {
	r, err := e.openRevisions(ctx, name)
	if err != nil {
		return err
	}
	return e.write(formats.given, report.Text, func(s report.Sink) error {
		return report.History(s, r.name, r.namespace, r.state, e.now())
	})
}
