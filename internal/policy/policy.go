// Package policy says how an object wants to be treated: what its annotations
// and the bundle's rules mean. It is the only reader of belay's annotations,
// and is asked once, before planning; diff, apply and rollout read the answer.
package policy

import (
	"time"

	"github.com/belay-sh/belay/internal/object"
)

// Rules are a bundle's own defaults. They travel in render.Wanted and are
// recorded with the revision.
type Rules struct {
	// Timeout bounds a run from its first write; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
	// FailAfter is how long an error of a pod may last before it is certain;
	// 0 means the default of its kind of error.
	FailAfter time.Duration `json:"failAfter,omitempty"`
	// MaxRestarts is the number of crashes that is certain to be a failure;
	// 0 means the default.
	MaxRestarts int `json:"maxRestarts,omitempty"`
	// History is how many revisions are kept; 0 means the default.
	History int `json:"history,omitempty"`
	// RestartOnConfigChange restarts pods when a ConfigMap or Secret of the bundle
	// changes that they read.
	RestartOnConfigChange bool `json:"restartOnConfigChange,omitempty"`
	// Fields say who wins a field that others set too; the first that matches.
	Fields []FieldRule `json:"fields,omitempty"`
	// Readiness says when objects of kinds that follow no convention are ready;
	// the first rule of a kind counts.
	Readiness []ReadyRule `json:"readiness,omitempty"`
}

// ReadyRule judges a kind by expressions in CEL over self, the live object. One
// that cannot be evaluated says no: a field it asks for is not there yet.
type ReadyRule struct {
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind"`
	// Ready holds once the object is ready; empty means the usual rules.
	Ready string `json:"ready,omitempty"`
	// Failed holds when it never will be; empty means that nothing tells.
	Failed string `json:"failed,omitempty"`
}

// Wait says what counts as done for an object.
type Wait string

// The values of belay.sh/wait.
const (
	WaitReady  Wait = "ready"
	WaitExists Wait = "exists"
	WaitNone   Wait = "none"
)

// OnImmutable says what to do when an immutable field must change.
type OnImmutable string

// The values of belay.sh/on-immutable.
const (
	ImmutableFail     OnImmutable = "fail"
	ImmutableRecreate OnImmutable = "recreate"
	// ImmutableOrphan recreates the object and lets what depends on it live on: the
	// pods and claims of a StatefulSet.
	ImmutableOrphan OnImmutable = "orphan"
)

// Policy is how one object wants to be treated. Budgets of 0 mean the default.
type Policy struct {
	// Keep forbids a plan to delete the object (belay.sh/prune: never).
	Keep bool `json:"keep,omitempty"`
	// OnImmutable is empty where the object says nothing.
	OnImmutable OnImmutable `json:"onImmutable,omitempty"`
	// Fields say who wins a field that others set too: the object's own rules,
	// then the bundle's; the first that matches.
	Fields []FieldRule `json:"fields,omitempty"`
	// DependsOn are objects that must be ready first. A namespace left out is
	// the object's own.
	DependsOn []object.ID `json:"dependsOn,omitempty"`
	// Weight orders objects: lower first, equal together.
	Weight      int           `json:"weight,omitempty"`
	Wait        Wait          `json:"wait"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	FailAfter   time.Duration `json:"failAfter,omitempty"`
	MaxRestarts int           `json:"maxRestarts,omitempty"`
	// RestartOnConfigChange is false for kinds without a pod template that restarts.
	RestartOnConfigChange bool `json:"restartOnConfigChange,omitempty"`
}
