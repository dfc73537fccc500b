package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/internal/rollout"
)

type statusOptions struct {
	release string
	full    bool
	watch   bool
	formats outputFlag
}

func newStatusCmd(e *env) *cobra.Command {
	o := statusOptions{formats: outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML}}}
	c := &cobra.Command{
		Use:   "status [RELEASE]",
		Short: "Show a release's objects and whether they are ready",
		Long: `Shows the objects of a release as they are now, why those that are not ready are
not, and how many others have changed. Without RELEASE it takes the only one of the
namespace.`,
		Example: `  belay status shop -n shop
  belay status shop -n shop --watch
  belay status -n shop -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, done := e.untilStopped(c.Context())
			defer done()
			if len(args) > 0 {
				o.release = args[0]
			}
			return runStatus(ctx, e, &o)
		},
	}
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again when it changes, until Ctrl-C")
	c.Flags().BoolVar(&o.full, "full", false, "name every object")
	c.Flags().VarP(&o.formats, "output", "o", "`FORMAT[=FILE]`: "+o.formats.names())
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitUnhealthy, exitInterrupted)
}

func runStatus(ctx context.Context, e *env, o *statusOptions) error {
	name, err := e.onlyRelease(ctx, o.release)
	if err != nil {
		return err
	}
	if o.watch {
		return watchStatus(ctx, e, name, o)
	}
	status, err := e.statusNow(ctx, name, true)
	if err != nil {
		return err
	}
	if err := e.write(o.formats.given, report.Text, func(s report.Sink) error {
		return report.Status(s, *status, e.now(), o.full)
	}); err != nil {
		return err
	}
	if !status.Healthy() {
		return exitWith(exitUnhealthy)
	}
	return nil
}

// statusNow reads a release's status, with what has drifted if asked to.
func (e *env) statusNow(ctx context.Context, name string, drift bool) (*report.ReleaseStatus, error) {
	r, err := e.openRelease(ctx, name)
	if err != nil {
		return nil, err
	}
	objects, err := r.liveObjects(ctx)
	if err != nil {
		return nil, err
	}
	judge, waits, err := r.said(ctx, objects)
	if err != nil {
		return nil, err
	}
	status := &report.ReleaseStatus{
		Name: r.name, Namespace: r.namespace, Revision: *r.state.Current(), Holder: r.state.Holder,
		Objects: r.statesOf(ctx, judge, waits, objects), Diagnosis: r.explain(ctx, judge, objects),
	}
	status.Diagnosis = liveSecrets(objects).HideDiagnosis(status.Diagnosis)
	if drift {
		status.Drift = e.hintFlags(r.namespace).Command("drift", r.name)
		if status.Drifted, err = e.drifted(ctx, r, objects); err != nil {
			return nil, err
		}
	}
	return status, nil
}

// watchEvery is how often status --watch looks.
const watchEvery = 2 * time.Second

// watchStatus shows a release's status until it is interrupted. Once it has been
// shown, a server that is away for a while does not end it.
func watchStatus(ctx context.Context, e *env, name string, o *statusOptions) error {
	if len(o.formats.given) > 0 {
		return inputError("--watch writes text: leave -o out")
	}
	screen := &report.StatusScreen{Writer: e.stdout, Terminal: e.stdoutTerminal, Size: e.size}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for shown := false; ; {
		status, err := e.statusNow(ctx, name, false)
		var mistake *failure
		switch {
		case err == nil:
			if err := screen.Draw(*status, e.now(), o.full); err != nil {
				return err
			}
			shown = true
		case !shown, errors.As(err, &mistake) && mistake.code == exitInput: // it is gone
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return exitWith(exitInterrupted) // that is how it is meant to end
		}
	}
}

// onlyRelease is the release that the user means: the one named, else the only
// one of the namespace.
func (e *env) onlyRelease(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	conn, namespace, err := e.connectIn()
	if err != nil {
		return "", err
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	found, err := store.List(ctx)
	switch {
	case err != nil:
		return "", err
	case len(found) == 1:
		return found[0].Name, nil
	case len(found) == 0:
		return "", inputError("there is no release in namespace " + namespace).
			hint(e.hintFlags("").Command("list", "-A") + " lists all releases")
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = r.Name
	}
	return "", inputError(fmt.Sprintf("namespace %s has %d releases: say which", namespace, len(found))).
		hint("releases there: " + strings.Join(names, ", "))
}

// liveObject is an object of the inventory as it is; live is nil when it is gone.
type liveObject struct {
	id   object.ID
	kind object.Kind
	live *unstructured.Unstructured
}

// statusRequests bounds the requests that status has in flight.
const statusRequests = 16

// liveObjects reads every object of the inventory: one LIST a kind and
// namespace, and a GET for what a LIST by label does not show.
func (r *openedRelease) liveObjects(ctx context.Context) ([]liveObject, error) {
	type group struct {
		gk        schema.GroupKind
		namespace string
	}
	groups := map[group][]object.ID{}
	for id, owned := range r.state.Inventory {
		if !owned.Kept {
			g := group{id.GroupKind(), id.Namespace}
			groups[g] = append(groups[g], id)
		}
	}
	results := make([][]liveObject, 0, len(groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(statusRequests)
	for g, ids := range groups {
		results = append(results, make([]liveObject, len(ids)))
		into := results[len(results)-1]
		work.Go(func() error { return r.readGroup(ctx, g.gk, g.namespace, ids, into) })
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Concat(results...), func(o liveObject) bool {
		return o.live == nil && r.state.Inventory[o.id].Going // as it should be
	})
	slices.SortFunc(all, func(a, b liveObject) int { return a.id.Compare(b.id) })
	return all, nil
}

// readGroup fills in the objects of one kind and namespace.
func (r *openedRelease) readGroup(ctx context.Context, gk schema.GroupKind, namespace string, ids []object.ID, into []liveObject) error {
	for i, id := range ids {
		into[i].id = id
	}
	kind, err := r.conn.Client.Kind(ctx, gk, r.state.Inventory[ids[0]].Version)
	if meta.IsNoMatchError(err) {
		kind, err = r.conn.Client.Kind(ctx, gk, "")
	}
	if meta.IsNoMatchError(err) {
		return nil // its definition is gone, and it with it
	}
	if err != nil {
		return err
	}
	list, err := r.conn.Client.List(ctx, kind, namespace, object.ReleaseLabel+"="+r.name)
	if err != nil {
		return err
	}
	listed := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		listed[list.Items[i].GetName()] = &list.Items[i]
	}
	for i, id := range ids {
		into[i].kind = kind
		if into[i].live = listed[id.Name]; into[i].live != nil {
			continue
		}
		live, err := r.conn.Client.Get(ctx, kind, namespace, id.Name)
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		into[i].live = live
	}
	return nil
}

// liveSecrets are the values that must not be shown, wherever they turn up.
func liveSecrets(objects []liveObject) *report.Secrets {
	var live []object.Object
	for _, o := range objects {
		if o.live != nil {
			live = append(live, object.Object{Body: o.live})
		}
	}
	return report.SecretsOf(live)
}

// explain finds why objects are not ready.
func (r *openedRelease) explain(ctx context.Context, judge *rollout.Judge, objects []liveObject) rollout.Diagnosis {
	var targets []rollout.Target
	for _, o := range objects {
		if o.live == nil || stateOf(judge, o).Phase == rollout.Ready {
			continue
		}
		targets = append(targets, rollout.Target{
			ID: o.id, Kind: o.kind, Generation: o.live.GetGeneration(), UID: string(o.live.GetUID()), Live: o.live,
		})
	}
	if len(targets) == 0 {
		return rollout.Diagnosis{}
	}
	return rollout.Explain(ctx, r.conn.Client, judge, targets)
}
