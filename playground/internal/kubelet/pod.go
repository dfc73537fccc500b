package kubelet

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Event is something a kubelet would record about a pod. Container is the field path of the container it is about, "" for the pod.
type Event struct {
	Type, Reason, Message, FieldPath string
}

// Lookup returns the keys of a ConfigMap or Secret in the pod's namespace, and whether the object exists.
type Lookup func(kind, name string) (keys map[string]bool, exists bool, err error)

// Pod is one pod's pretended containers. It is not safe for concurrent use.
type Pod struct {
	object     *corev1.Pod
	images     *imageStore
	lookup     Lookup
	ip         string
	hostIP     string
	startedAt  time.Time
	containers []*container // init containers first
	mounted    bool         // the volumes are there
	mountDue   time.Time
	mountDelay time.Duration
	evicted    bool      // its node has ended it
	killAt     time.Time // when the last container dies, once the pod is being deleted
	events     []Event
}

// NewPod begins the life of a pod that was bound to a node.
func NewPod(object *corev1.Pod, images *imageStore, lookup Lookup, ip, hostIP string, now time.Time) *Pod {
	p := &Pod{object: object, images: images, lookup: lookup, ip: ip, hostIP: hostIP, startedAt: now}
	if object.Spec.HostNetwork {
		p.ip = hostIP
	}
	add := func(spec corev1.Container, init bool) {
		c := &container{spec: spec, init: init, sidecar: init && isSidecar(&spec)}
		c.behavior, c.invalid = behaviorOf(object, &spec, init)
		p.containers = append(p.containers, c)
	}
	for _, c := range object.Spec.InitContainers {
		add(c, true)
	}
	for _, c := range object.Spec.Containers {
		add(c, false)
	}
	return p
}

// Update takes a newer version of the object.
func (p *Pod) Update(object *corev1.Pod) { p.object = object }

// Events returns what happened since the last call.
func (p *Pod) Events() []Event {
	events := p.events
	p.events = nil
	return events
}

// Sync brings the pod to now: it ends what ends by itself and starts what is to be started.
func (p *Pod) Sync(now time.Time) {
	if p.terminating() {
		p.stop(now)
		return
	}
	for _, c := range p.containers {
		p.age(c, now)
	}
	p.evict(now)
	if p.ended() || !p.mount(now) {
		return
	}
	begun := p.begun()
	for _, c := range p.containers {
		if begun && c.init && !c.sidecar {
			continue
		}
		if ok := p.keep(c, now); c.init && !begun && !ok {
			return
		}
	}
}

// begun reports whether any container that is no init container was ever started: from then on all of them live on their own.
func (p *Pod) begun() bool {
	for _, c := range p.containers {
		if !c.init && c.starts > 0 {
			return true
		}
	}
	return false
}

// Next returns when Sync has something to do again; the zero time: not before the object changes.
func (p *Pod) Next(now time.Time) time.Time {
	if p.terminating() {
		return p.killAt
	}
	next := p.mountDue
	if p.ended() {
		return time.Time{}
	}
	for _, c := range p.containers {
		if c.state != exited || p.restarts(c) {
			next = earlier(next, c.next(now))
		}
	}
	return next
}

// age ends a container whose time has come, and lets its failing probe speak.
func (p *Pod) age(c *container, now time.Time) {
	if c.state != running {
		return
	}
	if !c.due.IsZero() && !now.Before(c.due) {
		_, code, reason := c.behavior.exit(c.starts)
		if code != 0 {
			c.say(c.due, cmp.Or(p.object.Annotations[LogAnnotation], lastWords(reason)))
		}
		c.exit(c.due, code, reason)
		c.due = c.finishedAt.Add(relist)
		return
	}
	p.probes(c, now)
}

// keep sees that a container runs or has run, as its pod wants it, and reports whether those behind it may start.
func (p *Pod) keep(c *container, now time.Time) bool {
	switch {
	case c.state == running:
		return c.sidecar && c.started(now)
	case c.state == exited && !p.restarts(c):
		return c.done()
	case !now.Before(c.due):
		p.start(c, now)
	}
	return c.sidecar && c.started(now)
}

// restarts reports whether an exited container is started again.
func (p *Pod) restarts(c *container) bool {
	switch {
	case c.sidecar:
		return true
	case c.init:
		return !c.done() && p.object.Spec.RestartPolicy != corev1.RestartPolicyNever
	case p.object.Spec.RestartPolicy == corev1.RestartPolicyAlways:
		return true
	case p.object.Spec.RestartPolicy == corev1.RestartPolicyOnFailure:
		return !c.done()
	}
	return false
}

// start goes through what a kubelet does to start a container, as far as it gets now.
func (p *Pod) start(c *container, now time.Time) {
	if c.state == exited && !c.pulling {
		if end, held := c.restarts.until(c.finishedAt, now); held {
			name := fmt.Sprintf("%s_%s(%s)", p.object.Name, p.object.Namespace, p.object.UID)
			p.warn(c, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s", c.spec.Name, name))
			c.reason = "CrashLoopBackOff"
			c.message = fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", c.restarts.delay, c.spec.Name, name)
			c.due = earlier(end, now.Add(resync))
			return
		}
	}
	if !p.pull(c, now) {
		return
	}
	if message := p.configure(c); message != "" {
		p.fail(c, "CreateContainerConfigError", message, message, now.Add(resync))
		return
	}
	if c.state == exited {
		c.restarts.fail(c.finishedAt)
	}
	p.note(c, "Created", "Container created")
	if p.cannotStart(c, now) {
		return
	}
	p.note(c, "Started", "Container started")
	c.run(now)
}

// fail leaves a container waiting.
func (p *Pod) fail(c *container, reason, event, message string, due time.Time) {
	p.warn(c, "Failed", "Error: "+event)
	c.reason, c.message, c.due = reason, message, due
}

func (p *Pod) note(c *container, reason, message string) {
	p.events = append(p.events, Event{corev1.EventTypeNormal, reason, message, c.fieldPath()})
}

func (p *Pod) warn(c *container, reason, message string) {
	p.events = append(p.events, Event{corev1.EventTypeWarning, reason, message, c.fieldPath()})
}

// fieldPath is what an event's involvedObject names the container by; a nil container is the pod.
func (c *container) fieldPath() string {
	switch {
	case c == nil:
		return ""
	case c.init:
		return "spec.initContainers{" + c.spec.Name + "}"
	}
	return "spec.containers{" + c.spec.Name + "}"
}
