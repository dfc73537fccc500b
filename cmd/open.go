package cmd

import (
	"context"
	"crypto/rand"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// openDeployment finds out what is to be deployed, where, and what is remembered
// of it. It reads only.
func openDeployment(ctx context.Context, e *env, o deployOptions) (*deployment, error) {
	d := &deployment{env: e, o: o}
	var b *bundle.Bundle
	var environment bundle.Environment
	name := o.Release
	var err error
	if o.Op == diff.OpApply && o.Saved == nil {
		if b, d.overlays, err = o.Source.load(ctx, e, o.Bundle); err != nil {
			return nil, err
		}
		if environment, err = environmentOf(b, o.Env); err != nil {
			return nil, err
		}
		if name, err = releaseNameOf(o.Release, environment, b); err != nil {
			return nil, err
		}
	}
	if d.conn, err = e.connect(); err != nil {
		return nil, err
	}
	d.tellRequests()
	namespace, err := namespaceOf(e.namespaceFlag(), environment, d.conn.Namespace)
	if o.Saved != nil {
		namespace = o.Saved.Plan.Target.Namespace
	}
	if err != nil {
		return nil, err
	}
	d.target = diff.Target{
		Context: d.conn.Context, Server: d.conn.Server,
		Namespace: namespace, Release: name, Environment: o.Env,
	}
	if err := d.checkSaved(); err != nil {
		return nil, err
	}
	if err := checkCluster(ctx, o.Env, environment.Cluster, d.conn); err != nil {
		return nil, err
	}
	d.store = &release.Store{Cluster: d.conn.Client, Namespace: namespace, Now: e.now, Who: e.who(), Key: rand.Text()}
	if o.Saved != nil && o.Saved.Options.Key != "" {
		d.store.Key = o.Saved.Options.Key
	}
	d.state = &release.State{}
	if !o.Stateless {
		if d.state, err = d.store.Load(ctx, name); err != nil {
			return nil, d.unread(err)
		}
	}
	switch {
	case o.Saved != nil:
		d.rollbackTo = o.Saved.RollbackTo
		d.want = func(context.Context, *release.State) (*render.Wanted, error) { return o.Saved.Plan.Wanted, nil }
	case o.Op == diff.OpDrift:
		d.want = d.wantCurrent
	case o.Op == diff.OpAdopt:
		d.want = d.wantHelm
	case o.Op == diff.OpRollback:
		d.want = d.wantRevision
	case o.Op == diff.OpDelete:
		d.want = d.wantNothing
	case o.Op == diff.OpTest:
		d.want = d.wantTests
	default:
		d.want = d.wantBundle(b)
	}
	if current := d.state.Current(); current != nil {
		d.target.Revision = current.Number
		if o.Op != diff.OpApply && o.Op != diff.OpAdopt {
			d.target.Environment = current.Origin.Environment
		}
	}
	return d, nil
}

// unread says what gives the right to read the records, where that is what lacks.
func (d *deployment) unread(err error) error {
	if exitCodeOf(err) != exitPermission || d.o.Bundle == "" || d.o.Bundle == "-" {
		return err
	}
	words := []string{"rbac", d.o.Bundle}
	if d.o.Env != "" {
		words = append(words, "-e", d.o.Env)
	}
	words = append(words, "-r", d.target.Release)
	if d.o.DiffOnly {
		words = append(words, "--for", "diff")
	}
	return failureOf(d.env, err).hint(d.hintFlags(d.target.Namespace).Command(words...) + " prints the Role that suffices")
}
