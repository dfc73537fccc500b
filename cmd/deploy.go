package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/helm"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/internal/rollout"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// deploy is the line that every verb walks: what the release remembers, what is
// wanted, the plan, its show, the question, the lock, the write-ahead, the
// apply, the record. diff ends after the show; rollback, delete and test differ
// only in where what is wanted comes from.
func deploy(ctx context.Context, e *env, o deployOptions) error {
	reading, done := e.untilStopped(ctx)
	defer done()
	if err := o.beginEvents(); err != nil {
		return err
	}
	d, err := openDeployment(reading, e, o)
	if err != nil {
		return err
	}
	d.printTarget()
	err = d.makePlan(reading, d.state)
	d.warn(d.warnings)
	if err != nil {
		return err
	}
	d.refuseStale()
	d.refuseDowngrade(reading)
	if err := d.showPlan(); err != nil {
		return err
	}
	switch {
	case len(d.plan.Refused) > 0:
		return d.refused()
	case o.DiffOnly || o.DryRun:
		return d.verdict()
	case d.nothingToChange():
		return d.checkHealth(ctx)
	}
	if err := d.ask(); err != nil {
		return err
	}
	if err := d.createNamespace(reading); err != nil {
		return err
	}
	lock, err := d.lock(reading)
	if err != nil {
		return err
	}
	if err := d.planAgain(reading, lock); err != nil {
		return errors.Join(err, giveBack(ctx, lock))
	}
	if d.nothingToChange() { // another run did it meanwhile
		return errors.Join(giveBack(ctx, lock), d.checkHealth(ctx))
	}
	return d.carryOut(ctx, lock)
}

// deployNamed walks the line for a verb whose first argument names a release.
func deployNamed(c *cobra.Command, e *env, o deployOptions, name string, formats *outputFlag) error {
	o.Release = name
	if err := checkReleaseName(name); err != nil {
		return err
	}
	if err := finishOptions(e, &o, nil, formats); err != nil {
		return err
	}
	return deploy(c.Context(), e, o)
}

// deployment is one walk along the line.
type deployment struct {
	*env
	o      deployOptions
	conn   *connection
	store  *release.Store
	target diff.Target
	// want gives what the release should be: from a bundle, from an old revision,
	// or nothing at all.
	want func(context.Context, *release.State) (*render.Wanted, error)
	// renderNext renders the bundle as of the revision that would be made; nil
	// where want depends on nothing but what is remembered.
	renderNext func() (*render.Wanted, error)
	talk       *talk
	// warnings are those of the last rendering.
	warnings []render.Warning
	// random are the random values that this run made.
	random map[string]string
	// overlays are laid over what the bundle renders.
	overlays []*bundle.Tree
	// rollbackTo is the revision that a rollback brings back.
	rollbackTo int
	// helm is the release of Helm's that is taken over; past are its revisions.
	helm  *helm.Release
	past  []release.Past
	asked bool

	state *release.State
	plan  *diff.Plan
}

