// Package rollout tells whether an object is ready, and if not, why. Of is
// pure; a Tracker follows objects through watches that it shares per kind and
// namespace; Explain walks from an object that is not ready down to the cause.
// apply waits on it, status and reports show what it says. It writes nothing.
package rollout

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// Phase is how far an object is on its way to readiness.
type Phase string

// The phases. Ready, Failed and Missing are final for a run; the last two are certain.
const (
	Progressing Phase = "progressing"
	Ready       Phase = "ready"
	Failed      Phase = "failed"
	Missing     Phase = "missing"
	Deleting    Phase = "deleting"
)

// State is the readiness of one object at one time.
type State struct {
	Phase Phase `json:"phase"`
	// Summary says it in a few words: "1 of 3 updated", "complete in 8s".
	Summary string `json:"summary,omitempty"`
	// Reason is the machine's word for it where there is one: ImagePullBackOff.
	Reason string `json:"reason,omitempty"`
	// Done and Wanted count replicas or completions; Wanted is 0 where nothing is counted.
	Done   int64 `json:"done,omitempty"`
	Wanted int64 `json:"wanted,omitempty"`
	// Since is when the server says it began, for what runs to its end; zero elsewhere.
	Since time.Time `json:"since,omitzero"`
}

// The states of an object that is there no more.
var (
	gone     = State{Phase: Missing, Summary: "gone"}
	replaced = State{Phase: Missing, Summary: "replaced by another object of its name"}
)

// Target is an object to wait for.
type Target struct {
	ID     object.ID
	Kind   object.Kind
	Policy policy.Policy
	// Generation is what the answer to our last write said; an observation of an
	// earlier generation counts for nothing.
	Generation int64
	// UID is the object's; another object of the same name is not it. Empty: any.
	UID string
	// Unchanged is true where this run wrote nothing: whatever an object has to
	// say, it has said by now.
	Unchanged bool
	// ToEnd is true for a pod that is ready only when it has run to its end.
	ToEnd bool
	// Live is the object as last seen, to start from.
	Live *unstructured.Unstructured
	// Found is the state in which a run left it, for Explain: what crashes again
	// and again looks well for a moment. Zero where nothing was found.
	Found State
}

// Cause is why an object is not ready: one root, found at the end of a chain
// of owners.
type Cause struct {
	// ID is the object that belay applied.
	ID object.ID `json:"id"`
	// Source is where that object comes from.
	Source object.Source `json:"source"`
	State  State         `json:"state"`
	// Headline says what was expected and observed: "1 of 3 updated, 2 old pods still serve".
	Headline string `json:"headline"`
	// OldPods is how many pods of older revisions still serve.
	OldPods int64 `json:"oldPods,omitempty"`
	// Because is the root cause: "Pod/front-x cannot pull registry.example/front:1.5".
	Because string `json:"because,omitempty"`
	// Detail are further lines: the registry's words, the events that matter,
	// the last log lines.
	Detail []string `json:"detail,omitempty"`
	// See is the kubectl arguments of the command to look further, without
	// namespace and context: ["describe", "pod", "front-x"].
	See []string `json:"see,omitempty"`
}

// Diagnosis explains a rollout that did not succeed, one Cause per object and
// root; the same root of many pods stands once.
type Diagnosis struct {
	Causes []Cause  `json:"causes"`
	Notes  []string `json:"notes,omitempty"`
}

// Watcher reads what rollouts need; cluster.Client satisfies it.
type Watcher interface {
	Kind(ctx context.Context, gk schema.GroupKind, version string) (object.Kind, error)
	Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error)
	// Each calls fn for all objects of a kind that a selector matches, as the
	// server hands them out, page by page; fn owns them. It returns the
	// resourceVersion to watch from.
	Each(ctx context.Context, k object.Kind, namespace, selector string, fn func(*unstructured.Unstructured)) (resourceVersion string, err error)
	// Watch calls fn for every event since resourceVersion until ctx ends, fn
	// fails, or the server cannot resume (then the error is apierrors.IsResourceExpired
	// or IsGone, and the caller lists again).
	Watch(ctx context.Context, k object.Kind, namespace, selector, resourceVersion string, fn func(object.Event) error) error
	Logs(ctx context.Context, namespace, pod, container string, previous bool, lines int) (string, error)
}

// Defaults of the budgets, in the order of the manual.
const (
	PullFailAfter      = 20 * time.Second
	PullRetryAfter     = 2 * time.Minute
	CrashMax           = 4
	CrashFailAfter     = 30 * time.Second
	ConfigFailAfter    = time.Minute
	QuotaFailAfter     = 30 * time.Second
	UnschedulableAfter = 5 * time.Minute
)
