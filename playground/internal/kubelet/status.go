package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status is the pod's status as a kubelet would write it, made from the one the API server has.
func (p *Pod) Status(base corev1.PodStatus, now time.Time) corev1.PodStatus {
	s := *base.DeepCopy()
	s.ObservedGeneration = p.object.Generation
	s.Phase = p.phase()
	if p.evicted {
		s.Reason, s.Message = evictedReason, evictedMessage
	}
	s.HostIP, s.HostIPs = p.hostIP, []corev1.HostIP{{IP: p.hostIP}}
	if p.mounted {
		s.PodIP, s.PodIPs = p.ip, []corev1.PodIP{{IP: p.ip}}
	}
	start := metav1.NewTime(p.startedAt)
	s.StartTime = &start
	s.InitContainerStatuses, s.ContainerStatuses = nil, nil
	idle := "ContainerCreating"
	if len(p.object.Spec.InitContainers) > 0 {
		idle = "PodInitializing"
	}
	for _, c := range p.containers {
		if c.init {
			s.InitContainerStatuses = append(s.InitContainerStatuses, c.status(now, idle))
		} else {
			s.ContainerStatuses = append(s.ContainerStatuses, c.status(now, idle))
		}
	}
	for _, condition := range p.conditions(s.Conditions, now) {
		setCondition(&s, condition, p.object.Generation, now)
	}
	return s
}

// phase follows the kubelet's getPhase.
func (p *Pod) phase() corev1.PodPhase {
	if p.evicted {
		return corev1.PodFailed
	}
	policy := p.object.Spec.RestartPolicy
	var up, stopped, succeeded, idle int
	for _, c := range p.containers {
		switch {
		case c.init && c.sidecar:
			if c.starts == 0 {
				return corev1.PodPending
			}
		case c.init && c.done():
		case c.init && c.state == exited && policy == corev1.RestartPolicyNever:
			return corev1.PodFailed
		case c.init:
			return corev1.PodPending
		case c.state == running:
			up++
		case c.state == exited:
			stopped++
			if c.done() {
				succeeded++
			}
		default:
			idle++
		}
	}
	switch {
	case idle > 0:
		return corev1.PodPending
	case up > 0 || policy == corev1.RestartPolicyAlways && !p.terminating():
		return corev1.PodRunning
	case stopped == succeeded:
		return corev1.PodSucceeded
	case policy == corev1.RestartPolicyOnFailure && !p.terminating():
		return corev1.PodRunning
	}
	return corev1.PodFailed
}

// conditions are those that a kubelet owns; others on the object count where it has readiness gates.
func (p *Pod) conditions(others []corev1.PodCondition, now time.Time) []corev1.PodCondition {
	var unready, unfinished []string
	for _, c := range p.containers {
		switch {
		case c.init && !c.sidecar:
			if !c.done() {
				unfinished = append(unfinished, c.spec.Name)
			}
			continue
		case c.sidecar && !c.started(now):
			unfinished = append(unfinished, c.spec.Name)
		}
		if !c.ready(now) {
			unready = append(unready, c.spec.Name)
		}
	}
	initialized := condition(corev1.PodInitialized, "", "")
	if len(unfinished) > 0 && !p.begun() {
		initialized = condition(corev1.PodInitialized, "ContainersNotInitialized",
			fmt.Sprintf("containers with incomplete status: %s", unfinished))
	}
	reason, message := "", ""
	switch phase := p.phase(); {
	case phase == corev1.PodSucceeded:
		initialized.Reason = "PodCompleted"
		reason = "PodCompleted"
	case phase == corev1.PodFailed:
		reason = "PodFailed"
	case len(unready) > 0:
		reason, message = "ContainersNotReady", fmt.Sprintf("containers with unready status: %s", unready)
	}
	containersReady := condition(corev1.ContainersReady, reason, message)
	ready := condition(corev1.PodReady, reason, message)
	if gates := p.closedGates(others); reason == "" && gates != "" {
		ready = condition(corev1.PodReady, "ReadinessGatesNotReady", gates)
	}
	sandbox := corev1.PodCondition{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse}
	if p.mounted && !p.ended() {
		sandbox.Status = corev1.ConditionTrue
	}
	return []corev1.PodCondition{sandbox, initialized, ready, containersReady}
}

// closedGates says which readiness gates keep the pod from being ready.
func (p *Pod) closedGates(conditions []corev1.PodCondition) string {
	var closed []string
	for _, gate := range p.object.Spec.ReadinessGates {
		text := fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType)
		for _, c := range conditions {
			if c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue {
				text = ""
			} else if c.Type == gate.ConditionType {
				text = fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", gate.ConditionType, c.Status)
			}
		}
		if text != "" {
			closed = append(closed, text)
		}
	}
	return strings.Join(closed, ", ")
}

// condition is true without a reason, and false with one.
func condition(kind corev1.PodConditionType, reason, message string) corev1.PodCondition {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message}
	if reason != "" {
		c.Status = corev1.ConditionFalse
	}
	return c
}

// setCondition puts a condition in its place and keeps the transition time of one that says the same as before.
func setCondition(s *corev1.PodStatus, c corev1.PodCondition, generation int64, now time.Time) {
	c.ObservedGeneration = generation
	c.LastTransitionTime = metav1.NewTime(now)
	for i, old := range s.Conditions {
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
		s.Conditions[i] = c
		return
	}
	s.Conditions = append(s.Conditions, c)
}
