package rollout

import (
	"strconv"
	"strings"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// notObserved is what is said until a controller has seen the latest generation.
var notObserved = State{Phase: Progressing, Summary: "not observed yet"}

// silent is what is said of a resource whose status tells nothing.
const silent = "exists, without a status"

// observed says whether the controller has seen the latest generation, where it
// tells at all. Some controllers write it as text.
func observed(u *unstructured.Unstructured) bool {
	switch seen := at(u, "status", "observedGeneration").(type) {
	case int64:
		return seen >= generationOf(u)
	case string:
		n, err := strconv.ParseInt(seen, 10, 64)
		return err != nil || n >= generationOf(u) // else it is a hash
	}
	return true
}

// byConvention judges kinds that have no rule of their own, most of them custom
// resources: by kstatus's conditions, then by those that most controllers write.
func byConvention(u *unstructured.Unstructured) State {
	if at(u, "status") == nil {
		if isCustom(u) {
			return State{Phase: Ready, Summary: silent}
		}
		return State{Phase: Ready}
	}
	if !observed(u) {
		return notObserved
	}
	all := conditions(u)
	for _, c := range all {
		if c.Generation != 0 && c.Generation < generationOf(u) && (isVerdict(c.Type) || c.Type == "Synced") {
			return notObserved
		}
	}
	if s, ok := byKstatus(u); ok {
		return s
	}
	for _, judge := range []func(*unstructured.Unstructured, []condition) (State, bool){byConditions, byHealth, byPhase} {
		if s, ok := judge(u, all); ok {
			return s
		}
	}
	return State{Phase: Ready}
}

// isCustom says whether a kind is defined by somebody else than Kubernetes.
func isCustom(u *unstructured.Unstructured) bool {
	group := u.GroupVersionKind().Group
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") || group == gatewayGroup
}

// byKstatus asks kstatus, whose conditions say what is under way or stuck.
func byKstatus(u *unstructured.Unstructured) (State, bool) {
	res, err := kstatus.Compute(u)
	if err != nil || len(res.Conditions) == 0 {
		return State{}, false // its status has a shape of its own, or nothing speaks against it
	}
	reason := res.Conditions[0].Reason
	switch res.Status {
	case kstatus.FailedStatus:
		return State{Phase: Failed, Summary: shorten(res.Message), Reason: reason}, true
	case kstatus.InProgressStatus:
		if reason == "LatestGenerationNotObserved" {
			if observed(u) {
				return State{}, false // it has seen a generation that we have not
			}
			return notObserved, true
		}
		if isVerdictReason(u, reason) {
			return State{}, false
		}
		return State{Phase: Progressing, Summary: shorten(res.Message), Reason: reason}, true
	}
	return State{}, false
}

// isVerdictReason says whether kstatus only repeats the Ready condition, which
// is judged below.
func isVerdictReason(u *unstructured.Unstructured, reason string) bool {
	c := conditionOf(u, "Ready")
	return c.Status != "" && c.Status != "True" && c.Reason == reason && conditionOf(u, "Reconciling").Status != "True"
}

// verdicts are the conditions by which controllers say that all is well, the
// first that there is counts.
var verdicts = []string{"Ready", "Succeeded", "Available", "Programmed", "Accepted", "Healthy"}

func isVerdict(kind string) bool {
	for _, v := range verdicts {
		if v == kind {
			return true
		}
	}
	return false
}

// byConditions judges by what a controller says of the whole.
func byConditions(u *unstructured.Unstructured, all []condition) (State, bool) {
	byType := map[string]condition{}
	for _, c := range all {
		byType[c.Type] = c
	}
	if c := byType["NotReady"]; c.Status == "True" { // Strimzi's
		return waiting(c), true
	}
	if c := byType["Synced"]; c.Status == "False" { // Crossplane's: what was last asked for is not done
		return waiting(c), true
	}
	for _, kind := range verdicts {
		c, there := byType[kind]
		switch {
		case !there:
			continue
		case c.Status == "True":
			return State{Phase: Ready}, true
		case c.Status == "False" && isFinal(u, kind):
			s := waiting(c)
			s.Phase = Failed
			return s, true
		}
		return waiting(c), true
	}
	return State{}, false
}

// isFinal says whether a verdict of False is one for ever: Tekton's runs and
// Knative's resources say Unknown as long as they try.
func isFinal(u *unstructured.Unstructured, kind string) bool {
	return kind == "Succeeded" || strings.HasSuffix(u.GroupVersionKind().Group, ".knative.dev")
}

func waiting(c condition) State {
	summary := shorten(c.Message)
	if summary == "" {
		summary = c.Type + " is " + c.Status
	}
	return State{Phase: Progressing, Summary: summary, Reason: c.Reason}
}

// byHealth judges by Argo CD's status.health, and by the flag that snapshots have.
func byHealth(u *unstructured.Unstructured, _ []condition) (State, bool) {
	if health := text(at(u, "status", "health", "status")); health != "" {
		if health == "Healthy" || health == "Suspended" {
			return State{Phase: Ready}, true
		}
		summary := shorten(text(at(u, "status", "health", "message")))
		if summary == "" {
			summary = "its health is " + health
		}
		return State{Phase: Progressing, Summary: summary, Reason: health}, true
	}
	if ready, there := at(u, "status", "readyToUse").(bool); there && !ready {
		return State{Phase: Progressing, Summary: "not ready to use yet"}, true
	}
	return State{}, false
}

// underWay are words in status.phase or status.state that say not yet, in lower
// case without blanks. Any other word says nothing against an object.
var underWay = map[string]bool{
	"pending": true, "creating": true, "provisioning": true, "progressing": true, "initializing": true, "installing": true,
	"updating": true, "upgrading": true, "reconciling": true, "inprogress": true, "waiting": true, "deploying": true, "starting": true,
	"failed": true, "error": true, "degraded": true, "notready": true, "unhealthy": true,
}

// byPhase judges by one word. A bad one may still turn good: controllers try
// again, and only a rule of the bundle's knows which of them do not.
func byPhase(u *unstructured.Unstructured, _ []condition) (State, bool) {
	for _, field := range []string{"phase", "state"} {
		word := text(at(u, "status", field))
		plain := strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(word))
		if !underWay[plain] {
			continue
		}
		summary := shorten(text(at(u, "status", "message")))
		if summary == "" {
			summary = field + " is " + word
		}
		return State{Phase: Progressing, Summary: summary, Reason: word}, true
	}
	return State{}, false
}

