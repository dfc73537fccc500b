package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/helm"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

func newAdoptCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpAdopt, MaxDelete: -1, Adopt: []string{"*"}}
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Events}}
	c := &cobra.Command{
		Use:   "adopt helm/NAME",
		Short: "Take over a release of Helm's",
		Long: `Makes a release of what Helm 3 or Helm 4 installed: what Helm recorded last is what
is wanted, its fields and marks become the release's, its revisions the history, to
which a rollback can go. Objects keep their UIDs and nothing restarts: where what
runs is not what Helm recorded, it is refused.

Helm's own records stay, and Helm can still read them. Do not use helm upgrade or
helm uninstall on the release any more: --remove-helm-records removes them, now or
in a later run.`,
		Example: `  belay adopt helm/shop -n shop --dry-run
  belay adopt helm/shop -n shop -e prod
  belay adopt helm/shop -n shop --remove-helm-records`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name, ok := strings.CutPrefix(args[0], "helm/")
			if !ok || name == "" {
				return inputError(fmt.Sprintf("%q: what can be taken over is a release of Helm's", args[0])).
					hint("belay adopt helm/NAME")
			}
			if o.Helm = name; o.Release == "" {
				o.Release = name
			}
			if err := checkReleaseName(o.Release); err != nil {
				f := failureOf(e, err)
				return f.hint("give it another name: -r NAME")
			}
			if err := finishOptions(e, &o, nil, &formats); err != nil {
				return err
			}
			return runAdopt(c.Context(), e, o)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.StringVarP(&o.Release, "release", "r", "", "name of the release (default: Helm's)")
	fs.StringVarP(&o.Env, "env", "e", "", "environment that the bundle will be applied with")
	addRunFlags(fs, &o)
	addNoWait(fs, &o)
	fs.BoolVar(&o.RemoveHelm, "remove-helm-records", false, "remove what Helm remembers of the release, once it is taken over")
	fs.BoolVar(&o.AllowRestarts, "allow-restarts", false, "take it over even where that changes what runs")
	addForceFlag(fs, &o)
	fs.StringVar(&o.Note, "description", "", "a note for the revision, shown in history")
	addShowFlags(fs, &o, &formats)
	return withExits(c, exitOK, exitError, exitChanges, exitInput, exitRefused, exitPermission,
		exitUnhealthy, exitTimeout, exitLocked, exitInterrupted)
}

// runAdopt takes over a Helm release, unless that is done, and removes Helm's
// records if it is told to.
func runAdopt(ctx context.Context, e *env, o deployOptions) error {
	found, done, err := e.findHelm(ctx, o)
	if err != nil {
		return err
	}
	if found == nil { // the same command was cut short after its last request
		report.Adopted(e.stderr, o.Release, o.Helm, e.hintFlags(""), true)
		report.HelmRecordsRemoved(e.stderr, o.Helm, 0)
		return nil
	}
	if done {
		report.Adopted(e.stderr, o.Release, o.Helm, e.hintFlags(found.Namespace), o.RemoveHelm)
	} else if err := deploy(ctx, e, o); err != nil || o.DryRun || !o.RemoveHelm {
		return err
	}
	if !o.RemoveHelm || o.DryRun {
		return nil
	}
	if done {
		d := &deployment{env: e, o: o, target: diff.Target{Context: e.conn.Context, Server: e.conn.Server, Namespace: found.Namespace, Release: o.Release}}
		question := report.RemovalQuestion(o.Helm, len(found.Revisions), d.target)
		if err := d.askTo(question, "y"); err != nil {
			return err
		}
	}
	if err := found.Remove(context.WithoutCancel(ctx), e.conn.Client); err != nil {
		return err
	}
	report.HelmRecordsRemoved(e.stderr, o.Helm, len(found.Revisions))
	return nil
}

// findHelm reads Helm's records, and says whether the release was taken over
// before. It finds nil where they are to be removed and a run before did that. A
// release of belay's that has nothing to do with it is refused.
func (e *env) findHelm(ctx context.Context, o deployOptions) (found *helm.Release, done bool, err error) {
	ctx, stop := e.untilStopped(ctx)
	defer stop()
	conn, namespace, err := e.connectIn()
	if err != nil {
		return nil, false, err
	}
	store := &release.Store{Cluster: conn.Client, Namespace: namespace, Now: e.now}
	state, err := store.Load(ctx, o.Release)
	if err != nil {
		return nil, false, err
	}
	found, err = helm.Load(ctx, conn.Client, namespace, o.Helm)
	if errors.Is(err, helm.ErrNone) {
		fromHelm := slices.ContainsFunc(state.Revisions, func(r release.Revision) bool { return r.Helm != 0 })
		if _, taken := takenOver(state); o.RemoveHelm && taken && fromHelm {
			return nil, true, nil
		}
		return nil, false, e.noHelm(o.Helm, namespace, state)
	}
	if err != nil {
		return nil, false, err
	}
	switch fresh, taken := takenOver(state); {
	case fresh:
		return found, false, nil
	case taken && sameChart(found, state):
		return found, true, nil
	default:
		return nil, false, refusedError(fmt.Sprintf("there is a release %s in namespace %s already", o.Release, namespace)).
			hint("give this one another name: -r NAME")
	}
}

