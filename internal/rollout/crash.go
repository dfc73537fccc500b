package rollout

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// forgiven is after how long a container has run well the kubelet forgets its crashes.
const forgiven = 10 * time.Minute

// ends are the ways in which a Job's pods ended.
func (c *collected) ends() []problem {
	var all []problem
	for _, pod := range c.pods {
		if !owned(pod, uidOf(c.root)) {
			continue
		}
		for _, p := range problemsOf(pod) {
			if p.class == crash || p.class == ended {
				all = append(all, p)
			}
		}
	}
	return all
}

// fallen are the last crashes of pods that run again, and hold nothing up at this
// moment.
func (c *collected) fallen(now time.Time) []problem {
	var all []problem
	current, _ := c.split()
	for _, pod := range current {
		for _, p := range crashesOf(pod) {
			if now.Sub(p.ended) < forgiven {
				all = append(all, p)
			}
		}
	}
	return all
}

// crashesOf finds how the containers of a pod that runs last ended.
func crashesOf(pod *unstructured.Unstructured) []problem {
	var all []problem
	for _, status := range items(at(pod, "status", "containerStatuses")) {
		restarts := number(in(status, "restartCount"), 0)
		last := in(status, "lastState", "terminated")
		if deleting(pod) || restarts == 0 || last == nil || in(status, "state", "running") == nil {
			continue
		}
		p := problem{class: crash, pod: pod, container: text(in(status, "name"))}
		p.ends(last, restarts)
		p.image, p.settled = imageOf(pod, p.container, text(in(status, "image"))), false
		all = append(all, p)
	}
	return all
}

func (c *collected) describeCrash(f *finding, p problem, now time.Time) {
	name := p.pod.GetName()
	how, why := exitWords(p.exit), ""
	if probe := killedBy(p.container, eventsOf(p.pod, c.events)); probe != "" && p.reason != "OOMKilled" {
		how, why = "was killed", " for its "+probe
	}
	switch p.reason {
	case "OOMKilled":
		how, why = "was killed", " for want of memory"
		if limit := limitOf(p.pod, p.container, "memory"); limit != "" {
			why = " for using more than its memory limit of " + limit
		}
	case "StartError", "ContainerCannotRun":
		f.Because = fmt.Sprintf("%s of %s cannot be started: %s", p.containerName(), failAsID(p.pod), startWords(p))
		return
	}
	f.Because = fmt.Sprintf("%s of %s %s", p.containerName(), failAsID(p.pod), how)
	if p.crashes > 1 {
		f.Because += " " + times(p.crashes)
	}
	f.Because += why
	if ago := now.Sub(p.ended); !p.ended.IsZero() && ago >= 0 {
		f.Because += ", last " + duration(ago) + " ago"
	}
	f.logPod, f.logOf = name, p.container
	f.See = []string{"logs", name, "-c", p.container}
	// A container that is down shows its own log; the one before it is asked for
	// when it is being made again.
	if terminated := containerStatus(p.pod, p.container); in(terminated, "state", "terminated") == nil {
		f.logPrevious = true
		f.See = append(f.See, "--previous")
	}
}

func containerStatus(pod *unstructured.Unstructured, container string) any {
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, s := range items(at(pod, "status", list)) {
			if text(in(s, "name")) == container {
				return s
			}
		}
	}
	return nil
}

func limitOf(pod *unstructured.Unstructured, container, resource string) string {
	for _, list := range []string{"initContainers", "containers"} {
		for _, s := range items(at(pod, "spec", list)) {
			if text(in(s, "name")) == container {
				return text(in(s, "resources", "limits", resource))
			}
		}
	}
	return ""
}
