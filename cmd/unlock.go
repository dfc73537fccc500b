package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

func newUnlockCmd(e *env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "unlock RELEASE",
		Short: "Take a release's lock away from who holds it",
		Long: `Takes the lock of a release away from the run that holds it, after saying who that
is. There is seldom a need: a lock whose holder gave no sign of life for 15 s is
taken over by the next run. A holder that lives stops; its revision is interrupted.`,
		Example: `  belay unlock shop -n shop
  belay unlock shop -n shop --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, done := e.untilStopped(c.Context())
			defer done()
			return runUnlock(ctx, e, args[0], yes)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func runUnlock(ctx context.Context, e *env, name string, yes bool) error {
	if err := checkReleaseName(name); err != nil {
		return err
	}
	conn, namespace, err := e.connectIn()
	if err != nil {
		return err
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	state, err := store.Load(ctx, name)
	if err != nil {
		return err
	}
	if state.Version == "" && state.Holder == nil {
		return e.missingRelease(ctx, store, name)
	}
	target := diff.Target{Context: conn.Context, Server: conn.Server, Namespace: namespace, Release: name}
	if current := state.Current(); current != nil {
		target.Revision, target.Environment = current.Number, current.Origin.Environment
	}
	e.sayTarget(conn, target)
	if state.Holder == nil {
		report.NotLocked(e.stderr, name)
		return nil
	}
	report.Holds(e.stderr, name, *state.Holder, e.now())
	d := &deployment{env: e, o: deployOptions{Yes: yes}, target: target}
	if err := d.askTo(report.UnlockQuestion(name, *state.Holder), "y"); err != nil {
		return err
	}
	err = store.Unlock(ctx, name, *state.Holder)
	if errors.Is(err, release.ErrFree) {
		return &failure{code: exitError, message: fmt.Sprintf("%s does not hold the lock any more; it was not touched", state.Holder.By), cause: err}
	}
	if err != nil {
		return err
	}
	report.Unlocked(e.stderr, name)
	return nil
}