// argoRollout judges Argo's Rollout, by its phase.
func argoRollout(u *unstructured.Unstructured) State {
	wanted := number(at(u, "spec", "replicas"), 1)
	status := at(u, "status")
	updated, message := number(in(status, "updatedReplicas"), 0), shorten(text(in(status, "message")))
	switch phase := text(in(status, "phase")); phase {
	case "Healthy":
		return counted(Ready, wanted, wanted, "")
	case "Paused": // for somebody to promote it
		s := counted(Ready, updated, wanted, "updated")
		s.Summary = "paused: " + s.Summary
		return s
	case "Degraded":
		return State{Phase: Failed, Summary: message, Reason: phase, Done: updated, Wanted: wanted}
	case "":
		return State{Phase: Progressing, Summary: notObserved.Summary, Wanted: wanted}
	}
	return counted(Progressing, updated, wanted, "updated")
}

const gatewayGroup = "gateway.networking.k8s.io"

// What is said of what waits for a controller that may not be there.
const (
	noController = "no controller has taken it up"
	noAddress    = "no address yet"
	noGateway    = "no gateway has taken it up"
)

// isSilent says whether an object is ready only for want of anybody who says
// otherwise: just after it was made, somebody still may.
func isSilent(s State) bool {
	return s.Phase == Ready && (s.Summary == silent || s.Summary == noController || s.Summary == noGateway)
}

// gateway judges a Gateway. One that no controller has taken up does not block,
// as an Ingress without a controller does not.
func gateway(u *unstructured.Unstructured) State {
	accepted, programmed := conditionOf(u, "Accepted"), conditionOf(u, "Programmed")
	for _, c := range []condition{accepted, programmed} {
		switch {
		case c.Status == "" || c.Status == "Unknown" && c.Reason == "Pending":
			return State{Phase: Ready, Summary: noController}
		case c.Generation != 0 && c.Generation < generationOf(u):
			return notObserved
		case c.Status != "True":
			return waiting(c)
		}
	}
	return State{Phase: Ready, Summary: "programmed"}
}

// route judges a route of the Gateway API: each of its parents answers by itself.
func route(u *unstructured.Unstructured) State {
	parents := items(at(u, "status", "parents"))
	if len(parents) == 0 {
		return State{Phase: Ready, Summary: noGateway}
	}
	for _, parent := range parents {
		for _, c := range conditionsIn(parent) {
			if c.Type != "Accepted" && c.Type != "ResolvedRefs" {
				continue
			}
			if c.Generation != 0 && c.Generation < generationOf(u) {
				return notObserved
			}
			if c.Status != "True" {
				s := waiting(c)
				if name := text(in(parent, "parentRef", "name")); name != "" {
					s.Summary = "Gateway " + name + ": " + s.Summary
				}
				return s
			}
		}
	}
	return State{Phase: Ready, Summary: "accepted"}
}
