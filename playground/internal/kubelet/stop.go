package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

func (p *Pod) terminating() bool { return p.object.DeletionTimestamp != nil }

// stop ends the containers of a pod that is being deleted: shortly after SIGTERM, or with SIGKILL at the end of the grace period.
func (p *Pod) stop(now time.Time) {
	if p.killAt.IsZero() {
		p.killAt = now
		for _, c := range p.containers {
			if c.state != running {
				continue
			}
			p.note(c, "Killing", "Stopping container "+c.spec.Name)
			c.due = now.Add(stopTime)
			if c.behavior.IgnoreTerm {
				c.due = now.Add(p.grace())
			}
			if c.due.After(p.killAt) {
				p.killAt = c.due
			}
		}
	}
	if now.Before(p.killAt) {
		return
	}
	for _, c := range p.containers {
		if c.state != running {
			continue
		}
		if c.behavior.IgnoreTerm {
			c.exit(p.killAt, 137, "Error")
		} else {
			c.exit(p.killAt, 0, "Completed")
		}
	}
}

// Stopped reports whether the object may go.
func (p *Pod) Stopped(now time.Time) bool {
	return p.terminating() && !p.killAt.IsZero() && !now.Before(p.killAt)
}

func (p *Pod) grace() time.Duration {
	if s := p.object.DeletionGracePeriodSeconds; s != nil {
		return time.Duration(*s) * time.Second
	}
	return 30 * time.Second
}

// ended reports whether the pod has come to its end and nothing in it will be started again.
func (p *Pod) ended() bool {
	phase := p.phase()
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}
