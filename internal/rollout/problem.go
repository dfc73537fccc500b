package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/policy"
)

// trouble is a class of what can hold a pod up; a class has one budget.
type trouble int

// The troubles, the most telling first.
const (
	none          trouble = iota
	badImage              // the image cannot be pulled, and another try will not help
	pull                  // the image cannot be pulled at the moment
	config                // a ConfigMap, Secret, key or volume is missing
	start                 // the container cannot be started
	crash                 // a container ends again and again
	quota                 // pods are refused
	unschedulable         // no node takes the pod
	ended                 // the pod failed, and is not restarted
	unready               // it runs, and its probes say no; that may take any time
	gated                 // somebody else has to let it go
)

// problem is what holds one pod up.
type problem struct {
	class trouble
	// pod is nil where pods are refused.
	pod *unstructured.Unstructured
	// container is empty where it is the pod's; init where it runs before the others.
	container string
	init      bool
	image     string
	// reason is the kubelet's or controller's word, message its text.
	reason, message string
	// crashes counts how often the container ended; exit is how it last did, at ended.
	crashes int64
	exit    int64
	ended   time.Time
	// settled is true when the container is down now: it waits to be restarted.
	settled bool
}

// key names a problem across observations.
func (p problem) key() string {
	uid := ""
	if p.pod != nil {
		uid = uidOf(p.pod)
	}
	return uid + "/" + p.container
}

// waits maps the kubelet's words for a container that does not start.
var waits = map[string]trouble{
	"ErrImagePull":               pull,
	"ImagePullBackOff":           pull,
	"RegistryUnavailable":        pull,
	"SignatureValidationFailed":  badImage,
	"InvalidImageName":           badImage,
	"ErrImageNeverPull":          badImage,
	"ImageInspectError":          badImage,
	"CreateContainerConfigError": config,
	"CreateContainerError":       start,
	"RunContainerError":          start,
	"PreCreateHookError":         start,
	"PreStartHookError":          start,
	"PostStartHookError":         start,
	"CrashLoopBackOff":           crash,
}

// problemsOf finds what holds a pod up: nothing, or what its containers say, or
// what the scheduler says. It is pure, and knows no budgets.
func problemsOf(pod *unstructured.Unstructured) []problem {
	phase := text(at(pod, "status", "phase"))
	if deleting(pod) || phase == "Succeeded" || conditionOf(pod, "Ready").Status == "True" {
		return nil
	}
	if reason := text(at(pod, "status", "reason")); phase == "Failed" && reason != "" {
		// The pod as a whole was ended: how its containers took it is no cause.
		return []problem{{class: ended, pod: pod, reason: reason, message: text(at(pod, "status", "message")), settled: true}}
	}
	var all []problem
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, status := range items(at(pod, "status", list)) {
			p := containerProblem(status)
			if p.class == none {
				continue
			}
			p.pod, p.container, p.init = pod, text(in(status, "name")), list == "initContainerStatuses"
			p.image = imageOf(pod, p.container, text(in(status, "image")))
			all = append(all, p)
		}
	}
	if c := conditionOf(pod, "PodScheduled"); c.Status == "False" {
		p := problem{class: unschedulable, pod: pod, reason: c.Reason, message: c.Message}
		if c.Reason == "SchedulingGated" {
			p.class, p.message = gated, "its scheduling gates: "+names(at(pod, "spec", "schedulingGates"), "name")
		}
		all = append(all, p)
	}
	if c := conditionOf(pod, "Ready"); len(all) == 0 && c.Reason == "ReadinessGatesNotReady" {
		all = append(all, problem{class: gated, pod: pod, reason: c.Reason, message: "its readiness gates: " + names(at(pod, "spec", "readinessGates"), "conditionType")})
	}
	if phase == "Failed" && len(all) == 0 {
		all = append(all, problem{class: ended, pod: pod, reason: text(at(pod, "status", "reason")), message: text(at(pod, "status", "message")), settled: true})
	}
	slices.SortStableFunc(all, func(a, b problem) int { return cmp.Compare(a.class, b.class) })
	return all
}

// names lists a field of the items of a list.
func names(list any, field string) string {
	var all []string
	for _, item := range items(list) {
		all = append(all, text(in(item, field)))
	}
	return strings.Join(all, ", ")
}

func containerProblem(status any) problem {
	waiting, running := in(status, "state", "waiting"), in(status, "state", "running")
	terminated, last := in(status, "state", "terminated"), in(status, "lastState", "terminated")
	restarts := number(in(status, "restartCount"), 0)
	p := problem{reason: text(in(waiting, "reason")), message: text(in(waiting, "message"))}
	switch {
	case waiting != nil:
		p.class = waits[p.reason]
		if p.class == pull && isLasting(p.message) {
			p.class = badImage
		}
		if p.class == crash {
			p.ends(last, restarts+1)
		}
	case terminated != nil:
		if number(in(terminated, "exitCode"), 0) == 0 {
			return problem{} // a first container that is done, or one that will come again
		}
		p.class = crash
		p.ends(terminated, restarts+1)
	case running != nil && !yes(in(status, "ready")):
		p.class = unready
		if restarts > 0 {
			p.class = crash
			p.ends(last, restarts)
			p.settled = false
		}
	}
	return p
}

