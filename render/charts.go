package render

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/chart"
	"github.com/belay-sh/belay/render/values"
)

// ChartOptions are what only the rendering of a Helm chart depends on.
type ChartOptions struct {
	// SkipCRDs leaves out the objects of crds/.
	SkipCRDs bool
	// SkipSchemas leaves values.schema.json unchecked.
	SkipSchemas bool
	// ExtraAPIs are API versions that templates see besides the others.
	ExtraAPIs []string
}

// charted is a chart that was rendered, and its values.
type charted struct {
	chart *chart.Chart
	// own are the values files of the environment, given those of the command line.
	own, given []values.Layer
	// merged tells where values came from, once it was asked for.
	merged *values.Merged
}

// renderChart renders a Helm chart as Helm does.
func renderChart(b *bundle.Bundle, o Options, w *Wanted) (*charted, []Warning, error) {
	if err := checkTarget(b, &o); err != nil {
		return nil, nil, err
	}
	layers, err := environmentLayers(b, o.Environment)
	if err != nil {
		return nil, nil, err
	}
	given, valuesErr := values.MergeHelm(slices.Concat(layers, o.Layers), chart.ReadValues)
	c, told, loadErr := chart.Load(b.Files)
	capabilities, versionErr := chart.NewCapabilities(o.KubeVersion, o.APIVersions, o.Chart.ExtraAPIs)
	if versionErr != nil {
		versionErr = &object.Error{Message: versionErr.Error()}
	}
	if err := errors.Join(valuesErr, loadErr, versionErr); err != nil {
		return nil, warningsOf(told), err
	}
	rendered := &charted{chart: c, own: layers, given: o.Layers}
	made, err := chart.Render(c, chart.Options{
		ReleaseName: o.Release.Name, Namespace: o.Release.Namespace,
		Revision: o.Release.Revision, IsInstall: o.Release.IsInstall,
		Values: given, Capabilities: capabilities, SkipSchemas: o.Chart.SkipSchemas, SkipCRDs: o.Chart.SkipCRDs,
		Now: o.Now, Random: o.Random, Lookup: o.Lookup, Locate: rendered.locate, Known: o.Known,
	})
	warnings := warningsOf(slices.Concat(told, made.Warnings))
	warnings = append(warnings, o.notAsked(made.Lookups)...)
	if err == nil {
		warnings = append(warnings, rendered.strangers()...)
	}
	w.Values, _ = values.Plain(made.Values).(map[string]any)
	w.Objects = slices.Concat(once(made.CRDs), made.Objects)
	w.Hooks, w.Notes, w.Random = made.Hooks, made.Notes, made.Random
	return rendered, warnings, vendored(b, err)
}

// environmentLayers are the values files of an environment.
func environmentLayers(b *bundle.Bundle, environment string) ([]values.Layer, error) {
	layers, err := bundleLayers(b, environment)
	return slices.DeleteFunc(layers, func(l values.Layer) bool {
		return l.Name == bundle.ValuesFile // the chart's defaults, which Helm lays below all else
	}), err
}

func warningsOf(told []string) []Warning {
	slices.Sort(told)
	warnings := make([]Warning, 0, len(told))
	for _, message := range slices.Compact(told) {
		warnings = append(warnings, Warning{Message: message})
	}
	return warnings
}

// vendored tells how to get the dependencies that a chart lacks.
func vendored(b *bundle.Bundle, err error) error {
	for _, e := range object.Errors(err) {
		if strings.HasPrefix(e.Message, "the dependencies are not in charts/") {
			e.Hint = "helm dependency build " + b.Path
		}
	}
	return err
}

// once drops definitions that several subcharts bring alike.
func once(crds []object.Object) []object.Object {
	seen := make(map[object.ID]object.Object, len(crds))
	return slices.DeleteFunc(crds, func(o object.Object) bool {
		first, twice := seen[o.ID()]
		if !twice {
			seen[o.ID()] = o
		}
		return twice && reflect.DeepEqual(first.Body.Object, o.Body.Object)
	})
}
