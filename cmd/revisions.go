package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/report"
)

// diffRevisions compares revisions of a release: two of them with each other, or
// one with what is live, as a rollback to it would.
func diffRevisions(ctx context.Context, e *env, o deployOptions, revisions string) error {
	if o.Release == "" {
		return inputError("--revision needs the release: -r NAME")
	}
	if err := checkReleaseName(o.Release); err != nil {
		return err
	}
	first, second, two := strings.Cut(revisions, "..")
	from, err := parseRevision(first)
	if err != nil {
		return err
	}
	if !two {
		o.Op, o.ToRevision, o.MaxDelete = diff.OpRollback, from, -1
		return deploy(ctx, e, o)
	}
	to, err := parseRevision(second)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(o.Outputs, func(out output) bool { return out.Format == report.SavedPlan }) {
		return inputError("a comparison of two revisions is no plan that could be applied").
			hint("against what is live: --revision " + second)
	}
	ctx, done := e.untilStopped(ctx)
	defer done()
	return between(ctx, e, &o, from, to)
}

func between(ctx context.Context, e *env, o *deployOptions, from, to int) error {
	r, err := e.openRevisions(ctx, o.Release)
	if err != nil {
		return err
	}
	before, err := r.revision(from)
	if err != nil {
		return err
	}
	after, err := r.revision(to)
	if err != nil {
		return err
	}
	was, err := r.store.Content(ctx, r.name, before)
	if err != nil {
		return err
	}
	is, err := r.store.Content(ctx, r.name, after)
	if err != nil {
		return err
	}
	plan, err := diff.Between(ctx, r.conn.Client, was, is, diff.Options{
		Op: diff.OpApply, Concurrency: o.Concurrency, Now: e.now(),
		Target: diff.Target{
			Context: r.conn.Context, Server: r.conn.Server, Namespace: r.namespace, Release: r.name,
			Revision: to, Environment: after.Origin.Environment,
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "revision %d → %d, as recorded\n", from, to)
	d := &deployment{env: e, o: *o, plan: plan}
	if err := e.write(o.Outputs, report.Text, func(s report.Sink) error {
		return report.PlanTo(s, plan, d.planShow(s))
	}); err != nil {
		return err
	}
	if len(plan.Changes) > plan.Counts()[diff.Unchanged] {
		return exitWith(exitChanges)
	}
	return nil
}
