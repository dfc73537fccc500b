package render

import (
	"fmt"
	"slices"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
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
	objs, warnings, err := laid(b.Tree, nil)
	w.Objects = objs
	return warnings, err
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
	base, apart := withHooks(w)
	var warnings []Warning
	for _, h := range apart {
		warnings = append(warnings, Warning{Source: h.Source, Message: fmt.Sprintf(
			"the overlay leaves the hook %s as it is: it has no name of its own", h.ID())})
	}
	for _, t := range trees {
		objs, more, err := laid(t, base)
		if warnings = append(warnings, more...); err != nil {
			return warnings, err
		}
		base = objs
	}
	sortHooks(w, base, apart)
	return warnings, nil
}

// laid is what a kustomization builds.
func laid(t *bundle.Tree, base []object.Object) ([]object.Object, []Warning, error) {
	objs, notices, err := overlay.Build(t, base)
	var warnings []Warning
	for _, n := range notices {
		warnings = append(warnings, Warning{Source: n.Source, Message: n.Message})
	}
	return objs, warnings, err
}

// withHooks are the objects that an overlay is laid over: a chart's hooks as well,
// as Helm gives them to a post-renderer. A kustomization cannot hold two objects of
// one name, nor one without; such hooks stay apart.
func withHooks(w *Wanted) (base, apart []object.Object) {
	base = w.Objects[:len(w.Objects):len(w.Objects)]
	names := make(map[object.ID]bool, len(base))
	for _, o := range base {
		names[o.ID()] = true
	}
	for _, h := range w.Hooks {
		if names[h.ID()] || h.ID().Name == "" {
			apart = append(apart, h)
			continue
		}
		names[h.ID()] = true
		base = append(base, h)
	}
	return base, apart
}

// sortHooks takes the hooks out of what an overlay made of objects and hooks, in the
// order in which they were. One that is no hook any more is an object like others.
func sortHooks(w *Wanted, built, apart []object.Object) {
	place := func(o object.Object) int {
		return slices.IndexFunc(w.Hooks, func(h object.Object) bool {
			return h.Source.File == o.Source.File && h.Source.Line == o.Source.Line
		})
	}
	var objs, hooks []object.Object
	for _, o := range built {
		if len(w.Hooks) > 0 && policy.IsHook(o) && place(o) >= 0 {
			hooks = append(hooks, o)
		} else {
			objs = append(objs, o)
		}
	}
	hooks = append(hooks, apart...)
	slices.SortStableFunc(hooks, func(a, b object.Object) int { return place(a) - place(b) })
	w.Objects, w.Hooks = objs, hooks
}
