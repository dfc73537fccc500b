package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/chart"
	"github.com/belay-sh/belay/render/values"
)

// Inspected are the merged values of a bundle.
type Inspected struct {
	Values map[string]any
	// Merged tells where each came from.
	Merged *values.Merged
	// Imports are what charts take over from their subcharts.
	Imports []chart.Import
}

// Inspect merges the values of a bundle. Templates are evaluated for a chart only.
func Inspect(b *bundle.Bundle, o Options) (*Inspected, error) {
	switch b.Type {
	case bundle.Belay:
		merged, _, err := mergeValues(b, &o)
		if err != nil {
			return nil, err
		}
		plain, _ := values.Plain(merged.Values).(map[string]any)
		return &Inspected{Values: plain, Merged: merged}, nil
	case bundle.Chart:
		w := &Wanted{}
		rendered, _, err := renderChart(b, o, w)
		if err != nil {
			return nil, err
		}
		return &Inspected{Values: w.Values, Merged: rendered.places(), Imports: rendered.chart.Imports()}, nil
	}
	return nil, noValues(b)
}

func noValues(b *bundle.Bundle) error {
	return &object.Error{File: b.Path, Message: "it has no values: it is not a bundle with templates"}
}

// Unread lists the values that no template reads, by path.
func Unread(b *bundle.Bundle, o Options) ([]Explained, error) {
	switch b.Type {
	case bundle.Belay:
	case bundle.Chart:
		w := &Wanted{}
		rendered, _, err := renderChart(b, o, w)
		if err != nil {
			return nil, ordered(err)
		}
		return rendered.unread(&Inspected{Values: w.Values, Merged: rendered.places(), Imports: rendered.chart.Imports()}), nil
	default:
		return nil, noValues(b)
	}
	merged, given, err := mergeValues(b, &o)
	if err != nil {
		return nil, err
	}
	seen := newSight(merged, given)
	seen.watched = true
	w := &Wanted{}
	if _, err := renderBundle(b, o, w, seen); err != nil {
		return nil, ordered(err)
	}
	plain, _ := values.Plain(merged.Values).(map[string]any)
	found := &Inspected{Values: plain, Merged: merged}
	var unread []Explained
	exact, _ := seen.readPaths()
	for _, path := range merged.Paths() {
		if !covered(path, exact) {
			unread = append(unread, found.explained(path, path))
		}
	}
	return unread, nil
}

// Explained is a value and the places that set it, the one that counts last.
type Explained struct {
	Path   string         `json:"path"`
	Value  any            `json:"value"`
	Places []values.Place `json:"-"`
	// From are the places as people write them: file:line, or the flag.
	From []string `json:"from"`
}

// Explain tells where the value at a path came from, or those below it.
func (i *Inspected) Explain(path string) ([]Explained, error) {
	var all []Explained
	paths := values.Paths(i.Values)
	for _, leaf := range paths {
		if path == "" || within(leaf, path) || within(path, leaf) {
			all = append(all, i.explained(leaf, path))
		}
	}
	if len(all) == 0 {
		message := "there is no value " + path
		if like := nearest.Name(path, paths); like != "" {
			message += "; the nearest is " + like
		}
		return nil, errors.New(message)
	}
	return all, nil
}

// explained tells of a leaf, or of an item of a list that is one.
func (i *Inspected) explained(leaf, path string) Explained {
	if len(path) > len(leaf) && within(path, leaf) && len(i.Merged.Explain(path)) > 0 {
		leaf = path
	}
	e := Explained{Path: leaf, Value: at(i.Values, leaf), Places: i.places(leaf, i.Imports)}
	for _, p := range e.Places {
		e.From = append(e.From, p.String())
	}
	return e
}

// places are those that set a value, and before them those of the values that
// import-values put below it.
func (i *Inspected) places(path string, imports []chart.Import) []values.Place {
	var all []values.Place
	for _, imported := range imports {
		if imported.To != "" && !within(path, imported.To) {
			continue
		}
		from := imported.From
		if below := strings.TrimPrefix(path[len(imported.To):], "."); below != "" {
			from = object.JoinPath(from, below)
		}
		// What a subchart exports it may have imported itself, further down.
		deeper := slices.DeleteFunc(slices.Clone(imports), func(other chart.Import) bool { return len(other.To) <= len(imported.To) })
		all = append(all, i.places(from, deeper)...)
	}
	return append(all, i.globalPlaces(path)...)
}

// at finds the value at a path.
func at(v any, path string) any {
	if path == "" {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			if name := object.EscapeKey(key); within(path, name) {
				return at(item, strings.TrimPrefix(path[len(name):], "."))
			}
		}
	case []any:
		for i, item := range v {
			if name := fmt.Sprintf("[%d]", i); within(path, name) {
				return at(item, strings.TrimPrefix(path[len(name):], "."))
			}
		}
	}
	return nil
}
