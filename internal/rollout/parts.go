package rollout

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// parts are what the workloads of one namespace are made of: three feeds for all
// of them, each started when the first workload needs it.
type parts struct{ pods, sets, events *cache }

func newParts() *parts {
	return &parts{pods: newCache(ownerOf), sets: newCache(ownerOf), events: newCache(aboutOf)}
}

// cache keeps what a feed of parts shows, sorted by the UID of the object that
// each is about: its owner, or the object of an event. What is about none is of no use.
type cache struct {
	about func(*unstructured.Unstructured) string
	byUID map[string]*unstructured.Unstructured
	of    map[string]map[string]*unstructured.Unstructured // about → UID → part
	// listed is true once it is complete, refused when it may not be listed.
	listed, refused bool
}

func newCache(about func(*unstructured.Unstructured) string) *cache {
	return &cache{about: about, byUID: map[string]*unstructured.Unstructured{}, of: map[string]map[string]*unstructured.Unstructured{}}
}

// put takes a part in, and returns what it is about.
func (c *cache) put(u *unstructured.Unstructured) string {
	about, uid := c.about(u), keyOf(u)
	if old := c.byUID[uid]; old != nil && c.about(old) != about {
		c.drop(old)
	}
	if about == "" {
		return ""
	}
	if c.of[about] == nil {
		c.of[about] = map[string]*unstructured.Unstructured{}
	}
	c.byUID[uid], c.of[about][uid] = u, u
	return about
}

// drop lets a part go, and returns what it was about.
func (c *cache) drop(u *unstructured.Unstructured) string {
	uid := keyOf(u)
	old := c.byUID[uid]
	if old == nil {
		return ""
	}
	about := c.about(old)
	delete(c.byUID, uid)
	delete(c.of[about], uid)
	if len(c.of[about]) == 0 {
		delete(c.of, about)
	}
	return about
}

// keyOf is the UID of a part; where it has none, its name.
func keyOf(u *unstructured.Unstructured) string {
	if uid := uidOf(u); uid != "" {
		return uid
	}
	return u.GetName()
}

// appendTo adds the parts about an object, in the order of their UIDs.
func (c *cache) appendTo(all []*unstructured.Unstructured, about string) []*unstructured.Unstructured {
	for _, uid := range slices.Sorted(maps.Keys(c.of[about])) {
		all = append(all, c.of[about][uid])
	}
	return all
}

// aboutOf is the UID of the object that an event is about, if it tells what
// nothing else does.
func aboutOf(e *unstructured.Unstructured) string {
	if !setupFailures[text(at(e, "reason"))] && text(at(e, "reason")) != failedCreate {
		return ""
	}
	return text(at(e, "involvedObject", "uid"))
}

// all keeps a field whole.
const all = true

// slimFields are what the tracker reads of a part: of pods and ReplicaSets, and
// of events.
var slimFields = map[string]any{
	"apiVersion": all, "kind": all,
	"metadata": map[string]any{
		"name": all, "namespace": all, "uid": all, "labels": all, "ownerReferences": all, "creationTimestamp": all, "deletionTimestamp": all,
		"annotations": map[string]any{revisionAnnotation: all},
	},
	"spec": map[string]any{
		"containers": slimContainer, "initContainers": slimContainer, "schedulingGates": all, "readinessGates": all,
	},
	"status": map[string]any{
		"phase": all, "reason": all, "message": all, "conditions": all,
		"containerStatuses": slimStatus, "initContainerStatuses": slimStatus,
	},
	"involvedObject": all, "reason": all, "message": all, "count": all, "series": all,
	"firstTimestamp": all, "lastTimestamp": all, "eventTime": all,
}

var (
	slimContainer = map[string]any{"name": all, "image": all}
	slimStatus    = map[string]any{"name": all, "image": all, "ready": all, "restartCount": all, "state": all, "lastState": all}
)

// slim makes an object of only what the tracker reads of a part: namespaces have
// thousands of them. It shares what it keeps with u, which is not used further.
func slim(u *unstructured.Unstructured) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: keep(u.Object, slimFields)}
}

// keep copies the fields that want names; of lists, those of each item.
func keep(from, want map[string]any) map[string]any {
	to := make(map[string]any, min(len(from), len(want)))
	for name, of := range want {
		value, there := from[name]
		if !there {
			continue
		}
		fields, some := of.(map[string]any)
		switch v := value.(type) {
		case map[string]any:
			if some {
				value = keep(v, fields)
			}
		case []any:
			if some {
				value = keepEach(v, fields)
			}
		}
		to[name] = value
	}
	return to
}