// takenOver says whether a release is still to be taken over from Helm, also when
// that was begun and not finished; or whether it was.
func takenOver(s *release.State) (fresh, taken bool) {
	fresh = true
	for _, r := range s.Revisions {
		ours := r.Helm == 0 || r.Helm != r.Number
		fresh = fresh && r.Helm != 0 && (!ours || !r.WasDeployed)
		taken = taken || ours && r.WasDeployed
	}
	return fresh, taken
}

func sameChart(found *helm.Release, s *release.State) bool {
	for _, r := range found.Revisions {
		if r.Wanted != nil && r.Wanted.Origin.Bundle == s.Current().Origin.Bundle {
			return true
		}
	}
	return false
}

// noHelm says that Helm remembers nothing of that name.
func (e *env) noHelm(name, namespace string, s *release.State) error {
	f := inputError(fmt.Sprintf("Helm has no release %s in namespace %s", name, namespace))
	if _, taken := takenOver(s); taken {
		return f.hint("belay has: " + e.hintFlags(namespace).Command("history", name))
	}
	return f.hint("helm list -A lists those that there are; records in an SQL database cannot be read")
}

// wantHelm is what Helm recorded last. Definitions of crds/ are part of it where
// they are in the cluster: Helm may have been told to skip them.
func (d *deployment) wantHelm(ctx context.Context, s *release.State) (*render.Wanted, error) {
	var err error
	if d.helm, err = helm.Load(ctx, d.conn.Client, d.target.Namespace, d.o.Helm); err != nil {
		return nil, err
	}
	current := d.helm.Current()
	switch {
	case current.Err != nil:
		return nil, fmt.Errorf("reading revision %d of Helm release %s: %w", current.Number, d.o.Helm, current.Err)
	case current.Status != helm.Deployed:
		return nil, refusedError(fmt.Sprintf("revision %d of Helm release %s is %s: what runs may be half of one revision and half of another",
			current.Number, d.o.Helm, current.Status)).
			hint("finish it with Helm first: helm upgrade, or helm rollback " + d.o.Helm)
	}
	d.past = nil
	for i := range d.helm.Revisions {
		past, err := d.pastOf(ctx, &d.helm.Revisions[i])
		if err != nil {
			return nil, err
		}
		d.past = append(d.past, past)
	}
	wanted := *d.past[len(d.past)-1].Wanted
	wanted.Origin.Environment = d.o.Env
	return &wanted, nil
}

// pastOf makes a revision of belay's of one of Helm's.
func (d *deployment) pastOf(ctx context.Context, r *helm.Revision) (release.Past, error) {
	past := release.Past{Revision: release.Revision{
		Number: r.Number, Helm: r.Number, When: r.When.UTC(), By: "Helm", Note: r.Description,
		Status: release.Interrupted, // pending, and so on
	}}
	switch r.Status {
	case helm.Deployed:
		past.Revision.Status, past.Revision.WasDeployed = release.Deployed, true
	case helm.Superseded, helm.Uninstalled:
		past.Revision.Status, past.Revision.WasDeployed = release.Superseded, true
	case helm.Failed:
		past.Revision.Status = release.Failed
	}
	if r.Wanted == nil {
		return past, nil
	}
	w := *r.Wanted
	var err error
	if w.Objects, err = d.withoutMissingCRDs(ctx, w.Objects); err != nil {
		return past, err
	}
	past.Revision.Origin, past.Wanted = w.Origin, recorded(&w)
	return past, nil
}

func (d *deployment) withoutMissingCRDs(ctx context.Context, objects []object.Object) ([]object.Object, error) {
	var kept []object.Object
	for _, o := range objects {
		if o.ID().GroupKind() == object.CRDKind {
			there, err := d.serves(ctx, o)
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
		}
		kept = append(kept, o)
	}
	return kept, nil
}

// serves says whether the cluster has a definition, by the kind that it brings.
func (d *deployment) serves(ctx context.Context, o object.Object) (bool, error) {
	spec, _ := o.Body.Object["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	kind, _ := names["kind"].(string)
	_, err := d.conn.Client.Kind(ctx, schema.GroupKind{Group: group, Kind: kind}, "")
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	return err == nil, err
}
