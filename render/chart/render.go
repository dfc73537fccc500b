package chart

import (
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/templates"
)

// Options are everything that a chart's rendering depends on besides its files.
type Options struct {
	ReleaseName, Namespace string
	Revision               int
	IsInstall              bool
	// Values are what the user gave, merged by values.MergeHelm.
	Values map[string]any
	// Capabilities are those of the cluster.
	Capabilities *Capabilities
	// SkipSchemas leaves the schemas of the values unchecked.
	SkipSchemas bool
	// SkipCRDs leaves out the objects of crds/.
	SkipCRDs bool
	// Now is the clock that templates read; Random holds remembered results of
	// random functions, by call site.
	Now    time.Time
	Random map[string]string
	// Locate tells the file or flag, and the line, that set the value at a path, for
	// messages; nil and an empty file are for unknown.
	Locate func(path string) (file string, line int)
	// Lookup answers lookup; nil finds nothing.
	Lookup func(apiVersion, kind, namespace, name string) (map[string]any, error)
	// Known is what earlier renderings of the chart read; nil where there is none.
	Known *object.Known
}

// Result is what a chart renders to.
type Result struct {
	// Values are what the chart's templates saw.
	Values map[string]any
	// CRDs are the objects of crds/, Objects those of the templates without hooks,
	// in Helm's order.
	CRDs, Objects, Hooks []object.Object
	Notes                string
	Random               map[string]string
	// Lookups are the places that asked the cluster.
	Lookups  []string
	Warnings []string
}

// Render renders a chart, which it changes: a chart is loaded for each rendering.
// Mistakes are a join of *object.Error.
func Render(c *Chart, o Options) (*Result, error) {
	r := &Result{}
	if err := c.checkUse(o); err != nil {
		return r, err
	}
	if c.Meta.Deprecated {
		r.Warnings = append(r.Warnings, "this chart is deprecated")
	}
	told, err := c.Enable(o.Values)
	r.Warnings = append(r.Warnings, told...)
	if err != nil {
		return r, &object.Error{File: "values.yaml", Message: err.Error()}
	}
	vals, err := merger{told: &r.Warnings}.values(c, o.Values)
	if err != nil {
		return r, &object.Error{File: "values.yaml", Message: err.Error()}
	}
	r.Values, _ = copyValue(vals).(map[string]any)
	if !o.SkipSchemas {
		if err := c.checkSchemas(vals, "", o.Locate); err != nil {
			return r, err
		}
	}
	return r, c.render(vals, o, r)
}

// checkUse refuses what cannot be rendered at all.
func (c *Chart) checkUse(o Options) error {
	switch missing, needs := c.Missing(), c.Meta.KubeVersion; {
	case c.library():
		return placed(wrongAt("type", "this is a library chart, which other charts use; it cannot be installed"), c.heads, "")
	case len(missing) > 0:
		return placed(wrongAt("dependencies", "the dependencies are not in charts/: %s", strings.Join(missing, ", ")), c.heads, "")
	case needs != "" && !compatible(needs, o.Capabilities.KubeVersion.String()):
		return placed(wrongAt("kubeVersion", "the chart needs Kubernetes %s; this is %s", needs, o.Capabilities.KubeVersion.Version), c.heads, "")
	}
	return nil
}

// render evaluates the templates and sorts what they make.
func (c *Chart) render(vals map[string]any, o Options, r *Result) error {
	top := map[string]any{
		"Capabilities": o.Capabilities,
		"Release": map[string]any{
			"Name": o.ReleaseName, "Namespace": o.Namespace, "Revision": o.Revision,
			"IsInstall": o.IsInstall, "IsUpgrade": !o.IsInstall, "Service": "Helm",
		},
		"Values": Values(vals),
	}
	var files []templates.ChartFile
	c.templates(top, &files)
	set, err := templates.ParseChart(files)
	if err != nil {
		return located(err)
	}
	decoding := newDecoder(len(files), o.Known)
	made, err := set.Render(templates.ChartOptions{
		Now: o.Now, Random: o.Random, Lookup: o.Lookup, Made: decoding.add,
	})
	decodeErr := decoding.wait()
	if err != nil {
		return errors.Join(located(err), decodeErr)
	}
	r.Random = made.Random
	for at := range made.Lookups {
		r.Lookups = append(r.Lookups, at)
	}
	slices.Sort(r.Lookups)
	notes := path.Join(c.fullPath(), "templates", "NOTES.txt")
	for _, f := range made.Files {
		if f.Name == notes {
			r.Notes = string(f.Text)
		}
	}
	decoding.sorted(r)
	errs := []error{decodeErr}
	if !o.SkipCRDs {
		errs = append(errs, c.crds(r))
	}
	return errors.Join(errs...)
}

// templates lists the templates of a chart and its subcharts, each with what it
// sees. It returns the chart's own data, which are .Subcharts of its parent.
func (c *Chart) templates(above Values, files *[]templates.ChartFile) map[string]any {
	subs := map[string]any{}
	data := map[string]any{
		"Chart": c.Meta.seen(c.parent == nil), "Files": filesOf(c),
		"Release": above["Release"], "Capabilities": above["Capabilities"],
		"Values": Values{}, "Subcharts": subs,
	}
	if c.parent == nil {
		data["Values"] = above["Values"]
	} else if vals, err := above.Table("Values." + c.Meta.Name); err == nil {
		data["Values"] = vals
	}
	for _, sub := range c.Dependencies {
		subs[sub.Meta.Name] = sub.templates(data, files)
	}
	full, place := c.fullPath(), c.place()
	for _, f := range c.Templates {
		if c.library() && !strings.HasPrefix(path.Base(f.Name), "_") {
			continue
		}
		name := path.Join(full, f.Name)
		*files = append(*files, templates.ChartFile{
			Name: name, Path: path.Join(place, f.Name), Text: string(f.Data),
			Dot: func() any {
				data["Template"] = Values{"Name": name, "BasePath": path.Join(full, "templates")}
				return Values(data)
			},
		})
	}
	return data
}

// located gives the mistakes of templates their excerpts.
func located(err error) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, located(e))
		}
		return errors.Join(all...)
	}
	var e *templates.Error
	if !errors.As(err, &e) {
		return &object.Error{File: "templates", Message: err.Error()}
	}
	out := &object.Error{File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}
	out.Excerpt = object.Excerpt([]byte(e.Text), e.TextLine, e.TextColumn, e.Width, e.Note)
	for _, t := range e.Trace {
		out.Excerpt = append(out.Excerpt, "  in "+t)
	}
	return out
}