func keepEach(list []any, fields map[string]any) []any {
	kept := make([]any, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			kept = append(kept, keep(m, fields))
		}
	}
	return kept
}

// partsOf returns the parts of a namespace's workloads. The caller holds mu.
func (t *Tracker) partsOf(namespace string) *parts {
	p := t.parts[namespace]
	if p == nil {
		p = newParts()
		t.parts[namespace] = p
	}
	return p
}

// openPods has the pods of a workload watched, with those of all others of its
// namespace. The caller holds mu.
func (t *Tracker) openPods(x *tracked) {
	if !hasPods(x.ID) {
		return
	}
	p := t.partsOf(x.ID.Namespace)
	t.feed(feedKey{kind: podKind, namespace: x.ID.Namespace}, p.pods)
	if x.ID.Kind == "Deployment" {
		t.feed(feedKey{kind: replicaSetKind, namespace: x.ID.Namespace}, p.sets)
	}
}

// openEvents has the events of a namespace watched. The caller holds mu.
func (t *Tracker) openEvents(namespace string) {
	t.feed(feedKey{kind: eventKind, namespace: namespace}, t.partsOf(namespace).events)
}

// familyOf puts together what is known of a workload. The caller holds mu.
func (t *Tracker) familyOf(x *tracked) family {
	f := family{root: x.last}
	p := t.parts[x.ID.Namespace]
	switch {
	case x.ID.GroupKind() == podKind.GroupKind():
		f.pods = []*unstructured.Unstructured{x.last}
	case p == nil || !hasPods(x.ID):
	case x.ID.Kind == "Deployment":
		f.sets = p.sets.appendTo(nil, uidOf(x.last))
		for _, rs := range f.sets {
			f.pods = p.pods.appendTo(f.pods, uidOf(rs))
		}
	default:
		f.pods = p.pods.appendTo(nil, uidOf(x.last))
	}
	if p != nil && len(p.events.of) > 0 {
		f.events = p.events.appendTo(nil, uidOf(x.last))
		for _, pod := range f.pods {
			f.events = p.events.appendTo(f.events, uidOf(pod))
		}
	}
	return f
}

// oldPods counts the pods of older revisions of a target, once they are known.
// Where they may not be seen, nobody can wait for them.
func (t *Tracker) oldPods(x *tracked) (old int, known, refused bool) {
	p := t.partsOf(x.ID.Namespace)
	sets := x.ID.Kind == "Deployment"
	if p.pods.refused || sets && p.sets.refused {
		return 0, false, true
	}
	if !p.pods.listed || sets && !p.sets.listed {
		return 0, false, false
	}
	return len(t.familyOf(x).lingering()), true, false
}

// relistParts takes in a whole list.
func (t *Tracker) relistParts(f *feed, fresh *cache) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.parts.byUID, f.parts.of, f.parts.listed = fresh.byUID, fresh.of, true
	t.wakeAll(f.key.namespace)
}

// refuse notes that a feed of parts may not be listed.
func (t *Tracker) refuse(f *feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.parts.refused = true
	t.wakeAll(f.key.namespace)
}

// wakeAll judges the workloads of a namespace again. The caller holds mu.
func (t *Tracker) wakeAll(namespace string) {
	for id, x := range t.targets {
		if id.Namespace == namespace && hasPods(id) && x.last != nil {
			t.take(x, x.last)
		}
	}
}

// eventOfPart takes in a change of a part, and judges the workload that it is of
// again.
func (t *Tracker) eventOfPart(f *feed, e object.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	about := ""
	if e.Deleted {
		about = f.parts.drop(e.Object)
	} else {
		about = f.parts.put(slim(e.Object))
	}
	if x := t.rootOf(t.parts[f.key.namespace], about); x != nil && x.last != nil {
		t.take(x, x.last)
	}
}

// rootOf finds the target that a part is of, by the UID of what it is about.
func (t *Tracker) rootOf(p *parts, uid string) *tracked {
	for uid != "" {
		if x := t.byUID[uid]; x != nil {
			return x
		}
		part := p.pods.byUID[uid]
		if part == nil {
			part = p.sets.byUID[uid]
		}
		if part == nil {
			return nil
		}
		uid = ownerOf(part)
	}
	return nil
}
