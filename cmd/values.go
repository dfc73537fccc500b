package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

type valuesOptions struct {
	bundle      string
	release     string
	environment string
	layers      layerFlags
	source      sourceFlags
	lookup      lookupFlags
	explain     string
	unused      bool
	formats     outputFlag
}

func newValuesCmd(e *env) *cobra.Command {
	o := valuesOptions{formats: outputFlag{allowed: []report.Format{report.YAML, report.JSON, report.Text}}}
	c := &cobra.Command{
		Use:   "values BUNDLE",
		Short: "Print a bundle's merged values, and where each came from",
		Long: `Prints the values that the templates of a bundle see: its defaults, those of the
environment, then -f and --set in the order given. It connects to nothing unless
--live is given.

--explain tells where a value came from: every place that set it, the one that
counts last. --unused lists the values that no template reads; of a chart, those
that no template names.`,
		Example: `  belay values shop -e prod
  belay values shop -e prod --set front.image.tag=1.5 --explain front.image.tag
  belay values shop --unused`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.bundle = args[0]
			return runValues(c.Context(), e, &o, c.Flags().Changed("explain"))
		},
	}
	fs := c.Flags()
	fs.StringVarP(&o.release, "release", "r", "", "name of the release that templates see (default: the environment's, else the bundle's)")
	addRenderFlags(fs, &o.environment, &o.layers)
	addLookupFlags(fs, &o.lookup)
	fs.StringVar(&o.explain, "explain", "", "tell where the value at `PATH` came from, or those below it")
	fs.BoolVar(&o.unused, "unused", false, "list the values that no template reads")
	fs.VarP(&o.formats, "output", "o", "`FORMAT[=FILE]`: "+o.formats.names())
	return withExits(c, exitOK, exitError, exitInput, exitPermission, exitInterrupted)
}

func runValues(ctx context.Context, e *env, o *valuesOptions, explain bool) error {
	if o.unused && explain {
		return inputError("--explain and --unused are two questions: ask one")
	}
	b, _, err := o.source.load(ctx, e, o.bundle)
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
	name, err := releaseNameOf(o.release, environment, b)
	if err != nil {
		name = "release" // what it is called matters to no value
	}
	namespace, err := namespaceOf(e.namespaceFlag(), environment, "")
	if err != nil {
		return err
	}
	options := render.Options{
		Release:     render.Release{Name: name, Namespace: namespace, Revision: 1, IsInstall: true},
		Environment: o.environment, Layers: layers, Now: e.now(),
	}
	if err := o.lookup.answer(ctx, e, &options); err != nil {
		return err
	}
	if o.unused {
		unread, err := render.Unread(b, options)
		if err != nil {
			return bundleErrors(b.Path, err)
		}
		return e.write(o.formats.given, report.Text, func(s report.Sink) error { return report.Explained(s, unread) })
	}
	found, err := render.Inspect(b, options)
	if err != nil {
		return bundleErrors(b.Path, err)
	}
	if !explain {
		return e.write(o.formats.given, report.YAML, func(s report.Sink) error { return report.Values(s, found.Values) })
	}
	all, err := found.Explain(o.explain)
	if err != nil {
		return asInput(err)
	}
	return e.write(o.formats.given, report.Text, func(s report.Sink) error { return report.Explained(s, all) })
}
