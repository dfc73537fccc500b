package chart

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Enable decides which subcharts there are, under which names, and takes over the
// values that they export. vals are what the user gave. It changes the chart, and
// returns warnings.
func (c *Chart) Enable(vals map[string]any) ([]string, error) {
	var told []string
	if err := c.enable(vals, "", &told); err != nil {
		return told, err
	}
	return told, c.importAll(&told)
}

// compatible says whether a version satisfies a constraint.
func compatible(constraint, version string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	c, err := semver.NewConstraint(constraint)
	return err == nil && c.Check(v)
}

// enable decides for one chart and, below it, for those that stay. at is the
// chart's place in the values, with a dot at the end.
func (c *Chart) enable(vals map[string]any, at string, told *[]string) error {
	if c.Meta.Dependencies == nil {
		return nil
	}
	c.name()
	for _, d := range c.Meta.Dependencies {
		d.Enabled = true
	}
	seen, err := merger{}.values(c, vals)
	if err != nil {
		return err
	}
	c.byTags(seen, told)
	c.byConditions(seen, at, told)
	off := map[string]bool{}
	var stay []*Dependency
	for _, d := range c.Meta.Dependencies {
		if !d.Enabled {
			off[d.Name] = true
		}
	}
	for _, d := range c.Meta.Dependencies {
		if !off[d.Name] {
			stay = append(stay, d)
		} else {
			c.off.dependencies = append(c.off.dependencies, d)
		}
	}
	var subs []*Chart
	for _, sub := range c.Dependencies {
		if !off[sub.Meta.Name] {
			subs = append(subs, sub)
		} else {
			c.off.charts = append(c.off.charts, sub)
		}
	}
	for _, sub := range subs {
		if err := sub.enable(seen, at+sub.Meta.Name+".", told); err != nil {
			return err
		}
	}
	c.Meta.Dependencies, c.Dependencies = stay, nil
	c.adopt(subs...)
	return nil
}

// name makes a subchart of every dependency that Chart.yaml names, under its
// alias, and keeps those that it does not name.
func (c *Chart) name() {
	var subs []*Chart
	for _, sub := range c.Dependencies {
		named := false
		for _, d := range c.Meta.Dependencies {
			named = named || sub.Meta.Name == d.Name && compatible(d.Version, sub.Meta.Version)
		}
		if !named {
			subs = append(subs, sub)
		}
	}
	for _, d := range c.Meta.Dependencies {
		for _, sub := range c.Dependencies {
			if sub.Meta.Name == d.Name && compatible(d.Version, sub.Meta.Version) {
				subs = append(subs, sub.copyAs(d.Alias))
				break
			}
		}
		if d.Alias != "" {
			d.Name = d.Alias
		}
	}
	c.Dependencies = nil
	c.adopt(subs...)
}

// copyAs copies a subchart, so that one may appear several times.
func (c *Chart) copyAs(alias string) *Chart {
	out := *c
	if c.Meta.Dependencies != nil {
		out.Meta.Dependencies = make([]*Dependency, len(c.Meta.Dependencies))
		for i, d := range c.Meta.Dependencies {
			own := *d
			out.Meta.Dependencies[i] = &own
		}
	}
	out.Dependencies = nil
	for _, sub := range c.Dependencies {
		own := *sub
		out.adopt(&own)
	}
	if alias != "" {
		out.Meta.Name = alias
	}
	return &out
}

// byTags disables dependencies all of whose tags are off.
func (c *Chart) byTags(vals Values, told *[]string) {
	tags, err := vals.Table("tags")
	if err != nil {
		return
	}
	for _, d := range c.Meta.Dependencies {
		var on, off bool
		for _, tag := range d.Tags {
			v, ok := tags[tag]
			if !ok {
				continue
			}
			enabled, isBool := v.(bool)
			if !isBool {
				*told = append(*told, fmt.Sprintf("tags.%s is not a boolean; it does not enable or disable %s", tag, d.Name))
				continue
			}
			on, off = on || enabled, off || !enabled
		}
		d.Enabled = on || !off
	}
}

// byConditions lets the first condition that is a boolean decide.
func (c *Chart) byConditions(vals Values, at string, told *[]string) {
	for _, d := range c.Meta.Dependencies {
		for condition := range strings.SplitSeq(strings.TrimSpace(d.Condition), ",") {
			if condition == "" {
				continue
			}
			v, err := vals.PathValue(at + condition)
			if err != nil {
				continue
			}
			if enabled, ok := v.(bool); ok {
				d.Enabled = enabled
				break
			}
			*told = append(*told, fmt.Sprintf("%s%s is not a boolean; it does not enable or disable %s", at, condition, d.Name))
		}
	}
}

// importAll takes over what subcharts export, from the innermost outwards.
func (c *Chart) importAll(told *[]string) error {
	for _, sub := range c.Dependencies {
		if err := sub.importAll(told); err != nil {
			return err
		}
	}
	if c.Meta.Dependencies == nil {
		return nil
	}
	keep := merger{keepNulls: true}
	seen, err := keep.values(c, nil)
	if err != nil {
		return err
	}
	imported := map[string]any{}
	for _, d := range c.Meta.Dependencies {
		var done []any
		for _, wanted := range d.ImportValues {
			var child, parent string
			switch wanted := wanted.(type) {
			case map[string]any:
				child, parent = fmt.Sprint(wanted["child"]), fmt.Sprint(wanted["parent"])
			case string:
				child, parent = "exports."+wanted, "."
			default:
				continue
			}
			done = append(done, map[string]string{"child": child, "parent": parent})
			table, err := Values(seen).Table(d.Name + "." + child)
			if err != nil {
				*told = append(*told, fmt.Sprintf("there is no mapping %s to import from %s", child, d.Name))
				continue
			}
			imported = keep.tables(imported, wrapped(parent, table.AsMap()), "")
		}
		d.ImportValues = done
	}
	c.Values = keep.tables(copyMap(seen), imported, "")
	return nil
}

// wrapped puts a mapping at a dotted path.
func wrapped(at string, m map[string]any) map[string]any {
	if at == "." {
		return m
	}
	keys := strings.Split(at, ".")
	for i := len(keys) - 1; i >= 0; i-- {
		m = map[string]any{keys[i]: m}
	}
	return m
}
