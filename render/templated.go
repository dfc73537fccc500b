package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
	"github.com/belay-sh/belay/templates"
)

// mergeValues merges the values that templates will see. given is the number of
// layers that are the bundle's own.
func mergeValues(b *bundle.Bundle, o *Options) (merged *values.Merged, given int, err error) {
	if err := checkTarget(b, o); err != nil {
		return nil, 0, err
	}
	layers, err := bundleLayers(b, o.Environment)
	if err != nil {
		return nil, 0, err
	}
	merged, err = values.Merge(slices.Concat(layers, o.Layers))
	return merged, len(layers), err
}

// renderBundle evaluates a bundle's templates.
func renderBundle(b *bundle.Bundle, o Options, w *Wanted, seen *sight) ([]Warning, error) {
	w.Values, _ = values.Plain(seen.merged.Values).(map[string]any)
	files, warnings := templateFiles(b)
	set, parseErr := templates.Parse(files)
	asked := map[string]bool{}
	results, random, err := set.Render(templateData(b, o, seen.values), templates.Options{
		Now: o.Now, Random: o.Random, Locate: seen.locate, Read: seen.reader(), Lookup: o.lookupFrom(asked),
	})
	warnings = append(warnings, o.notAsked(slices.Sorted(maps.Keys(asked)))...)
	errs := []error{locate(parseErr), locate(err)}
	w.Random = random
	objects, decodeErrs := decodeAll(results, seen, o.Known)
	errs = append(errs, decodeErrs...)
	var crds []object.Object
	if !o.Chart.SkipCRDs {
		crds, err = definitions(b)
		errs = append(errs, err)
	}
	w.Objects = slices.Concat(crds, objects)
	for _, d := range b.Spec.Dependencies {
		seen.others = append(seen.others, object.EscapeKey(d.Name))
	}
	more, err := renderDependencies(b, o, w, seen)
	warnings = append(warnings, more...)
	errs = append(errs, err)
	for _, r := range results {
		if r.Name == bundle.Notes {
			w.Notes = string(r.Text)
		}
	}
	if !o.Chart.SkipSchemas {
		errs = append(errs, checkValues(b, seen.merged))
	}
	if err = errors.Join(errs...); err == nil {
		warnings = append(warnings, seen.unused()...)
	}
	return warnings, err
}

