package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

// dependencyLayers are the defaults of what a bundle depends on, below the names of
// the dependencies. A chart's own are coalesced by Helm's rules, when it is rendered.
func dependencyLayers(b *bundle.Bundle, place string, below []string) []values.Layer {
	var layers []values.Layer
	for i := range b.Spec.Dependencies {
		d := &b.Spec.Dependencies[i]
		if d.Bundle == nil || d.Bundle.Type != bundle.Belay {
			continue
		}
		name, at := place+d.Name+"/", append(below[:len(below):len(below)], d.Name)
		layers = append(layers, dependencyLayers(d.Bundle, name, at)...)
		if data, has := d.Bundle.File(bundle.ValuesFile); has {
			layers = append(layers, values.Layer{Kind: values.File, Name: name + bundle.ValuesFile, Data: data, Below: at})
		}
	}
	return layers
}

// renderDependencies renders what a bundle depends on and adds it to what is wanted.
// The objects of dependencies come first.
func renderDependencies(b *bundle.Bundle, o Options, w *Wanted, seen *sight) ([]Warning, error) {
	var warnings []Warning
	var errs []error
	var objects []object.Object
	for i := range b.Spec.Dependencies {
		d := &b.Spec.Dependencies[i]
		on, err := isOn(d, seen.merged)
		if err != nil || !on {
			errs = append(errs, err)
			continue
		}
		own := &Wanted{}
		more, err := renderDependency(d, o, own, seen)
		errs = append(errs, d.Within(err, d.Bundle)...)
		for _, m := range more {
			m.Source.File = d.Place(d.Bundle, m.Source.File)
			warnings = append(warnings, m)
		}
		for _, list := range []*[]object.Object{&own.Objects, &own.Hooks} {
			for i := range *list {
				(*list)[i].Source.File = d.Place(d.Bundle, (*list)[i].Source.File)
			}
		}
		objects = append(objects, own.Objects...)
		w.Hooks = append(w.Hooks, own.Hooks...)
		w.Rules.Fields = append(w.Rules.Fields, own.Rules.Fields...)
		w.Rules.Readiness = append(w.Rules.Readiness, own.Rules.Readiness...)
		for site, made := range own.Random {
			if w.Random == nil {
				w.Random = map[string]string{}
			}
			w.Random[d.Name+"/"+site] = made
		}
	}
	w.Objects = append(objects, w.Objects...)
	return warnings, errors.Join(errs...)
}

// isOn says whether the condition of a dependency holds: a value that is missing
// does not turn it off.
func isOn(d *bundle.Dependency, merged *values.Merged) (bool, error) {
	if d.Condition == "" {
		return true, nil
	}
	switch v := at(merged.Values, d.Condition).(type) {
	case nil:
		return true, nil
	case bool:
		return v, nil
	}
	return false, &object.Error{File: bundle.SpecFile, Message: fmt.Sprintf("dependency %s: the value %s must be true or false", d.Name, d.Condition)}
}

// renderDependency renders one dependency with the values below its name.
func renderDependency(d *bundle.Dependency, o Options, w *Wanted, above *sight) ([]Warning, error) {
	random := map[string]string{}
	for site, made := range o.Random {
		if own, ok := strings.CutPrefix(site, d.Name+"/"); ok {
			random[own] = made
		}
	}
	o.Random = random
	merged := above.merged.Below(d.Name)
	if d.Bundle.Type == bundle.Chart {
		// Its values go the way of a file, so that Helm's rules read them.
		data, err := json.Marshal(values.Plain(merged.Values))
		if err != nil {
			return nil, fmt.Errorf("writing the values of %s: %w", d.Name, err)
		}
		o.Environment = ""
		const given = "values of a dependency"
		o.Layers = []values.Layer{{Kind: values.File, Name: given, Data: data}}
		_, warnings, err := renderChart(d.Bundle, o, w)
		w.Notes = ""
		for i, m := range warnings {
			if m.Source.File != given {
				continue
			}
			path, _, _ := strings.Cut(m.Message, " ")
			warnings[i] = Warning{Message: object.JoinPath(d.Name, m.Message)}
			if places := merged.Explain(path); len(places) > 0 {
				warnings[i].Source = object.Source{File: places[len(places)-1].Name, Line: places[len(places)-1].Line}
			}
		}
		return warnings, err
	}
	if err := checkTarget(&bundle.Bundle{Spec: bundle.Spec{KubeVersion: d.Bundle.Spec.KubeVersion}}, &Options{KubeVersion: o.KubeVersion}); err != nil {
		return nil, err
	}
	own := newSight(merged, above.given)
	own.below = object.JoinPath(above.below, object.EscapeKey(d.Name))
	own.watched = above.watched
	above.dependencies = append(above.dependencies, own)
	warnings, err := renderBundle(d.Bundle, o, w, own)
	w.Rules.Fields, w.Rules.Readiness = append(w.Rules.Fields, d.Bundle.Spec.Fields...), append(w.Rules.Readiness, d.Bundle.Spec.Readiness...)
	w.Notes = ""
	return warnings, err
}
