package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// Annotations that make a manifest a hook: an object that is created for what it
// does, and that no release owns.
const (
	runAnnotation      = prefix + "run"
	weightAnnotation   = prefix + "weight"
	helmHook           = "helm.sh/hook"
	helmHookWeight     = "helm.sh/hook-weight"
	helmHookDelete     = "helm.sh/hook-delete-policy"
	helmHookLog        = "helm.sh/hook-output-log-policy"
	helmHookOnCreation = "before-hook-creation"
	helmHookSucceeded  = "hook-succeeded"
	helmHookFailed     = "hook-failed"
)

// Event is when a hook runs.
type Event string

// The events: Helm's, and OnFailure, which runs when a run failed.
const (
	PreInstall   Event = "pre-install"
	PostInstall  Event = "post-install"
	PreUpgrade   Event = "pre-upgrade"
	PostUpgrade  Event = "post-upgrade"
	PreRollback  Event = "pre-rollback"
	PostRollback Event = "post-rollback"
	PreDelete    Event = "pre-delete"
	PostDelete   Event = "post-delete"
	Test         Event = "test"
	OnFailure    Event = "on-failure"
)

// helmEvents are the events by Helm's names.
var helmEvents = []Event{
	PreInstall, PostInstall, PreUpgrade, PostUpgrade, PreRollback, PostRollback, PreDelete, PostDelete, Test,
}

// runs are the values of belay.sh/run.
var runs = map[string][]Event{
	"before":          {PreInstall, PreUpgrade, PreRollback},
	"after":           {PostInstall, PostUpgrade, PostRollback},
	string(OnFailure): {OnFailure},
	string(Test):      {Test},
}

// Hook is how an object that is run for its effect wants to be run.
type Hook struct {
	Events []Event
	// Weight orders the hooks of an event: lower first.
	Weight int
	// Strict is true for Helm's hooks: one after the other, and all that they
	// refer to is as it was. Others of equal weight run together, after what they
	// refer to.
	Strict bool
	// ClearBefore deletes what an earlier run left before the object is created;
	// ClearSucceeded and ClearFailed delete it after.
	ClearBefore, ClearSucceeded, ClearFailed bool
	// LogSucceeded and LogFailed show what it printed.
	LogSucceeded, LogFailed bool
}

// IsHook says whether a manifest, or a live object, is a hook.
func IsHook(o object.Object) bool {
	annotations := o.Body.GetAnnotations()
	_, run := annotations[runAnnotation]
	_, helm := annotations[helmHook]
	return run || helm
}

// HookOf reads how a hook wants to be run. Mistakes are the user's, a join of
// *object.Error.
func HookOf(o object.Object) (Hook, error) {
	annotations := o.Body.GetAnnotations()
	h := Hook{}
	var errs []error
	if text, ok := annotations[runAnnotation]; ok {
		for _, value := range words(text) {
			events, known := runs[value]
			if !known {
				errs = append(errs, fault(o, "annotation %s: %v", runAnnotation, unknownRun(value)))
			}
			h.Events = append(h.Events, events...)
		}
	} else {
		h.Strict = true
		for _, value := range words(annotations[helmHook]) {
			if value == "test-success" { // of Helm 2
				value = string(Test)
			}
			if !slices.Contains(helmEvents, Event(value)) {
				errs = append(errs, fault(o, "annotation %s: there is no event %q", helmHook, value))
			}
			h.Events = append(h.Events, Event(value))
		}
	}
	// Helm takes a weight that is none for 0; belay's own is checked with the
	// other annotations.
	weight := annotations[helmHookWeight]
	if own, ok := annotations[weightAnnotation]; ok {
		weight = own
	}
	h.Weight, _ = strconv.Atoi(weight)
	text, given := annotations[helmHookDelete]
	policies := words(text)
	deletable := o.ID().GroupKind() != object.CRDKind // it would take all its objects along
	h.ClearBefore = deletable && (!given || slices.Contains(policies, helmHookOnCreation))
	h.ClearSucceeded = deletable && slices.Contains(policies, helmHookSucceeded)
	h.ClearFailed = deletable && slices.Contains(policies, helmHookFailed)
	logs := words(annotations[helmHookLog])
	h.LogSucceeded, h.LogFailed = slices.Contains(logs, helmHookSucceeded), slices.Contains(logs, helmHookFailed)
	return h, errors.Join(errs...)
}

// words splits a comma-separated annotation as Helm does.
func words(text string) []string {
	all := strings.Split(text, ",")
	for i := range all {
		all[i] = strings.ToLower(strings.TrimSpace(all[i]))
	}
	return all
}

// readRun checks belay.sh/run; HookOf reads it.
func readRun(_ *Policy, _ object.Object, value string) error {
	for _, word := range words(value) {
		if _, known := runs[word]; !known {
			return unknownRun(word)
		}
	}
	return nil
}

func unknownRun(value string) error {
	return fmt.Errorf("%q is not one of before, after, on-failure, test", value)
}
