package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/internal/rollout"
)

// readByOld notes the ConfigMaps and Secrets that this run updated and that pods
// of a revision before still use: what serves may not be as it was.
func (r *run) readByOld(causes []rollout.Cause) []string {
	var notes []string
	for _, c := range causes {
		n := r.byID[c.ID]
		if c.OldPods == 0 || n == nil || n.Live == nil {
			continue
		}
		for _, ref := range refs.Scan([]object.Object{{Body: n.Live}}) {
			to := r.byID[ref.To]
			if to == nil || to.Action != diff.Update || to.progress != done || !isConfig(ref.To) {
				continue
			}
			note := fmt.Sprintf("%s is updated, and used by old pods", ref.To.In(r.plan.Target.Namespace))
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	slices.SortFunc(notes, strings.Compare)
	return notes
}

func isConfig(id object.ID) bool {
	return id.Group == "" && (id.Kind == "ConfigMap" || id.Kind == "Secret")
}
