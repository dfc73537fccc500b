package kubelet

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// What kubelets and runtimes say of pods that they cannot set up.
const (
	volumeError  = `MountVolume.SetUp failed for volume "data" : rpc error: code = Internal desc = mount failed: exit status 32: wrong fs type, bad option, bad superblock on /dev/sdb`
	attachError  = `Multi-Attach error for volume "pvc-6d5f7c8b" Volume is already exclusively attached to one node and can't be attached to another`
	networkError = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4f1c": plugin type="calico" failed (add): no podCidr for node node-1`
)

// startError is what a runtime says of a program that is not in the image.
func startError(program string) string {
	return `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: ` +
		`unable to start container process: error during container init: exec: "` + cmp.Or(program, "/app/server") + `": executable file not found in $PATH`
}

// cannotStart ends a run of a container before it began, if its behavior says so.
func (p *Pod) cannotStart(c *container, now time.Time) bool {
	message := c.behavior.StartError
	if message == "" {
		return false
	}
	if c.state == exited {
		c.previous = c.terminated()
	}
	p.warn(c, "Failed", "Error: "+message)
	c.reason, c.message = "", ""
	c.starts++
	c.startedAt, c.log = now, nil
	c.exit(now, 128, "StartError")
	c.exitMessage = message
	c.due = now.Add(relist)
	return true
}

// asRoot returns what a kubelet says of a container that must not run as root and would.
func (p *Pod) asRoot(c *container) string {
	var must bool
	var user int64
	if sc := p.object.Spec.SecurityContext; sc != nil {
		must = sc.RunAsNonRoot != nil && *sc.RunAsNonRoot
		if sc.RunAsUser != nil {
			user = *sc.RunAsUser
		}
	}
	if sc := c.spec.SecurityContext; sc != nil {
		if sc.RunAsNonRoot != nil {
			must = *sc.RunAsNonRoot
		}
		if sc.RunAsUser != nil {
			user = *sc.RunAsUser
		}
	}
	if !must || user != 0 || !c.behavior.Root {
		return ""
	}
	return fmt.Sprintf("container has runAsNonRoot and image will run as root (pod: \"%s_%s(%s)\", container: %s)",
		p.object.Name, p.object.Namespace, p.object.UID, c.spec.Name)
}

// setup returns what keeps the pod from being set up, nil for nothing.
func (p *Pod) setup() *Setup {
	for _, c := range p.containers {
		if c.behavior.Setup != nil {
			return c.behavior.Setup
		}
	}
	return nil
}

const (
	evictedReason  = "Evicted"
	evictedMessage = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 41208Ki. "
)

// evict ends a pod that its node wants to be rid of, a moment after it began.
func (p *Pod) evict(now time.Time) {
	for _, c := range p.containers {
		if p.evicted || !c.behavior.Evicted || c.state != running || now.Sub(c.startedAt) < crashTime {
			continue
		}
		p.evicted = true
		p.warn(nil, evictedReason, evictedMessage)
	}
	if !p.evicted {
		return
	}
	for _, c := range p.containers {
		if c.state == running {
			c.exit(now, 137, "Error")
		}
	}
}

// probes lets the failing probes of a running container speak, and kills it when they have spoken often enough.
func (p *Pod) probes(c *container, now time.Time) {
	if probe := c.probe(); probe != nil && !c.ready(now) && !now.Before(c.nextProbe) {
		c.nextProbe = now.Add(probePeriod(probe))
		startup := c.spec.StartupProbe != nil
		kind := "Readiness"
		if startup {
			kind = "Startup"
		}
		p.warn(c, "Unhealthy", probeFailure(probe, kind, p.ip))
		if c.failures++; startup && c.failures >= threshold(probe) {
			p.kill(c, "startup", now)
			return
		}
	}
	if probe := c.spec.LivenessProbe; probe != nil && p.dies(c, now) {
		c.nextLive = now.Add(probePeriod(probe))
		p.warn(c, "Unhealthy", probeFailure(probe, "Liveness", p.ip))
		if c.failures++; c.failures >= threshold(probe) {
			p.kill(c, "liveness", now)
		}
	}
}

// dies reports whether a liveness probe is due that fails.
func (p *Pod) dies(c *container, now time.Time) bool {
	at, ok := c.diesAt()
	return ok && !now.Before(at) && !now.Before(c.nextLive)
}

func threshold(probe *corev1.Probe) int { return max(int(probe.FailureThreshold), 1) }

// kill ends a container whose probe failed.
func (p *Pod) kill(c *container, probe string, now time.Time) {
	p.note(c, "Killing", fmt.Sprintf("Container %s failed %s probe, will be restarted", c.spec.Name, probe))
	c.exit(now, 137, "Error")
	c.due = now.Add(relist)
}

// diesAt returns from when on a running container fails its liveness probe; never, if it is well or its startup probe fails.
func (c *container) diesAt() (time.Time, bool) {
	if c.state != running || c.behavior.DeadAfter == nil {
		return time.Time{}, false
	}
	at := c.startedAt.Add(*c.behavior.DeadAfter)
	if c.spec.StartupProbe == nil {
		return at, true
	}
	up, ok := c.readyAt()
	return later(at, up), ok
}
