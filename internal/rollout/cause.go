package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// maxCauses bounds the causes shown for one object.
const maxCauses = 3

// collected is all that was read about one target.
type collected struct {
	id    object.ID
	state State
	family
	// claims are the claims of pods that wait for them, noClaims those that do not exist.
	claims   []*unstructured.Unstructured
	noClaims []string
}

// finding is a cause, and the container whose log belongs to it.
type finding struct {
	Cause
	logPod, logOf string
	logPrevious   bool
}

// causes finds the roots: the same one of many pods stands once. It is pure.
func (c *collected) causes(now time.Time) []finding {
	var all []finding
	for _, group := range c.groups(now) {
		f := c.describe(group[0], now)
		f.likewise(len(group) - 1)
		if pod := group[0].pod; pod != nil {
			if len(all) == 0 {
				c.addOrdinal(&f, pod)
			}
			c.addEviction(&f, pod)
		}
		all = append(all, f)
		if len(all) == maxCauses {
			break
		}
	}
	if len(all) == 0 {
		all = append(all, c.own())
	}
	for i := range all {
		all[i].ID, all[i].State, all[i].Headline, all[i].OldPods = c.id, c.state, c.headline(), c.serving()
		if len(all[i].See) == 0 {
			all[i].See = []string{"describe", see(c.id), c.id.Name}
		}
	}
	return all
}

// see is how kubectl names a kind: with its group where that is not built in.
func see(id object.ID) string {
	kind := strings.ToLower(id.Kind)
	if strings.Contains(id.Group, ".") && !strings.HasSuffix(id.Group, ".k8s.io") {
		return kind + "." + id.Group
	}
	return kind
}

// groups puts the pods' problems together by their root, in order of how much
// they tell; one pod counts with its first problem only.
func (c *collected) groups(now time.Time) [][]problem {
	all := c.problems()
	all = append(all, eventProblems(c.family)...)
	if c.root.GetKind() == "Job" && c.state.Phase == Failed {
		all = append(all, c.ends()...)
	}
	if len(all) == 0 {
		all = c.fallen(now)
	}
	slices.SortStableFunc(all, func(a, b problem) int {
		if a.class != b.class {
			return int(a.class - b.class)
		}
		if a.pod == nil || b.pod == nil {
			return 0
		}
		if by := b.ended.Compare(a.ended); by != 0 {
			return by
		}
		return strings.Compare(a.pod.GetName(), b.pod.GetName())
	})
	var order []string
	groups, counted := map[string][]problem{}, map[string]bool{}
	for _, p := range all {
		if p.pod != nil {
			if counted[uidOf(p.pod)] {
				continue
			}
			counted[uidOf(p.pod)] = true
		}
		root := fmt.Sprint(p.class, p.container, p.image, p.exit)
		if p.class == config || p.class == start {
			root += p.message
		}
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], p)
	}
	list := make([][]problem, len(order))
	for i, root := range order {
		list[i] = groups[root]
	}
	return list
}

// headline says what was expected and observed.
func (c *collected) headline() string {
	h := c.state.Summary
	if c.root.GetKind() == "Job" && c.state.Reason != "" {
		h += ": " + c.state.Reason
	}
	serving := c.serving()
	if serving == 0 {
		return h
	}
	h, _, _ = strings.Cut(h, ", ") // "2 old pods left" would say it twice
	return h + ", " + plural(serving, "old pod still serves", "old pods still serve")
}

// serving counts the pods of older revisions that serve.
func (c *collected) serving() int64 {
	if !hasPods(c.id) {
		return 0
	}
	_, old := c.split()
	var n int64
	for _, p := range old {
		if conditionOf(p, "Ready").Status == "True" {
			n++
		}
	}
	return n
}

// describe writes a problem out.
func (c *collected) describe(p problem, now time.Time) finding {
	if p.class == quota {
		return c.refused(p)
	}
	name := failAsID(p.pod)
	f := finding{Cause: Cause{See: []string{"describe", "pod", p.pod.GetName()}}}
	switch p.class {
	case badImage, pull:
		c.describePull(&f, p)
	case config:
		message, _, _ := strings.Cut(p.message, " (pod: ") // it stands there already
		f.Because = fmt.Sprintf("%s of %s cannot start: %s", p.containerName(), name, shorten(message))
		if p.container == "" {
			f.Because = name + " cannot start: " + setupWords(p.message)
		}
	case start:
		f.Because = fmt.Sprintf("%s of %s cannot be started: %s", p.containerName(), name, startWords(p))
	case crash:
		c.describeCrash(&f, p, now)
	case unschedulable:
		f.Because = name + " cannot be scheduled"
		f.Detail = append([]string{schedulerWords(p.message)}, c.claimWords()...)
	case ended:
		f.Because = name + " failed"
		if p.reason != "" {
			f.Because += ": " + p.reason
		}
		if p.message != "" {
			f.Detail = []string{shorten(p.message)}
		}
	case gated:
		f.Because = name + " waits for " + p.message
	case unready:
		f.Because = fmt.Sprintf("%s of %s runs, but is not ready", p.containerName(), name)
		if said := probeWords(eventsOf(p.pod, c.events)); said != "" {
			f.Because = name + " runs, but is not ready: " + said
		}
	}
	return f
}

