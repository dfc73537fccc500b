// Package render turns a bundle and values into what a release should be:
// objects, rules and notes. It is pure: no clock, network, environment or
// randomness but what Options hand in. It stands at the head of the flow;
// diff plans what it wants, release records it.
package render

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

// Wanted is what a release should be. It is plain data, recorded whole in a
// revision, so that a rollback renders nothing.
type Wanted struct {
	Origin  Origin          `json:"origin"`
	Values  map[string]any  `json:"values,omitempty"`
	Objects []object.Object `json:"objects"`
	// Hooks are a chart's hooks, in Helm's order. Those of other bundles are among
	// the objects; see AllHooks.
	Hooks []object.Object `json:"hooks,omitempty"`
	Rules policy.Rules    `json:"rules"`
	// Random holds the results of random template functions by call site, to be
	// given back at the next render of the release.
	Random map[string]string `json:"random,omitempty"`
	Notes  string            `json:"notes,omitempty"`
}

// Origin is where a Wanted came from.
type Origin struct {
	// Bundle and Version are what bundle.yaml calls itself; empty for plain manifests.
	Bundle  string `json:"bundle,omitempty"`
	Version string `json:"version,omitempty"`
	// Environment is the name given with --env, or empty.
	Environment string `json:"environment,omitempty"`
	// Path is the bundle as the user wrote it.
	Path string `json:"path,omitempty"`
	// Chart says that it is a Helm chart.
	Chart bool `json:"chart,omitempty"`
}

// Release is what templates see as .Release.
type Release struct {
	Name      string
	Namespace string
	Revision  int
	IsInstall bool
}

// Options are everything that rendering depends on besides the bundle.
type Options struct {
	Release     Release
	Environment string
	// Layers are the values of -f and --set, in the order of the command line;
	// later ones win. The bundle's defaults and the environment's come before.
	Layers []values.Layer
	// KubeVersion and APIVersions are .Capabilities; empty means the newest
	// version that belay knows.
	KubeVersion string
	APIVersions []string
	// Now is the clock that templates read.
	Now time.Time
	// Random holds remembered results of random functions, by call site.
	Random map[string]string
	// Parameters are those of OpenShift Templates; later ones win.
	Parameters []Parameter
	// Entropy is where the values that Templates generate come from.
	Entropy io.Reader
	// Lookup answers the function lookup: an object, or a list when no name is given;
	// nil finds nothing, and is warned about.
	Lookup func(apiVersion, kind, namespace, name string) (map[string]any, error)
	// Chart are the options of Helm charts.
	Chart ChartOptions
	// Overlays are laid over what was rendered, in order, after the environment's.
	Overlays []*bundle.Tree
	// Known is what earlier renderings of the bundle read; nil where there is none.
	Known *object.Known
}

// Warning is something that the user should know and that stops nothing.
type Warning struct {
	Source  object.Source
	Message string
}

// Render renders a bundle. Mistakes of the user's are reported all at once:
// the error is a join of *object.Error.
func Render(b *bundle.Bundle, o Options) (*Wanted, []Warning, error) {
	w := &Wanted{
		Origin: Origin{
			Bundle: b.Spec.Name, Version: b.Spec.Version, Environment: o.Environment, Path: b.Path,
			Chart: b.Type == bundle.Chart,
		},
		Rules: policy.Rules{
			Timeout: b.Spec.Rollout.Timeout, FailAfter: b.Spec.Rollout.FailAfter,
			MaxRestarts: b.Spec.Rollout.MaxRestarts, History: b.Spec.History,
			RestartOnConfigChange: restartsOnConfigChange(b),
			Readiness:             b.Spec.Readiness,
			Fields:                b.Spec.Fields,
		},
	}
	var warnings []Warning
	var mistakes error
	if b.Type != bundle.Plain && len(o.Parameters) > 0 {
		return nil, nil, &object.Error{File: b.Path, Message: "parameters are for the OpenShift Templates of plain manifests; this has values, or none"}
	}
	switch b.Type {
	case bundle.Plain:
		mistakes = renderPlain(b, o, w)
	case bundle.Chart:
		_, warnings, mistakes = renderChart(b, o, w)
	case bundle.Kustomization:
		warnings, mistakes = renderKustomization(b, o, w)
	default:
		merged, given, err := mergeValues(b, &o)
		if err != nil {
			return nil, nil, err
		}
		warnings, mistakes = renderBundle(b, o, w, newSight(merged, given))
	}
	if mistakes == nil {
		var more []Warning
		more, mistakes = lay(b, o, w)
		warnings = append(warnings, more...)
	}
	mistakes = errors.Join(mistakes, unique(w.Objects, o.Release.Namespace), policy.Check(w.Objects, w.Rules))
	if mistakes != nil {
		return nil, warnings, ordered(mistakes)
	}
	return w, warnings, nil
}

// restartsOnConfigChange is what the bundle says; bundles of belay's own do it
// unless they say no, others as they always did.
func restartsOnConfigChange(b *bundle.Bundle) bool {
	if said := b.Spec.Rollout.RestartOnConfigChange; said != nil {
		return *said
	}
	switch b.Type {
	case bundle.Chart, bundle.Kustomization, bundle.Plain:
		return false
	}
	return true
}

// ordered sorts mistakes, all of which are located, by file and line.
func ordered(err error) error {
	located := object.Errors(err)
	slices.SortStableFunc(located, func(a, b *object.Error) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	sorted := make([]error, len(located))
	for i, e := range located {
		sorted[i] = e
	}
	return errors.Join(sorted...)
}

// renderPlain reads manifests as they are.
func renderPlain(b *bundle.Bundle, o Options, w *Wanted) error {
	if len(o.Layers) > 0 {
		return &object.Error{File: b.Path, Message: "plain manifests take no values, and some were given"}
	}
	var errs []error
	var err error
	for _, f := range b.Files {
		objs, err := object.Decode(f.Data, f.Name)
		w.Objects = append(w.Objects, objs...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && len(w.Objects) == 0 {
		return &object.Error{File: b.Path, Message: "there are no manifests in it"}
	}
	if len(errs) == 0 {
		w.Objects, err = expand(b, w.Objects, o, w)
	}
	return errors.Join(append(errs, err)...)
}

// unique refuses two manifests of one object. What names no namespace is in the
// release's.
func unique(objs []object.Object, namespace string) error {
	first := make(map[object.ID]object.Source, len(objs))
	var errs []error
	for _, o := range objs {
		id := o.ID()
		if id.Namespace == "" {
			id.Namespace = namespace
		}
		before, twice := first[id]
		if !twice {
			first[id] = o.Source
			continue
		}
		errs = append(errs, &object.Error{
			File: o.Source.File, Line: o.Source.Line,
			Message: fmt.Sprintf("%s is already defined at %s", o.ID().In(namespace), before),
		})
	}
	return errors.Join(errs...)
}
