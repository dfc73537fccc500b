package render

import (
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/overlay"
)

// renderKustomization builds a bundle that is a kustomization.
func renderKustomization(b *bundle.Bundle, o Options, w *Wanted) ([]Warning, error) {
	if len(o.Layers) > 0 {
		return nil, &object.Error{File: b.Path, Message: "a kustomization takes no values, and some were given"}
	}
	if err := checkTarget(b, &o); err != nil {
		return nil, err
	}
	return laid(b.Tree, nil, w)
}

// lay lays the overlays over what was rendered: the environment's, then those
// that were asked for.
func lay(b *bundle.Bundle, o Options, w *Wanted) ([]Warning, error) {
	var trees []*bundle.Tree
	if own := b.Overlays[b.Spec.Environments[o.Environment].Overlay]; own != nil {
		trees = append(trees, own)
	}
	trees = append(trees, o.Overlays...)
	if len(trees) == 0 || unique(w.Objects, o.Release.Namespace) != nil {
		return nil, nil // Render says what is there twice
	}
	var warnings []Warning
	for _, t := range trees {
		more, err := laid(t, w.Objects, w)
		if warnings = append(warnings, more...); err != nil {
			return warnings, err
		}
	}
	return warnings, nil
}

// laid makes what a kustomization builds the objects that are wanted.
func laid(t *bundle.Tree, base []object.Object, w *Wanted) ([]Warning, error) {
	objs, notices, err := overlay.Build(t, base)
	var warnings []Warning
	for _, n := range notices {
		warnings = append(warnings, Warning{Source: n.Source, Message: n.Message})
	}
	if err != nil {
		return warnings, err
	}
	w.Objects = objs
	return warnings, nil
}