// makePlan plans from a state of the release's records.
func (d *deployment) makePlan(ctx context.Context, s *release.State) error {
	d.state, d.renderNext = s, nil
	d.target.Revision = 0
	if current := s.Current(); current != nil {
		d.target.Revision = current.Number
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader := diff.ReadAhead(ctx, d.conn.Client, s, d.planOptions())
	wanted, err := d.want(ctx, s)
	if err != nil {
		return err
	}
	d.plan, err = diff.Compute(ctx, reader, s, wanted, d.planOptions())
	if err != nil || d.plan.Empty() {
		return err
	}
	// What is wanted may depend on the number of the revision and the time: it is
	// asked first as of now, and again only if something else changes too.
	next, err := d.wantNext(wanted)
	if err != nil || next == wanted {
		return err
	}
	d.plan, err = diff.Compute(ctx, d.conn.Client, s, next, d.planOptions())
	return err
}

func (d *deployment) planOptions() diff.Options {
	hints := d.hintFlags("")
	if saved := d.o.Saved; saved != nil {
		o := saved.Options
		o.Target, o.Now, o.Concurrency = d.target, d.now(), d.o.Concurrency
		o.Program, o.ClusterFlags = hints.Program, hints.Cluster()
		return o
	}
	return diff.Options{
		Program: hints.Program, ClusterFlags: hints.Cluster(),
		Op: d.o.Op, Target: d.target, ReadOnly: d.o.DiffOnly, StrictPreview: d.o.StrictPreview,
		ForceConflicts: d.o.ForceConflicts, Adopt: d.o.Adopt, Helm: d.o.Helm, AllowRestarts: d.o.AllowRestarts, Fresh: d.o.Fresh, NoPrune: d.o.NoPrune,
		MaxDelete: d.o.MaxDelete, AllowEmpty: d.o.AllowEmpty,
		DeleteCRDs: d.o.DeleteCRDs, DeleteNamespace: d.o.DeleteNamespace, PruneFirst: d.o.PruneFirst, NoWait: d.o.NoWait,
		ReplaceBundle: d.o.ReplaceBundle, ChangeEnvironment: d.o.ChangeEnvironment,
		Key: d.store.Key, NoHooks: d.o.NoHooks, RunHooks: d.o.RunHooks, Tests: d.o.Tests,
		Concurrency: d.o.Concurrency,
	}
}

// nothingToChange says whether the release is as it should be, in the cluster
// and in its records. A delete always has the records to remove, and on top of a
// revision that did not succeed a run is due even without changes.
func (d *deployment) nothingToChange() bool {
	if d.o.Op == diff.OpDelete || d.o.Op == diff.OpTest || d.o.Record || !d.plan.Empty() || d.plan.HooksChanged {
		return false
	}
	current := d.state.Current()
	return current != nil && current.Status == release.Deployed && !d.letsGo()
}

// letsGo says that the plan lets go of an object: the inventory must know.
func (d *deployment) letsGo() bool {
	return slices.ContainsFunc(d.plan.Changes, func(c diff.Change) bool { return c.Action == diff.Keep && !c.Leftover })
}

// createNamespace creates the release's namespace if the plan does: the lock
// and the records live in it, so it comes before them.
func (d *deployment) createNamespace(ctx context.Context) error {
	return apply.Namespace(ctx, d.conn.Client, d.plan)
}

// planAgain plans under the lock, if the release moved since the plan was
// made. A person is shown what is different and asked again; a pipeline goes on
// with the new plan.
func (d *deployment) planAgain(ctx context.Context, lock *release.Lock) error {
	if lock.State().Version == d.plan.Base {
		return nil
	}
	before := d.plan
	if err := d.makePlan(ctx, lock.State()); err != nil {
		return err
	}
	d.refuseDowngrade(ctx)
	if d.plan.Same(before) && len(d.plan.Refused) == 0 {
		return nil
	}
	if d.refuseStale(); d.o.Saved != nil && len(d.plan.Refused) > 0 {
		return d.refused()
	}
	fmt.Fprintln(d.stderr, "the release changed meanwhile; this is the plan now:")
	if err := d.showPlan(); err != nil {
		return err
	}
	if len(d.plan.Refused) > 0 {
		return d.refused()
	}
	return d.ask()
}

// carryOut writes ahead, applies and records. From here on the run ends in
// order, whatever signal comes: what it did must be recorded.
func (d *deployment) carryOut(ctx context.Context, lock *release.Lock) error {
	began := d.now()
	revision, err := d.writeAhead(ctx, lock)
	if err != nil {
		return errors.Join(err, giveBack(ctx, lock))
	}
	result := d.run(ctx, lock, began)
	if d.undoes(revision, result) {
		return d.undo(ctx, lock, result, began)
	}
	recorded, err := d.conclude(ctx, lock, result)
	switch {
	case err == nil:
		revision = recorded
	case errors.Is(err, release.ErrLost):
		// What it saw of late was another run's doing.
		result.Outcome, result.Diagnosis = apply.Lost, rollout.Diagnosis{}
	default:
		// The next run finds a revision that is applying and nobody who holds the
		// lock, and goes on from there.
		report.Error(d.stderr, report.Failure{Message: err.Error()}, d.colorFor(d.stderrTerminal))
	}
	end := d.reportEnd(revision, result, d.now().Sub(began), false)
	if err != nil && exitOf(result) == exitOK {
		return exitWith(exitError)
	}
	return end
}

// writeAhead writes down what the run intends to make. Tests make nothing, and no
// revision: how they go belongs to the one that is tested.
func (d *deployment) writeAhead(ctx context.Context, lock *release.Lock) (release.Revision, error) {
	if d.o.Op == diff.OpTest {
		return *d.state.Current(), nil
	}
	return lock.Intend(ctx, d.intent())
}

// run applies the plan and shows how it goes.
func (d *deployment) run(ctx context.Context, lock *release.Lock, began time.Time) *apply.Result {
	progress := d.progress(began)
	defer d.talk.shows(progress)()
	defer progress.Stop()
	tell, done := d.watchers(progress)
	defer done()
	return apply.Run(ctx, d.conn.Client, lock, d.plan, apply.Options{
		Timeout: d.timeout(), NoWait: d.o.NoWait, WaitOldPods: d.o.WaitOldPods, Concurrency: d.o.Concurrency,
		Report: tell, Stopping: d.stopping, Tail: d.tail(progress), Log: progress.Log,
	})
}

// recordTime bounds the writing of a run's end; after an interrupt the whole
// must be over within 5 s.
const (
	recordTime        = 30 * time.Second
	recordInterrupted = 1500 * time.Millisecond
)

// conclude writes down how the run went, and releases the lock. A release that
// is deleted leaves no records.
func (d *deployment) conclude(ctx context.Context, lock *release.Lock, result *apply.Result) (release.Revision, error) {
	if d.namespaceGoes(result) {
		lock.Leave()
		return release.Revision{}, nil
	}
	limit := recordTime
	if result.Outcome == apply.Interrupted {
		limit = recordInterrupted
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if d.o.Op == diff.OpDelete && result.Outcome == apply.Succeeded {
		return release.Revision{}, lock.Erase(ctx)
	}
	if d.o.Op == diff.OpTest {
		return *d.state.Current(), lock.RecordTests(ctx, d.target.Revision, d.kept(result).Hooks)
	}
	return lock.Finish(ctx, statusOf(result.Outcome), d.kept(result))
}

// namespaceGoes says whether the run has begun to delete the release's namespace,
// which comes last and takes the records with it.
func (d *deployment) namespaceGoes(result *apply.Result) bool {
	if !d.planOptions().DeleteNamespace {
		return false
	}
	id := object.ID{Kind: object.NamespaceKind.Kind, Name: d.target.Namespace}
	return slices.Contains(result.Finished, id) || result.States[id].Phase == rollout.Deleting
}

// revision is the index entry of the run that begins.
func (d *deployment) revision() release.Revision {
	counts := d.plan.Counts()
	r := release.Revision{
		By: d.store.Who.By, Job: d.store.Who.Job, Origin: d.plan.Wanted.Origin,
		Note: d.o.Note, NotWaited: d.o.NoWait, RollbackTo: d.rollbackTo,
		Random: len(d.plan.Wanted.Random) > 0,
		Counts: release.Counts{
			Create: counts[diff.Create], Update: counts[diff.Update],
			Recreate: counts[diff.Recreate], Delete: counts[diff.Delete], Run: counts[diff.Run],
		},
	}
	switch d.o.Op {
	case diff.OpDelete:
		r.Status, r.Note = release.Deleting, "delete"
	case diff.OpAdopt:
		r.Helm = d.helm.Current().Number
		r.Note = strings.TrimSuffix(fmt.Sprintf("taken over from Helm, revision %d; %s", r.Helm, r.Note), "; ")
	case diff.OpApply:
		if r.Git = gitCommit(d.o.Bundle); d.o.Saved != nil {
			r.Git = d.o.Saved.Git
		}
	}
	return r
}

// intended are the inventory entries of all that the plan may make. What it
// finds as it should be is among them, for it may not be in the inventory yet.
func intended(p *diff.Plan) map[object.ID]release.Owned {
	all := map[object.ID]release.Owned{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action == diff.Delete || c.Action == diff.Keep || c.Hook != nil || c.Source.File == "" && c.Shared {
			continue
		}
		all[c.ID] = release.Owned{Version: c.Kind.Version, Shared: c.Shared}
	}
	return all
}

// giveBack releases the lock of a run that wrote nothing. It must succeed also
// after an interrupt.
func giveBack(ctx context.Context, lock *release.Lock) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordInterrupted)
	defer cancel()
	return lock.Release(ctx)
}
