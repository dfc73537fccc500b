package render

import (
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// AllHooks are the objects that are run for their effect, and that the release
// does not own, in the order in which they were rendered.
func (w *Wanted) AllHooks() []object.Object {
	hooks := w.Hooks[:len(w.Hooks):len(w.Hooks)]
	for _, o := range w.Objects {
		if policy.IsHook(o) {
			hooks = append(hooks, o)
		}
	}
	return hooks
}

// Owned are the objects that the release owns: all but the hooks.
func (w *Wanted) Owned() []object.Object {
	owned := make([]object.Object, 0, len(w.Objects))
	for _, o := range w.Objects {
		if !policy.IsHook(o) {
			owned = append(owned, o)
		}
	}
	return owned
}
