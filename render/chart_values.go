package render

import (
	"maps"
	"slices"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/values"
)

// places merges all layers of a chart's values to tell where each came from. What
// the values are, Helm's own rules say; a file that belay's would refuse is passed
// over.
func (c *charted) places() *values.Merged {
	merged, _ := values.Merge(values.InHelmOrder(slices.Concat(c.chart.Defaults(), c.own, c.given)))
	return merged
}

// locate tells what set the value at a path.
func (c *charted) locate(path string) (file string, line int) {
	if c.merged == nil {
		c.merged = c.places()
	}
	places := (&Inspected{Merged: c.merged}).globalPlaces(path)
	if len(places) == 0 {
		return "", 0
	}
	last := places[len(places)-1]
	return last.Name, last.Line
}

// strangers warns of given values that no default, schema or template of a chart
// knows: they are probably misspelled.
func (c *charted) strangers() []Warning {
	if len(c.given) == 0 {
		return nil
	}
	own, _ := values.Merge(c.own)
	given, _ := values.Merge(values.InHelmOrder(c.given))
	var warnings []Warning
	seen := map[string]bool{}
	c.stranger([]map[string]any{c.chart.AllValues(), own.Values}, given.Values, "", func(path, like string) {
		if seen[path] || len(warnings) == maxTold {
			return
		}
		seen[path] = true
		message := path + " is known to no default, schema or template of the chart"
		if like != "" {
			message += "; the nearest is " + like
		}
		var source object.Source
		if place, found := firstPlace(given, path); found {
			source = object.Source{File: place.Name, Line: place.Line}
		}
		warnings = append(warnings, Warning{Source: source, Message: message})
	})
	return warnings
}

// stranger finds the keys of given mappings that no layer of defaults has. An empty
// mapping, or a value that is none, takes any.
func (c *charted) stranger(defaults []map[string]any, given map[string]any, at string, tell func(path, like string)) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		path := object.JoinPath(at, object.EscapeKey(key))
		var names []string
		var deeper []map[string]any
		has, closed := false, true
		for _, layer := range defaults {
			names = slices.AppendSeq(names, maps.Keys(layer))
			known, there := layer[key]
			if !there {
				continue
			}
			has = true
			members, _ := known.(map[string]any)
			if len(members) == 0 {
				closed = false
			}
			deeper = append(deeper, members)
		}
		if has {
			if below, isMapping := given[key].(map[string]any); isMapping && closed {
				c.stranger(deeper, below, path, tell)
			}
			continue
		}
		if c.chart.Knows(key) {
			continue
		}
		slices.Sort(names)
		like := nearest.Name(key, names)
		if like != "" {
			like = object.JoinPath(at, object.EscapeKey(like))
		}
		tell(path, like)
	}
}

// firstPlace is where a value, or the first below it, was set.
func firstPlace(m *values.Merged, path string) (values.Place, bool) {
	for _, p := range append([]string{path}, m.Paths()...) {
		if within(p, path) {
			if places := m.Explain(p); len(places) > 0 {
				return places[len(places)-1], true
			}
		}
	}
	return values.Place{}, false
}

// unread lists the values of a chart that no template names, nor anything that
// holds them.
func (c *charted) unread(found *Inspected) []Explained {
	read := c.chart.Reads()
	var unread []Explained
	for _, path := range values.Paths(found.Values) {
		if !covered(path, read) && !c.chart.Mentions(lastKey(path)) {
			unread = append(unread, found.explained(path, path))
		}
	}
	return unread
}

// lastKey is the key that a path ends in.
func lastKey(path string) string {
	above := parent(path)
	if above == "" {
		return path
	}
	return path[len(above)+1:]
}

// globalPlaces are the places of a subchart's global value: those of the charts
// above it count more.
func (i *Inspected) globalPlaces(path string) []values.Place {
	places := i.Merged.Explain(path)
	for at := range path {
		if path[at] == '.' && within(path[at+1:], "global") {
			return append(places, i.Merged.Explain(path[at+1:])...)
		}
	}
	return places
}
