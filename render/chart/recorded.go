package chart

import (
	"bytes"
	"errors"
	"strings"
)

// Recorded is what Helm recorded of a release's manifests. Of the chart only what
// is not in its subcharts is recorded.
type Recorded struct {
	// Manifest is all that the templates made, but for the hooks.
	Manifest string
	// Hooks are manifests by the template that made them.
	Hooks []File
	// Files are those of the chart that are no templates: crds/ among them.
	Files []File
}

// Read reads the manifests as Helm did. The error is a join of *object.Error.
func (r Recorded) Read() (Result, error) {
	var made Result
	documents := split("", []byte(r.Manifest), func(int) int { return 0 })
	for i := range documents {
		d := &documents[i]
		d.raw, d.file = true, sourceOf(d.text)
	}
	err := decodeAll(documents)
	for _, d := range documents {
		made.Objects = append(made.Objects, d.objects...)
	}
	var hooks []document
	for _, h := range r.Hooks {
		for _, d := range split(inChart(h.Name), h.Data, func(int) int { return 0 }) {
			d.raw = true
			hooks = append(hooks, d)
		}
	}
	hooksErr := decodeAll(hooks)
	for _, d := range hooks {
		made.Hooks = append(made.Hooks, d.objects...)
	}
	crdsErr := (&Chart{Files: r.Files}).crds(&made)
	return made, errors.Join(err, hooksErr, crdsErr)
}

// sourceOf finds the template that a document came from: Helm writes it above.
func sourceOf(text []byte) string {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if name, ok := strings.CutPrefix(string(first), "# Source: "); ok {
		return inChart(strings.TrimSpace(name))
	}
	return "Helm's record"
}

// inChart is a template's name without the chart's.
func inChart(name string) string {
	if _, inside, ok := strings.Cut(name, "/"); ok {
		return inside
	}
	return name
}
