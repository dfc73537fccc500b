package rollout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// explainParallel bounds the targets that are looked into at once.
	explainParallel = 16
	// logLines is how much of a log a cause shows.
	logLines = 10
)

// Explain finds why targets are not ready, in their order; those that are ready
// by now, and were not found to have failed, have no cause. j is the bundle's own
// say about kinds. What cannot be read is left out of the diagnosis, and said in
// its notes.
func Explain(ctx context.Context, w Watcher, j *Judge, targets []Target) Diagnosis {
	e := newExplainer(w, j, targets)
	causes := make([][]Cause, len(targets))
	var g errgroup.Group
	g.SetLimit(explainParallel)
	for i, target := range targets {
		g.Go(func() error {
			causes[i] = e.explain(ctx, target)
			return nil
		})
	}
	_ = g.Wait() // its functions return none
	d := Diagnosis{}
	for _, list := range causes {
		d.Causes = append(d.Causes, list...)
	}
	for note := range e.notes {
		d.Notes = append(d.Notes, note)
	}
	slices.Sort(d.Notes)
	return d
}

// fewTargets is how many workloads of a namespace have their pods listed by
// their selectors; for more of them all pods are read once.
const fewTargets = 8

// explainer reads what a diagnosis needs, and nothing twice.
type explainer struct {
	w     Watcher
	judge *Judge
	// many are the namespaces of so many targets that all pods are read.
	many map[string]bool

	mu       sync.Mutex
	listings map[feedKey]*listing
	notes    map[string]bool
}

// listing is what one LIST showed.
type listing struct {
	once  sync.Once
	cache *cache
}

func newExplainer(w Watcher, j *Judge, targets []Target) *explainer {
	e := &explainer{w: w, judge: j, many: map[string]bool{}, listings: map[feedKey]*listing{}, notes: map[string]bool{}}
	count := map[string]int{}
	for _, t := range targets {
		if hasPods(t.ID) {
			count[t.ID.Namespace]++
			e.many[t.ID.Namespace] = count[t.ID.Namespace] > fewTargets
		}
	}
	return e
}

// unreadable notes what could not be read; true when there was an error.
func (e *explainer) unreadable(what, namespace string, err error) bool {
	if err == nil {
		return false
	}
	why := err.Error()
	if apierrors.IsForbidden(err) {
		why = "no permission"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notes[fmt.Sprintf("%s of namespace %s cannot be read: %s", what, namespace, why)] = true
	return true
}

// list reads objects that are about others.
func (e *explainer) list(ctx context.Context, what string, key feedKey, about func(*unstructured.Unstructured) string) *cache {
	e.mu.Lock()
	l := e.listings[key]
	if l == nil {
		l = &listing{cache: newCache(about)}
		e.listings[key] = l
	}
	e.mu.Unlock()
	l.once.Do(func() {
		_, err := e.w.Each(ctx, key.kind, key.namespace, key.selector, func(u *unstructured.Unstructured) { l.cache.put(withoutManagers(u)) })
		e.unreadable(what, key.namespace, err)
	})
	return l.cache
}

// eventsOf reads the events about objects.
func (e *explainer) eventsOf(ctx context.Context, namespace string, about ...*unstructured.Unstructured) []*unstructured.Unstructured {
	cache := e.list(ctx, "events", feedKey{kind: eventKind, namespace: namespace}, subjectOf)
	var all []*unstructured.Unstructured
	for _, u := range about {
		all = cache.appendTo(all, uidOf(u))
	}
	return all
}

func subjectOf(e *unstructured.Unstructured) string { return text(at(e, "involvedObject", "uid")) }

// explain looks into one target.
func (e *explainer) explain(ctx context.Context, target Target) []Cause {
	id := target.ID
	root, err := e.w.Get(ctx, target.Kind, id.Namespace, id.Name)
	switch {
	case apierrors.IsNotFound(err):
		return []Cause{{ID: id, State: gone, Headline: gone.Summary, Because: "somebody deleted it"}}
	case err == nil && target.UID != "" && uidOf(root) != target.UID:
		return []Cause{{ID: id, State: replaced, Headline: replaced.Summary, Because: "somebody deleted it and made another"}}
	case err != nil:
		e.mu.Lock()
		e.notes[fmt.Sprintf("%s cannot be read: %v", id, err)] = true
		e.mu.Unlock()
		if root = target.Live; root == nil {
			return nil
		}
	}
	state := target.toEnd(root, e.judge.Of(root))
	if state.Phase == Ready {
		if target.Found.Phase != Failed {
			return nil
		}
		state = target.Found
	}
	c := collected{id: id, state: state, family: family{root: root}}
	e.collect(ctx, &c)
	causes := c.causes(time.Now())
	for i := range causes {
		e.addLog(ctx, id.Namespace, &causes[i])
	}
	out := make([]Cause, len(causes))
	for i, found := range causes {
		out[i] = found.Cause
	}
	return out
}

// collect reads what a target is made of.
func (e *explainer) collect(ctx context.Context, c *collected) {
	ns := c.id.Namespace
	if c.id.GroupKind() == podKind.GroupKind() {
		c.pods = []*unstructured.Unstructured{c.root}
	}
	if selector := podSelector(c.root); hasPods(c.id) && selector != "" {
		if e.many[ns] {
			selector = ""
		}
		pods := e.list(ctx, "pods", feedKey{podKind, ns, selector}, ownerOf)
		c.pods = pods.appendTo(nil, uidOf(c.root))
		if c.id.Kind == "Deployment" {
			c.sets = e.list(ctx, "replica sets", feedKey{replicaSetKind, ns, selector}, ownerOf).appendTo(nil, uidOf(c.root))
			for _, rs := range c.sets {
				c.pods = pods.appendTo(c.pods, uidOf(rs))
			}
		}
	}
	if ns == "" {
		return
	}
	for _, claim := range c.pendingClaims() {
		u, err := e.w.Get(ctx, claimKind, ns, claim)
		if apierrors.IsNotFound(err) {
			c.noClaims = append(c.noClaims, claim)
			continue
		}
		if !e.unreadable("claims", ns, err) {
			c.claims = append(c.claims, u)
		}
	}
	about := slices.Concat([]*unstructured.Unstructured{c.root}, c.sets, c.pods, c.claims)
	c.events = e.eventsOf(ctx, ns, about...)
}

// addLog adds the last lines of the container that a cause is about.
func (e *explainer) addLog(ctx context.Context, namespace string, c *finding) {
	if c.logOf == "" {
		return
	}
	log, err := e.w.Logs(ctx, namespace, c.logPod, c.logOf, c.logPrevious, logLines)
	if err != nil && c.logPrevious {
		// A runtime keeps the container before this one only for a while.
		log, err = e.w.Logs(ctx, namespace, c.logPod, c.logOf, false, logLines)
	}
	lines := lastLines(log, logLines)
	if err != nil || len(lines) == 0 {
		return
	}
	c.Because += "; its last lines:"
	c.Detail = append(lines, c.Detail...)
}
