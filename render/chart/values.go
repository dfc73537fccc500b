package chart

import (
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// Values are what a chart's templates see as .Values, with the methods that
// Helm's have.
type Values map[string]any

// AsMap returns the values as a plain mapping, never nil.
func (v Values) AsMap() map[string]any {
	if len(v) == 0 {
		return map[string]any{}
	}
	return v
}

// YAML writes the values.
func (v Values) YAML() (string, error) {
	data, err := yaml.Marshal(v)
	return string(data), err
}

// Table returns the mapping at a dotted path, which must be one.
func (v Values) Table(path string) (Values, error) {
	table := v
	for key := range strings.SplitSeq(path, ".") {
		next, ok := table[key]
		if !ok {
			return table, fmt.Errorf("%q is not a table", key)
		}
		switch next := next.(type) {
		case map[string]any:
			table = next
		case Values:
			table = next
		default:
			return Values{}, fmt.Errorf("%q is not a table", key)
		}
	}
	return table, nil
}

// PathValue returns the value at a dotted path, which must not be a mapping.
func (v Values) PathValue(path string) (any, error) {
	if path == "" {
		return nil, fmt.Errorf("an empty path")
	}
	table, key := v, path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		var err error
		if table, err = v.Table(path[:dot]); err != nil {
			return nil, fmt.Errorf("%q is not a value", path)
		}
		key = path[dot+1:]
	}
	value, ok := table[key]
	if !ok || isTable(value) {
		return nil, fmt.Errorf("%q is not a value", path)
	}
	return value, nil
}

func isTable(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// copyValue copies mappings and lists deeply.
func copyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		if v == nil {
			return v
		}
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = copyValue(item)
		}
		return list
	}
	return v
}

func copyMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, item := range m {
		out[key] = copyValue(item)
	}
	return out
}

// merger lays values over those of a chart and its subcharts, by Helm's rules.
// There are two ways: as the templates will see them, in which null removes what
// stands below it; and keeping nulls, for values that will be merged again.
type merger struct {
	keepNulls bool
	// told are the warnings.
	told *[]string
}

func (m merger) tell(format string, args ...any) {
	if m.told == nil {
		return
	}
	*m.told = append(*m.told, fmt.Sprintf(format, args...))
}

// values lays a copy of vals over the values of a chart.
func (m merger) values(c *Chart, vals map[string]any) (map[string]any, error) {
	into := copyMap(vals)
	return into, m.chart(c, into, "")
}

// chart lays what is in into over a chart's own values, and those of its subcharts.
func (m merger) chart(c *Chart, into map[string]any, prefix string) error {
	at := joined(prefix, c.Meta.Name)
	m.own(c, into, at)
	for _, sub := range c.Dependencies {
		name := sub.Meta.Name
		if _, ok := into[name]; !ok {
			into[name] = map[string]any{}
		}
		below, ok := into[name].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: a mapping is expected, for it is the values of the subchart %s", joined(at, name), name)
		}
		m.globals(below, into, at)
		if err := m.chart(sub, below, at); err != nil {
			return err
		}
	}
	return nil
}

func joined(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// own lays what is in into over a chart's own values.
func (m merger) own(c *Chart, into map[string]any, at string) {
	for key, fallback := range copyMap(c.Values) {
		given, ok := into[key]
		if !ok {
			m.fallBack(into, key, fallback)
			continue
		}
		if given == nil && !m.keepNulls {
			delete(into, key)
			continue
		}
		table, ok := given.(map[string]any)
		if !ok {
			continue
		}
		below, ok := fallback.(map[string]any)
		if !ok {
			if fallback != nil {
				m.tell("%s is a mapping, and is not in the chart", joined(at, key))
			}
			continue
		}
		keep := m
		keep.keepNulls = m.keepNulls || c.dependency(key) != nil
		if !keep.keepNulls {
			dropNulls(below)
		}
		keep.tables(table, below, joined(at, key))
	}
}

// fallBack takes a chart's own value where none was given.
func (m merger) fallBack(into map[string]any, key string, v any) {
	if !m.keepNulls {
		if v == nil {
			return
		}
		if table, ok := v.(map[string]any); ok {
			dropNulls(table)
		}
	}
	into[key] = v
}

func dropNulls(m map[string]any) {
	for key, v := range m {
		if v == nil {
			delete(m, key)
		} else if table, ok := v.(map[string]any); ok {
			dropNulls(table)
		}
	}
}

// tables lays one mapping over another, and returns the upper one. Below is used up.
func (m merger) tables(over, below map[string]any, at string) map[string]any {
	if below == nil {
		return over
	}
	if over == nil {
		return below
	}
	had := make(map[string]bool, len(below))
	for key, v := range below {
		had[key] = v != nil
	}
	for key, v := range over {
		if v == nil {
			below[key] = nil
		}
	}
	for key, v := range below {
		upper, ok := over[key]
		switch {
		case !ok:
			over[key] = v
		case upper == nil && !m.keepNulls && had[key]:
			delete(over, key)
		case isTable(v):
			if table, ok := upper.(map[string]any); ok {
				below, _ := v.(map[string]any)
				m.tables(table, below, joined(at, key))
			} else {
				m.tell("%s is a mapping in the chart, and was given something else", joined(at, key))
			}
		case isTable(upper) && v != nil:
			m.tell("%s was given a mapping, and is something else in the chart", joined(at, key))
		}
	}
	return over
}

// global is the key of the values that all subcharts see.
const global = "global"

// globals hands the global values of a chart to a subchart. The chart's win.
func (m merger) globals(sub, chart map[string]any, at string) {
	into, from := map[string]any{}, map[string]any{}
	if v, ok := sub[global]; ok {
		if into, ok = v.(map[string]any); !ok {
			m.tell("%s of a subchart is not a mapping; global values are left out", joined(at, global))
			return
		}
	}
	if v, ok := chart[global]; ok {
		if from, ok = v.(map[string]any); !ok {
			m.tell("%s is not a mapping; global values are left out", joined(at, global))
			return
		}
	}
	keep := merger{keepNulls: true, told: m.told}
	for key, v := range from {
		table, ok := v.(map[string]any)
		if !ok {
			if have, ok := into[key]; ok && isTable(have) {
				continue
			}
			into[key] = v
			continue
		}
		table = maps.Clone(table)
		have, ok := into[key]
		if !ok {
			into[key] = table
			continue
		}
		below, ok := have.(map[string]any)
		if !ok {
			m.tell("%s.%s is a mapping, and is not in a subchart", joined(at, global), key)
			continue
		}
		keep.tables(table, below, joined(at, key))
		into[key] = table
	}
	sub[global] = into
}
