package cmd

import (
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// wantBundle is what a bundle says, rendered for the cluster at hand. Its
// answer may depend on the revision's number and on the clock; see makePlan.
func (d *deployment) wantBundle(b *bundle.Bundle) func(context.Context, *release.State) (*render.Wanted, error) {
	return func(ctx context.Context, s *release.State) (*render.Wanted, error) {
		options, err := d.renderOptions(ctx, s)
		if err != nil {
			return nil, err
		}
		current := s.Current()
		if current == nil || b.Type == bundle.Plain || b.Type == bundle.Kustomization {
			return d.render(b, options) // which does not depend on them
		}
		options.Known = &object.Known{}
		next := options
		options.Release.Revision, options.Now = current.Number, current.When
		options.Release.IsInstall = current.Number == 1
		d.renderNext = func() (*render.Wanted, error) { return d.render(b, next) }
		return d.render(b, options)
	}
}

// renderOptions are those of the run that would come next.
func (d *deployment) renderOptions(ctx context.Context, s *release.State) (render.Options, error) {
	version, err := d.conn.Client.Version(ctx)
	if err != nil {
		return render.Options{}, err
	}
	apis, err := d.conn.Client.APIVersions(ctx)
	if err != nil {
		return render.Options{}, err
	}
	parameters, err := d.o.Source.parameters(d.stdin)
	if err != nil {
		return render.Options{}, err
	}
	options := render.Options{
		Release:     render.Release{Name: d.target.Release, Namespace: d.target.Namespace, Revision: 1, IsInstall: true},
		Environment: d.o.Env, Layers: d.o.Layers,
		KubeVersion: version, APIVersions: apis, Now: d.now(), Overlays: d.overlays,
		Parameters: parameters, Entropy: rand.Reader,
		Chart: d.o.Source.chart.options(),
		Lookup: func(apiVersion, kind, namespace, name string) (map[string]any, error) {
			return d.conn.lookup(ctx, apiVersion, kind, namespace, name)
		},
	}
	if current := s.Current(); current != nil {
		options.Release.Revision, options.Release.IsInstall = current.Number+1, false
		if current.Random {
			content, err := d.store.Content(ctx, d.target.Release, current)
			if err != nil {
				return render.Options{}, err
			}
			options.Random = content.Random
		}
	}
	return options, nil
}

func (d *deployment) render(b *bundle.Bundle, o render.Options) (*render.Wanted, error) {
	var err error
	if o.Random, err = d.remembered(o.Random); err != nil {
		return nil, err
	}
	wanted, warnings, err := render.Render(b, o)
	d.warnings = warnings
	if err != nil {
		return nil, bundleErrors(b.Path, err)
	}
	d.made(wanted.Random, o.Random)
	return wanted, nil
}

// wantNext asks again what is wanted, as of the revision that is about to be
// made. It returns wanted itself when that makes no difference to the objects.
func (d *deployment) wantNext(wanted *render.Wanted) (*render.Wanted, error) {
	if d.renderNext == nil {
		return wanted, nil
	}
	next, err := d.renderNext()
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(next.Objects, wanted.Objects) && reflect.DeepEqual(next.Hooks, wanted.Hooks) {
		*wanted = *next // the notes may tell the number of the revision
		return wanted, nil
	}
	return next, nil
}

// wantRevision is what an old revision wanted; nothing is rendered again.
func (d *deployment) wantRevision(ctx context.Context, s *release.State) (*render.Wanted, error) {
	if s.Current() == nil {
		return nil, d.noRelease()
	}
	target, err := d.rollbackTarget(s)
	if err != nil {
		return nil, err
	}
	d.rollbackTo = target.Number
	return d.store.Content(ctx, d.target.Release, target)
}

// wantNothing is what a delete wants. The origin stays the release's.
func (d *deployment) wantNothing(ctx context.Context, s *release.State) (*render.Wanted, error) {
	current := s.Current()
	if current == nil && len(s.Inventory) == 0 && s.Version == "" {
		return nil, d.nothingToDelete(ctx)
	}
	wanted := &render.Wanted{}
	if current != nil {
		wanted.Origin = current.Origin
	}
	before, err := d.recorded(ctx, s)
	if err != nil {
		return nil, err
	}
	wanted.Hooks, wanted.Rules = before.AllHooks(), before.Rules
	return wanted, nil
}

// recorded is what the newest revision wanted that wanted anything.
func (d *deployment) recorded(ctx context.Context, s *release.State) (*render.Wanted, error) {
	for i := len(s.Revisions) - 1; i >= 0; i-- {
		if r := &s.Revisions[i]; len(r.Content) > 0 { // else a deletion that did not come to its end
			return d.store.Content(ctx, d.target.Release, r)
		}
	}
	return &render.Wanted{}, nil
}

// rollbackTarget is the revision that the user names, or the one that a rollback
// goes to by itself.
func (d *deployment) rollbackTarget(s *release.State) (*release.Revision, error) {
	if d.o.ToRevision == 0 {
		target, err := s.RollbackTarget(0)
		return target, asInput(err)
	}
	return findRevision(s, d.target.Release, d.o.ToRevision)
}

// noRelease says that there is nothing of that name.
func (d *deployment) noRelease() error {
	return inputError(fmt.Sprintf("there is no release %s in namespace %s", d.target.Release, d.target.Namespace)).
		hint(d.hintFlags("").Command("list", "-A") + " lists all releases")
}

// timeout is the time for the run: the flag's, else the bundle's, else the default.
func (d *deployment) timeout() time.Duration {
	if d.o.Timeout > 0 {
		return d.o.Timeout
	}
	return d.plan.Wanted.Rules.Timeout
}