// ends notes how a container last ended.
func (p *problem) ends(terminated any, crashes int64) {
	p.settled, p.crashes = true, crashes
	p.exit = number(in(terminated, "exitCode"), 0)
	p.ended = moment(in(terminated, "finishedAt"))
	if r := text(in(terminated, "reason")); r != "" && r != "Error" && r != "Completed" {
		p.reason = r
	}
	if p.reason == "" {
		p.reason = "CrashLoopBackOff"
	}
	if m := text(in(terminated, "message")); m != "" && p.reason != "OOMKilled" {
		p.message = m
	}
}

// imageOf is the image as the manifest writes it.
func imageOf(pod *unstructured.Unstructured, container, otherwise string) string {
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range items(at(pod, "spec", list)) {
			if text(in(c, "name")) == container {
				return text(in(c, "image"))
			}
		}
	}
	return otherwise
}

// refusal finds that a controller may not create pods.
func refusal(u *unstructured.Unstructured) problem {
	c := conditionOf(u, "ReplicaFailure")
	if c.Status != "True" || c.Reason != failedCreate {
		return problem{}
	}
	return problem{class: quota, reason: c.Reason, message: c.Message}
}

// budgetOf is how long a problem may last before it is certain; 0 is for ever.
func budgetOf(p problem, pol policy.Policy) time.Duration {
	var d time.Duration
	switch p.class {
	case badImage:
		d = PullFailAfter
	case pull:
		d = PullRetryAfter
	case config, start:
		d = ConfigFailAfter
	case quota:
		d = QuotaFailAfter
	case unschedulable:
		d = UnschedulableAfter
	case crash:
		if pol.FailAfter > 0 { // the number of crashes is what people set; this makes it count sooner
			return min(pol.FailAfter, CrashFailAfter)
		}
		return CrashFailAfter
	default:
		return 0
	}
	if pol.FailAfter > 0 {
		d = pol.FailAfter
	}
	return d
}

// sightings remembers when problems were first seen, on our own clock: the
// cluster's may be another.
type sightings map[string]sighting

type sighting struct {
	class trouble
	since time.Time
}

// certain returns the first problem that has lasted longer than it may. What is
// no longer a problem is forgotten.
func (s sightings) certain(now time.Time, pol policy.Policy, found []problem) (problem, bool) {
	seen := make(map[string]bool, len(found))
	var worst problem
	for _, p := range found {
		key := p.key()
		if seen[key] {
			continue
		}
		seen[key] = true
		first, known := s[key]
		switch {
		case !known || !sameTrouble(first.class, p.class):
			first = sighting{class: p.class, since: now}
		case p.class == pull && first.class == badImage && !strings.Contains(p.message, ": "):
			p.class = badImage // a back-off does not repeat why
		}
		first.class = p.class
		s[key] = first
		if worst.class == none && p.isCertain(now.Sub(first.since), pol) {
			worst = p
		}
	}
	for key := range s {
		if !seen[key] && s[key].class != crash { // between crashes it may look well
			delete(s, key)
		}
	}
	return worst, worst.class != none
}

func sameTrouble(a, b trouble) bool {
	images := []trouble{pull, badImage}
	return a == b || slices.Contains(images, a) && slices.Contains(images, b)
}

func (p problem) isCertain(lasted time.Duration, pol policy.Policy) bool {
	budget := budgetOf(p, pol)
	if budget == 0 || lasted < budget {
		return false
	}
	if p.class != crash {
		return true
	}
	limit := int64(CrashMax)
	if pol.MaxRestarts > 0 {
		limit = int64(pol.MaxRestarts)
	}
	return p.settled && p.crashes >= limit
}

// troubleOf is the word for what holds a workload up, while that may pass.
func troubleOf(found []problem) string {
	var worst problem
	for _, p := range found {
		switch {
		case p.class == none || p.class == unready:
		case worst.class == none, p.class < worst.class, p.class == worst.class && p.word() < worst.word():
			worst = p
		}
	}
	if worst.class == none {
		return ""
	}
	return worst.word()
}

// word is the reason as people know it.
func (p problem) word() string {
	switch p.reason {
	case "ErrImagePull":
		return "ImagePullBackOff"
	case "":
		if p.class == quota {
			return failedCreate
		}
	}
	if p.class == crash {
		return "CrashLoopBackOff"
	}
	return p.reason
}
