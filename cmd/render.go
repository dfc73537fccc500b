package cmd

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

type renderOptions struct {
	bundle      string
	release     string
	environment string
	kubeVersion string
	layers      layerFlags
	apis        []string
	source      sourceFlags
	lookup      lookupFlags
	show        showFlags
	random      string
	formats     outputFlag
}

func newRenderCmd(e *env) *cobra.Command {
	o := renderOptions{formats: outputFlag{allowed: []report.Format{report.YAML, report.JSON, report.Name}}}
	c := &cobra.Command{
		Use:   "render BUNDLE",
		Short: "Print a bundle's manifests",
		Long: `Renders a bundle and prints the manifests, each with the file and line it comes
from. It adds no namespace and no label, masks nothing, and connects to nothing
unless --live is given: without, lookup answers from --lookup-from, or finds nothing.`,
		Example: `  belay render shop -e prod
  belay render shop --set front.image.tag=1.5 -o name
  belay render ./chart -r blog --include-hooks --kube-version 1.33
  belay render ./chart -r blog --lookup-from live.yaml
  belay render shop -o json | jq '.items[].kind'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.bundle = args[0]
			return runRender(c.Context(), e, &o)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&o.release, "release", "r", "", "name of the release (default: the environment's, else the bundle's)")
	addRenderFlags(fs, &o.environment, &o.layers)
	addSourceFlags(fs, &o.source)
	fs.StringVar(&o.kubeVersion, "kube-version", "", "`VERSION` of Kubernetes that templates see (default: the newest known)")
	fs.StringSliceVarP(&o.apis, "api-versions", "a", nil, "`VERSION` of an API that a chart's templates see besides the usual ones; repeatable")
	addManifestFlags(fs, &o.show)
	addLookupFlags(fs, &o.lookup)
	fs.StringVar(&o.random, "random", "", "`FILE` that random values are read from, and kept in")
	fs.VarP(&o.formats, "output", "o", "`FORMAT[=FILE]`: "+o.formats.names())
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func runRender(ctx context.Context, e *env, o *renderOptions) error {
	if o.show.directory != "" && len(o.formats.given) > 0 {
		return inputError("--output-dir writes YAML files, -o answers on stdout: give one of them")
	}
	b, overlays, err := o.source.load(ctx, e, o.bundle)
	if err != nil {
		return err
	}
	environment, err := environmentOf(b, o.environment)
	if err != nil {
		return err
	}
	layers, err := o.layers.read(e.stdin)
	if err != nil {
		return err
	}
	// A name is not needed to show plain manifests.
	name, err := releaseNameOf(o.release, environment, b)
	if err != nil && (b.Type == bundle.Belay || o.release != "") {
		return err
	}
	contexts, err := o.lookup.namespace(e)
	if err != nil {
		return err
	}
	namespace, err := namespaceOf(e.namespaceFlag(), environment, contexts)
	if err != nil {
		return err
	}
	parameters, err := o.source.parameters(e.stdin)
	if err != nil {
		return err
	}
	known, err := readRandom(o.random)
	if err != nil {
		return err
	}
	options := render.Options{
		Release:     render.Release{Name: name, Namespace: namespace, Revision: 1, IsInstall: true},
		Environment: o.environment,
		Layers:      layers,
		KubeVersion: o.kubeVersion,
		Now:         e.now(),
		Random:      known,
		Parameters:  parameters,
		Entropy:     rand.Reader,
		Overlays:    overlays,
		Chart: render.ChartOptions{
			SkipCRDs: o.source.chart.skipCRDs, SkipSchemas: o.source.chart.skipSchemas, ExtraAPIs: o.apis,
		},
	}
	if err := o.lookup.answer(ctx, e, &options); err != nil {
		return err
	}
	wanted, warnings, err := render.Render(b, options)
	return o.finish(e, finished{b.Path, namespace, known, wanted, warnings, err})
}

// finished is what a rendering came to.
type finished struct {
	path, namespace string
	// known are the random values that it was given.
	known    map[string]string
	wanted   *render.Wanted
	warnings []render.Warning
	err      error
}

// finish warns, keeps random values, and prints or writes what was chosen.
func (o *renderOptions) finish(e *env, f finished) error {
	wanted, warnings := f.wanted, f.warnings
	if wanted != nil && len(wanted.Hooks) > 0 && !o.show.includeHooks && len(o.show.only) == 0 {
		warnings = append(warnings, render.Warning{Message: fmt.Sprintf("the chart's hooks (%d) are left out; --include-hooks prints them", len(wanted.Hooks))})
	}
	if wanted != nil {
		warnings = append(warnings, newRandom(wanted, f.known, o.random != "")...)
	}
	report.Warnings(e.stderr, warnings, e.colorFor(e.stderrTerminal))
	if f.err != nil {
		return bundleErrors(f.path, f.err)
	}
	if o.random != "" && !maps.Equal(f.known, wanted.Random) {
		if err := writeRandom(o.random, wanted.Random); err != nil {
			return err
		}
	}
	chosen, err := o.show.choose(wanted)
	if err != nil {
		return bundleErrors(f.path, err)
	}
	if o.show.directory != "" {
		said, warnings, err := writeFiles(o.show.directory, chosen)
		report.Warnings(e.stderr, warnings, e.colorFor(e.stderrTerminal))
		if err == nil {
			fmt.Fprintln(e.stderr, said)
		}
		return err
	}
	return e.write(o.formats.given, report.YAML, func(w report.Sink) error {
		return report.Manifests(w.Writer, w.Format, chosen, f.namespace)
	})
}

// bundleErrors reports the mistakes in a bundle, all of them.
func bundleErrors(path string, err error) error { return mistakesIn("bundle "+path, err) }

// mistakesIn reports all mistakes in what the user gave.
func mistakesIn(what string, err error) error {
	located := object.Errors(err)
	if len(located) == 0 {
		return asInput(err)
	}
	f := inputError(fmt.Sprintf("%d %s in %s", len(located), plural(len(located), "error"), what))
	f.mistakes, f.cause = located, err
	return f
}
