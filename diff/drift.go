package diff

import (
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// OpDrift compares what is live with what the current revision wanted. Its plan is
// never carried out: Refused holds what stopped the comparison, not conflicts.
const OpDrift Op = "drift"

// LeftAlone is what somebody else set on an object of the release, where the
// bundle says nothing: it is left alone.
type LeftAlone struct {
	ID      object.ID `json:"id"`
	Manager string    `json:"manager"`
	// Wrote is the manager's last write to the object (RFC 3339), or empty.
	Wrote string   `json:"wrote,omitempty"`
	Paths []string `json:"paths"`
}

// findForeign lists what others set and the plan leaves alone.
func (p *planner) findForeign() {
	for _, it := range p.items {
		if it.Live == nil || it.Shared {
			continue
		}
		ours, _ := fields.Applied(it.Live, p.manager)
		for _, e := range fields.Entries(it.Live) {
			if e.Manager == p.manager || e.Subresource == "status" || housekeeping(e) {
				continue
			}
			f := LeftAlone{ID: it.ID, Manager: e.Manager, Wrote: e.Time}
			fields.Walk(fields.Minus(e.Fields, ours.Fields), it.Live.Object, nil, func(at fields.Point, whole bool) {
				if whole && at.A != nil && !p.shows(it, at.Path) && !fields.IsKey(at.Keys) {
					f.Paths = append(f.Paths, at.Path)
				}
			})
			if len(f.Paths) > 0 {
				p.plan.LeftAlone = append(p.plan.LeftAlone, f)
			}
		}
	}
}

// shows says that the change of the object tells of the path already.
func (p *planner) shows(it *item, path string) bool {
	return slices.ContainsFunc(it.Paths, func(c PathChange) bool { return within(path, c.Path) })
}

// housekeeping are the entries of the cluster's own controllers, which write
// objects of all releases all the time. What an autoscaler sets is none of it.
func housekeeping(e fields.Entry) bool {
	return e.Subresource == "" && (strings.HasPrefix(e.Manager, "kube-") || e.Manager == "clusterrole-aggregation-controller")
}

// Changed says who changed an object's fields that drifted, and when: the
// managers of its conflicts, else the other manager that wrote last.
func (c *Change) Changed() (managers []string, wrote string) {
	for _, conflict := range c.Conflicts {
		if !slices.Contains(managers, conflict.Manager) {
			managers = append(managers, conflict.Manager)
		}
		wrote = max(wrote, conflict.Wrote)
	}
	if len(managers) > 0 || c.Live == nil {
		return managers, wrote
	}
	for _, e := range fields.Entries(c.Live) {
		if e.Operation == "Update" && e.Subresource != "status" && !housekeeping(e) && e.Time > wrote {
			managers, wrote = []string{e.Manager}, e.Time
		}
	}
	return managers, wrote
}
