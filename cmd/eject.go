package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
)

type ejectOptions struct {
	deployOptions
	dir string
}

func newEjectCmd(e *env) *cobra.Command {
	o := ejectOptions{deployOptions: deployOptions{Op: diff.OpDelete}}
	c := &cobra.Command{
		Use:   "eject RELEASE",
		Short: "Let go of a release's objects, and write them as plain YAML",
		Long: `Writes what the current revision wants as plain YAML, Secrets in clear, and removes
the release's records. The objects in the cluster are not touched: they stay as they
are, with belay's label, annotation and field manager on them.`,
		Example: `  belay eject shop -n shop --output-dir shop
  belay eject shop -n shop --yes > shop.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Release = args[0]
			return runEject(c.Context(), e, &o)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.StringVar(&o.dir, "output-dir", "", "write a file an object into `DIR`, which must be empty or new (default: all to stdout)")
	fs.BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	fs.DurationVar(&o.LockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another run; 0 fails at once")
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitLocked, exitInterrupted)
}

// runEject writes the manifests before it removes a record: cut short, it can be
// repeated.
func runEject(ctx context.Context, e *env, o *ejectOptions) error {
	reading, done := e.untilStopped(ctx)
	defer done()
	r, err := e.openRelease(reading, o.Release)
	if err != nil {
		return err
	}
	r.store.Who = e.who()
	d := &deployment{env: e, o: o.deployOptions, conn: r.conn, store: r.store, target: diff.Target{
		Context: r.conn.Context, Server: r.conn.Server, Namespace: r.namespace, Release: r.name,
	}}
	if err := d.askTo(report.EjectQuestion(d.target, len(r.state.Inventory)), "y"); err != nil {
		return err
	}
	lock, err := d.lock(reading)
	if err != nil {
		return err
	}
	n, err := d.eject(reading, lock, o.dir)
	if err != nil {
		return errors.Join(err, giveBack(ctx, lock))
	}
	for id := range lock.State().Inventory {
		lock.Forget(id)
	}
	limited, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err := lock.Erase(limited); err != nil {
		return err
	}
	report.Ejected(e.stderr, r.name, n, o.dir)
	return nil
}

// eject writes the manifests of the current revision, and says how many.
func (d *deployment) eject(ctx context.Context, lock *release.Lock, dir string) (int, error) {
	current := lock.State().Current()
	if current == nil {
		return 0, d.noRelease()
	}
	if len(current.Content) == 0 { // a run before wrote them, and was cut short
		return 0, nil
	}
	wanted, err := d.store.Content(ctx, d.target.Release, current)
	if err != nil {
		return 0, err
	}
	placed, _, err := diff.Place(ctx, d.conn.Client, wanted, d.target)
	if err != nil {
		return 0, err
	}
	if err := d.asLive(ctx, wanted.Objects, placed); err != nil {
		return 0, err
	}
	if dir == "" {
		d.answered = true
		if err := object.Encode(d.stdout, wanted.Objects); err != nil {
			return 0, err
		}
		if d.stdout.broken() {
			return 0, &failure{code: exitError, message: "stdout was closed before all was written; the release was not touched"}
		}
		return len(wanted.Objects), nil
	}
	return len(wanted.Objects), writeObjects(dir, wanted.Objects)
}

// asLive completes manifests with what belay adds to objects: the namespace, and on
// pod templates the hash of the configuration that they read. Whoever applies them
// then restarts nothing.
func (d *deployment) asLive(ctx context.Context, objects []object.Object, placed []diff.Placed) error {
	kinds := make(map[object.ID]object.Kind, len(placed))
	for _, p := range placed {
		kinds[p.ID] = p.Kind
	}
	for _, o := range objects {
		id := o.ID()
		if id.Namespace == "" {
			id.Namespace = d.target.Namespace
		}
		kind, namespaced := kinds[id]
		if !namespaced {
			continue
		}
		o.Body.SetNamespace(id.Namespace)
		if !policy.Restarts(id.GroupKind()) {
			continue
		}
		live, err := d.conn.Client.Get(ctx, kind, id.Namespace, id.Name)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: reading it: %w", id, err)
		}
		if hash := diff.ConfigHash(live); hash != "" {
			if err := diff.SetConfigHash(o.Body, hash); err != nil {
				return fmt.Errorf("%s: writing the hash of its configuration: %w", id, err)
			}
		}
	}
	return nil
}

// writeObjects writes a file an object, numbered in their order.
func writeObjects(dir string, objects []object.Object) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return inputError(dir + " is not empty").hint("name a new directory")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return asInput(err)
	}
	for i, o := range objects {
		id := o.ID()
		name := fmt.Sprintf("%03d-%s-%s.yaml", i+1, id.Kind, id.Name)
		if err := writeManifest(filepath.Join(dir, filepath.Base(filepath.Clean(name))), o); err != nil {
			return err
		}
	}
	return nil
}

// writeManifest writes a file that only the user can read: it may be a Secret.
func writeManifest(file string, o object.Object) (err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return object.Encode(f, []object.Object{o})
}
