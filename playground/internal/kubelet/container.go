package kubelet

import (
	"crypto/sha256"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type state int

const (
	waiting state = iota // was never started
	running
	exited
)

// container is one pretended container.
type container struct {
	spec     corev1.Container
	init     bool // an init container, sidecars included
	sidecar  bool
	behavior Behavior
	invalid  error // what is wrong with the behavior annotation

	state      state
	starts     int
	startedAt  time.Time
	finishedAt time.Time
	code       int32
	exitReason string
	// exitMessage is the runtime's word for an end that its own fault is.
	exitMessage string
	previous    *corev1.ContainerStateTerminated // how the run before ended

	reason, message string // why it is not running; with a reason, the status says waiting
	due             time.Time
	pulling         bool
	pulls, restarts backoff
	nextProbe       time.Time
	nextLive        time.Time
	failures        int // of the probe that will kill it, since the start

	log, previousLog []logLine
}

// run starts the container.
func (c *container) run(now time.Time) {
	if c.state == exited {
		c.previous = c.terminated()
		c.previousLog = c.log
	}
	c.state, c.reason, c.message, c.due = running, "", "", time.Time{}
	c.starts++
	c.startedAt, c.exitMessage, c.failures = now, "", 0
	c.log = nil
	c.say(now, fmt.Sprintf("level=info msg=\"starting\" container=%s image=%s", c.spec.Name, c.spec.Image))
	if after, _, _ := c.behavior.exit(c.starts); after > 0 {
		c.due = now.Add(after)
	}
	if probe := c.probe(); probe != nil {
		c.nextProbe = now.Add(firstProbe(probe))
	}
	if probe := c.spec.LivenessProbe; probe != nil {
		c.nextLive = now.Add(firstProbe(probe))
	}
}

// exit ends the container's run.
func (c *container) exit(at time.Time, code int32, reason string) {
	c.state, c.finishedAt, c.code, c.exitReason, c.due = exited, at, code, reason, time.Time{}
}

// done reports whether it has ended well.
func (c *container) done() bool { return c.state == exited && c.code == 0 }

// readyAt returns when the container is ready; never, if it is not running or will not be.
func (c *container) readyAt() (time.Time, bool) {
	if c.state != running || c.behavior.NeverReady {
		return time.Time{}, false
	}
	return c.startedAt.Add(c.behavior.ReadyAfter), true
}

func (c *container) ready(now time.Time) bool {
	at, ok := c.readyAt()
	return ok && !now.Before(at)
}

// started reports whether the startup probe, if there is one, has succeeded.
func (c *container) started(now time.Time) bool {
	return c.state == running && (c.spec.StartupProbe == nil || c.ready(now))
}

// probe is the one that fails while the container is not ready.
func (c *container) probe() *corev1.Probe {
	if c.spec.StartupProbe != nil {
		return c.spec.StartupProbe
	}
	return c.spec.ReadinessProbe
}

// next returns when the container needs attention by itself, the zero time if it does not.
func (c *container) next(now time.Time) time.Time {
	next := c.due
	if c.state == running && c.behavior.Evicted {
		next = earlier(next, c.startedAt.Add(crashTime))
	}
	if at, ok := c.diesAt(); ok && c.spec.LivenessProbe != nil {
		next = earlier(next, later(c.nextLive, at))
	}
	if c.state != running || c.ready(now) {
		return next
	}
	if at, ok := c.readyAt(); ok {
		next = earlier(next, at)
	}
	if c.probe() != nil {
		next = earlier(next, c.nextProbe)
	}
	return next
}

func (c *container) id() string {
	return fmt.Sprintf("containerd://%x", sha256.Sum256(fmt.Appendf(nil, "%s %d %d", c.spec.Name, c.starts, c.startedAt.UnixNano())))
}

// terminated is the state of a container that has exited.
func (c *container) terminated() *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{
		ExitCode: c.code, Reason: c.exitReason, Message: c.exitMessage, ContainerID: c.id(),
		StartedAt: metav1.NewTime(c.startedAt), FinishedAt: metav1.NewTime(c.finishedAt),
	}
}

// status is the container as the API shows it; idle is the reason of one that waits for nothing in particular.
func (c *container) status(now time.Time, idle string) corev1.ContainerStatus {
	up := c.started(now)
	s := corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, RestartCount: int32(max(c.starts-1, 0)), Started: &up,
		Ready: c.ready(now) || c.init && !c.sidecar && c.done(),
	}
	if c.starts > 0 {
		s.ContainerID, s.ImageID = c.id(), imageID(c.spec.Image)
	}
	last := c.previous
	switch {
	case c.state == running:
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.startedAt)}
		s.AllocatedResources = c.spec.Resources.Requests
		s.Resources = c.spec.Resources.DeepCopy()
	case c.state == exited && c.reason == "":
		s.State.Terminated = c.terminated()
	case c.state == exited:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: c.reason, Message: c.message}
		last = c.terminated()
	case c.reason != "":
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: c.reason, Message: c.message}
	default:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: idle}
	}
	s.LastTerminationState.Terminated = last
	return s
}

func imageID(image string) string {
	return fmt.Sprintf("%s@sha256:%x", image, sha256.Sum256([]byte(image)))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earlier returns the earlier of two times, where a zero one means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