func (p problem) containerName() string {
	if p.init {
		return "init container " + p.container
	}
	return "container " + p.container
}

func (c *collected) describePull(f *finding, p problem) {
	name := failAsID(p.pod)
	if p.reason == "InvalidImageName" {
		f.Because = fmt.Sprintf("%s cannot pull %s: this is no valid image name", name, p.image)
		return
	}
	f.Because = fmt.Sprintf("%s cannot pull %s", name, p.image)
	if p.reason == "ErrImageNeverPull" {
		f.Detail = []string{"it is not on the node, and imagePullPolicy is Never"}
		return
	}
	message := p.message
	tries, first, last := int64(0), time.Time{}, time.Time{}
	for _, e := range eventsOf(p.pod, c.events) {
		said := text(at(e, "message"))
		if text(at(e, "reason")) != "Failed" || !strings.Contains(said, "pull image") || !strings.Contains(said, p.image) {
			continue
		}
		message = said
		n, from, to := occurred(e)
		tries += n
		if first.IsZero() || from.Before(first) {
			first = from
		}
		if to.After(last) {
			last = to
		}
	}
	// What comes before is about the image, and holds its name.
	message = strings.ReplaceAll(message, p.image, "")
	said := fmt.Sprintf("%q", registryWords(message))
	switch took := last.Sub(first); {
	case tries > 1 && took >= time.Second:
		said += fmt.Sprintf(" (%d tries in %s)", tries, duration(took))
	case tries > 0:
		said += " (" + plural(tries, "try", "tries") + ")"
	}
	f.Detail = []string{said}
}

// occurred reads how often an event was seen, first and last.
func occurred(e *unstructured.Unstructured) (n int64, first, last time.Time) {
	n = max(number(at(e, "count"), 1), number(at(e, "series", "count"), 1), 1)
	first, last = moment(at(e, "firstTimestamp")), moment(at(e, "lastTimestamp"))
	if first.IsZero() {
		first = moment(at(e, "eventTime"))
	}
	if t := moment(at(e, "series", "lastObservedTime")); t.After(last) {
		last = t
	}
	if last.IsZero() {
		last = first
	}
	return n, first, last
}

// refused describes pods that a controller may not make.
func (c *collected) refused(p problem) finding {
	owner := c.root
	if rs := c.newest(); rs != nil {
		owner = rs
	}
	message := shorten(p.message)
	// "pods "front-x" is forbidden: exceeded quota: …": the rest is what counts.
	if _, rest, ok := strings.Cut(message, " is forbidden: "); ok {
		message = rest
	}
	return finding{Cause: Cause{
		Because: failAsID(owner) + " may not create pods",
		Detail:  []string{message},
		See:     []string{"describe", strings.ToLower(owner.GetKind()), owner.GetName()},
	}}
}

// likewise says how many more pods have the same cause.
func (f *finding) likewise(more int) {
	if more <= 0 {
		return
	}
	text := plural(int64(more), "more pod likewise", "more pods likewise")
	if n := len(f.Detail); n > 0 && f.logOf == "" {
		if head, ok := strings.CutSuffix(f.Detail[n-1], ")"); ok && strings.HasPrefix(head, `"`) {
			f.Detail[n-1] = head + "; " + text + ")"
			return
		}
	}
	f.Because += " (" + text + ")"
}

// own is the cause of what has no pods to blame: its own conditions.
func (c *collected) own() finding {
	f := finding{}
	if c.state.Reason == deadlineExceeded {
		f.Because = fmt.Sprintf("it made no progress for %ds (spec.progressDeadlineSeconds)", number(at(c.root, "spec", "progressDeadlineSeconds"), 600))
	}
	if c.root.GetKind() == "Job" && c.state.Reason == "DeadlineExceeded" {
		f.Because = fmt.Sprintf("it ran longer than %ds (spec.activeDeadlineSeconds)", number(at(c.root, "spec", "activeDeadlineSeconds"), 0))
		return f
	}
	for _, k := range conditions(c.root) {
		// The good value is not the same for all of them; what is said with a
		// message is worth reading.
		bad := k.Status == "False" || k.Status == "Unknown" || k.Type == "Failed" || k.Type == "Stalled" || k.Type == "ReplicaFailure" || k.Type == "NotReady"
		if !bad || len(f.Detail) == logLines {
			continue
		}
		line := k.Type + " is " + k.Status
		if k.Reason != "" {
			line += ", " + k.Reason
		}
		if k.Message != "" {
			line += ": " + shorten(k.Message)
		}
		f.Detail = append(f.Detail, line)
	}
	if f.Because == "" && !observed(c.root) {
		f.Because = "its controller has not seen the change yet"
	}
	return f
}
