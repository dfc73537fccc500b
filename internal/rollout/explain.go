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

	"github.com/belay-sh/belay/internal/object"
)

const (
	// explainParallel bounds the targets that are looked into at once.
	explainParallel = 16
	// logLines is how much of a log a cause shows.
	logLines = 10
)

// Explain finds why targets are not ready, in their order; those that are ready
// by now have no cause; j is the bundle's own say about kinds. What cannot be read is left out of the diagnosis, and
// said in its notes.
func Explain(ctx context.Context, w Watcher, j *Judge, targets []Target) Diagnosis {
	e := &explainer{w: w, judge: j, events: map[string]*namespaceEvents{}, notes: map[string]bool{}}
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

// explainer reads what a diagnosis needs, events once per namespace.
type explainer struct {
	w      Watcher
	judge  *Judge
	mu     sync.Mutex
	events map[string]*namespaceEvents
	notes  map[string]bool
}

type namespaceEvents struct {
	once sync.Once
	list []*unstructured.Unstructured
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

func (e *explainer) list(ctx context.Context, what string, k object.Kind, namespace, selector string) []*unstructured.Unstructured {
	list, err := e.w.List(ctx, k, namespace, selector)
	if e.unreadable(what, namespace, err) {
		return nil
	}
	return pointers(list)
}

func (e *explainer) eventsOf(ctx context.Context, namespace string) []*unstructured.Unstructured {
	e.mu.Lock()
	n := e.events[namespace]
	if n == nil {
		n = &namespaceEvents{}
		e.events[namespace] = n
	}
	e.mu.Unlock()
	n.once.Do(func() { n.list = e.list(ctx, "events", eventKind, namespace, "") })
	return n.list
}

// explain looks into one target.
func (e *explainer) explain(ctx context.Context, target Target) []Cause {
	id := target.ID
	root, err := e.w.Get(ctx, target.Kind, id.Namespace, id.Name)
	switch {
	case apierrors.IsNotFound(err):
		return []Cause{{ID: id, State: State{Phase: Missing, Summary: "gone"}, Headline: "gone", Because: "somebody deleted it"}}
	case err != nil:
		e.mu.Lock()
		e.notes[fmt.Sprintf("%s cannot be read: %v", id, err)] = true
		e.mu.Unlock()
		if root = target.Live; root == nil {
			return nil
		}
	}
	state := e.judge.Of(root)
	if state.Phase == Ready {
		return nil
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
		if c.id.Kind == "Deployment" {
			c.sets = e.list(ctx, "replica sets", replicaSetKind, ns, selector)
		}
		c.pods = e.list(ctx, "pods", podKind, ns, selector)
	}
	if ns == "" || len(c.pods) == 0 && !hasPods(c.id) {
		return
	}
	c.events = e.eventsOf(ctx, ns)
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
	c.Detail = append(c.Detail, lines...)
}