// checkValues checks the merged values against the bundle's schema. A mistake
// has the place of the value.
func checkValues(b *bundle.Bundle, merged *values.Merged) error {
	schema, has := b.File(bundle.SchemaFile)
	if !has {
		return nil
	}
	text, err := json.Marshal(values.Plain(merged.Values))
	var plain map[string]any
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	var mistakes []values.Mistake
	if err == nil {
		mistakes, err = values.Check(schema, plain)
	}
	if err != nil {
		return &object.Error{File: bundle.SchemaFile, Message: err.Error(), Hint: "--skip-schema-validation leaves it out"}
	}
	var errs []error
	for _, m := range mistakes {
		e := &object.Error{File: bundle.SchemaFile, Message: fmt.Sprintf("the values: %s (%s)", m.Why, bundle.SchemaFile)}
		if m.Path != "" {
			e.Message = fmt.Sprintf("%s: %s (%s)", m.Path, m.Why, bundle.SchemaFile)
		}
		if places := merged.Explain(m.Path); len(places) > 0 {
			last := places[len(places)-1]
			e.File, e.Line = last.Name, last.Line
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// checkTarget refuses an environment or a cluster that the bundle is not for.
func checkTarget(b *bundle.Bundle, o *Options) error {
	if _, known := b.Spec.Environments[o.Environment]; !known && o.Environment != "" {
		return &object.Error{File: bundle.SpecFile, Message: fmt.Sprintf("there is no environment %q", o.Environment)}
	}
	if o.KubeVersion == "" {
		o.KubeVersion = newestKube
	}
	allowed, err := b.Spec.Allows(o.KubeVersion)
	if err != nil {
		return &object.Error{File: bundle.SpecFile, Message: "kubeVersion: " + err.Error()}
	}
	if !allowed {
		return &object.Error{File: bundle.SpecFile, Message: fmt.Sprintf("the bundle needs Kubernetes %s; this is %s", b.Spec.KubeVersion, o.KubeVersion)}
	}
	return nil
}

// bundleLayers are the values that the bundle itself has: defaults, environment.
func bundleLayers(b *bundle.Bundle, environment string) ([]values.Layer, error) {
	layers := dependencyLayers(b, "", nil)
	if data, ok := b.File(bundle.ValuesFile); ok {
		layers = append(layers, values.Layer{Kind: values.File, Name: bundle.ValuesFile, Data: data})
	}
	for _, name := range b.Spec.Environments[environment].Values {
		data, ok := b.File(name)
		if !ok {
			return nil, &object.Error{File: bundle.SpecFile, Message: fmt.Sprintf("environment %s: there is no file %s", environment, name)}
		}
		layers = append(layers, values.Layer{Kind: values.File, Name: name, Data: data})
	}
	return layers, nil
}

// manifestFiles are the endings of files that hold manifests.
var manifestFiles = []string{".yaml", ".yml", ".json"}

// templateFiles picks the bundle's templates. Names that begin with _ and .tpl
// files hold definitions only.
func templateFiles(b *bundle.Bundle) ([]templates.File, []Warning) {
	var files []templates.File
	var warnings []Warning
	warn := func(name, message string) {
		warnings = append(warnings, Warning{Source: object.Source{File: name}, Message: message})
	}
	for _, f := range b.Files {
		if !strings.HasPrefix(f.Name, bundle.Templates+"/") {
			continue
		}
		partial := strings.HasPrefix(path.Base(f.Name), "_") || path.Ext(f.Name) == ".tpl"
		known := partial || f.Name == bundle.Notes || slices.Contains(manifestFiles, path.Ext(f.Name))
		if !known {
			warn(f.Name, "not a template (*.yaml, *.yml, *.json, *.tpl, NOTES.txt); it is left out")
			continue
		}
		files = append(files, templates.File{Name: f.Name, Text: string(f.Data), Partial: partial})
	}
	if len(files) == 0 && len(b.Spec.Dependencies) == 0 {
		warn(bundle.Templates, "there are no templates, so there are no objects")
	}
	return files, warnings
}

// definitions reads the CRDs of a bundle, which are no templates.
func definitions(b *bundle.Bundle) ([]object.Object, error) {
	var crds []object.Object
	var errs []error
	for _, f := range b.Files {
		if !strings.HasPrefix(f.Name, bundle.Definitions+"/") || !slices.Contains(manifestFiles, path.Ext(f.Name)) {
			continue
		}
		objs, err := object.Decode(f.Data, f.Name)
		errs = append(errs, err)
		for _, o := range objs {
			if o.ID().GroupKind() != object.CRDKind {
				errs = append(errs, &object.Error{File: o.Source.File, Line: o.Source.Line,
					Message: fmt.Sprintf("%s is no CustomResourceDefinition", o.ID()), Hint: "other objects belong into templates/"})
			}
		}
		crds = append(crds, objs...)
	}
	return crds, errors.Join(errs...)
}

// decodeAll reads the manifests of all files, several files at once.
func decodeAll(results []templates.Result, seen *sight, known *object.Known) ([]object.Object, []error) {
	seen.inOrder()
	objs, errs := make([][]object.Object, len(results)), make([]error, len(results))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, r := range results {
		if r.Name == bundle.Notes {
			continue
		}
		g.Go(func() error {
			objs[i], errs[i] = decode(r, seen, known)
			return nil
		})
	}
	_ = g.Wait() // the mistakes of all files are in errs
	return slices.Concat(objs...), errs
}

// manifests are the objects that a text says, and the lines that they begin at.
type manifests struct {
	objects []object.Object
	lines   []int
}

// decode reads the manifests that a template made.
func decode(r templates.Result, seen *sight, known *object.Known) ([]object.Object, error) {
	said, err := object.Read(known, r.Name+"\x00"+string(r.Text), func() (said manifests, err error) {
		said.objects, err = object.DecodeInput(object.Input{
			File: r.Name, Data: r.Text, Origin: r.Line,
			Placed: func(line int) { said.lines = append(said.lines, line) },
		})
		return said, err
	})
	objs := slices.Clone(said.objects)
	for i := range objs {
		end := 0
		if i+1 < len(objs) {
			end = said.lines[i+1]
		}
		// The same text may come from other lines, and because of other values.
		objs[i].Source.Line = r.Line(said.lines[i])
		objs[i].Source.Via = seen.via(r.Name, said.lines[i], end)
	}
	return objs, err
}

// locate gives the errors of templates their excerpts.
func locate(err error) error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, locate(e))
		}
		return errors.Join(all...)
	}
	var e *templates.Error
	if !errors.As(err, &e) {
		return &object.Error{File: bundle.Templates, Message: err.Error()}
	}
	located := &object.Error{File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}
	located.Excerpt = object.Excerpt([]byte(e.Text), e.TextLine, e.TextColumn, e.Width, e.Note)
	for _, t := range e.Trace {
		located.Excerpt = append(located.Excerpt, "  in "+t)
	}
	return located
}
