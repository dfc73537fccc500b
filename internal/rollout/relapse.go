package rollout

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// headFields are what is kept of an object whose way has ended.
var headFields = map[string]any{"apiVersion": all, "kind": all, "metadata": all}

// putAway lets go of a target at the end of its way. The caller holds mu.
func (t *Tracker) putAway(x *tracked) {
	delete(t.targets, x.ID)
	t.done[x.ID] = x
	if x.last != nil {
		delete(t.byUID, uidOf(x.last))
		x.last = &unstructured.Unstructured{Object: keep(x.last.Object, headFields)}
	}
	x.untail()
}

// takeBack follows a target again. The caller holds mu.
func (t *Tracker) takeBack(x *tracked) {
	delete(t.done, x.ID)
	t.targets[x.ID] = x
	x.added, x.ready, x.relapsed, x.tailed = t.o.Now(), time.Time{}, true, nil
	t.openPods(x)
}

// hasRelapsed says whether pods that were ready are so no longer, as long as the
// run lasts: a program may fall over some time after its probe said yes. What
// somebody else changed since is not this run's. The caller holds mu.
func (t *Tracker) hasRelapsed(x *tracked, u *unstructured.Unstructured) bool {
	runs := hasPods(x.ID) && x.ID.Kind != "Job" || x.ID.GroupKind() == podKind.GroupKind() && !x.ToEnd
	if !runs || x.state.Phase != Ready || x.last == nil {
		return false
	}
	if uidOf(u) != uidOf(x.last) || generationOf(u) != generationOf(x.last) || olderThan(u, x.last) {
		return false
	}
	s := t.o.Judge.Of(u)
	return s.Phase == Progressing || s.Phase == Failed
}
