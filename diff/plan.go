// Package diff compares what a release should be with what is live and makes a
// Plan: the changes, the exact requests that carry them out, and their order.
// It reads only: its Reader has no mutating method. A Plan is plain data and is
// all that apply sees.
package diff

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/refs"
	"github.com/belay-sh/belay/render"
)

// Op is the verb that a plan is made for.
type Op string

// The verbs that plan.
const (
	OpApply    Op = "apply"
	OpRollback Op = "rollback"
	OpDelete   Op = "delete"
	// OpAdopt takes over a release of Helm's: what Helm recorded is wanted.
	OpAdopt Op = "adopt"
)

// Target is what a plan is for.
type Target struct {
	Context     string `json:"context,omitempty"`
	Server      string `json:"server,omitempty"`
	Namespace   string `json:"namespace"`
	Release     string `json:"release"`
	Revision    int    `json:"revision"` // the current one; 0 when there is none
	Environment string `json:"environment,omitempty"`
}

// Manager is the field manager of a release: one per release, so that two
// releases cannot strip each other's fields unseen. At most 128 bytes.
func (t Target) Manager() string { return "belay/" + t.Namespace + "/" + t.Release }

// Action is what a plan does with one object.
type Action string

// The actions. Keep and Unchanged are no changes.
const (
	Create   Action = "create"
	Update   Action = "update"
	Recreate Action = "recreate"
	Delete   Action = "delete"
	Keep     Action = "keep"
	// Run creates an object for its effect, a hook or a test. Clear deletes it when
	// all hooks of its event have succeeded; it is part of the Run.
	Run       Action = "run"
	Clear     Action = "clear"
	Unchanged Action = "unchanged"
)

// Verb is the request that a step sends.
type Verb string

// The verbs of steps.
const (
	VerbApply  Verb = "apply"
	VerbDelete Verb = "delete"
	// VerbClear deletes what a hook left under its name, if anything, and waits
	// until it is gone. Its object is none of the plan's: it has no preconditions.
	VerbClear Verb = "clear"
	// VerbMigrate replaces the managedFields of an object and no value of it: what
	// older tools own, or nobody, becomes the release's, so that the apply that
	// follows can remove it.
	VerbMigrate Verb = "migrate"
)

// Step is one request. It is complete: apply adds nothing to it.
type Step struct {
	Verb Verb                       `json:"verb"`
	Body *unstructured.Unstructured `json:"body,omitempty"`
	// Force takes fields over from other managers; only where the plan shows it.
	Force bool `json:"force,omitempty"`
	// UID and Version are preconditions: the object that the plan saw. A create
	// has none.
	UID     string `json:"uid,omitempty"`
	Version string `json:"version,omitempty"`
	// Propagation is the policy of a delete: Background, Foreground, or Orphan.
	Propagation string `json:"propagation,omitempty"`
	// Yields are fields that were left to others, as fields.Point.Keys. Should
	// their owner or value move before the write, they are left again.
	Yields [][]string `json:"yields,omitempty"`
}

// Conflict is a field that another manager would lose by an apply.
type Conflict struct {
	Path    string `json:"path"`
	Manager string `json:"manager"`
	// Ours and Theirs are the values as text; secret ones are masked.
	Ours   string `json:"ours,omitempty"`
	Theirs string `json:"theirs,omitempty"`
	// Wrote is when that manager last wrote any of its fields (RFC 3339), or empty.
	Wrote string `json:"wrote,omitempty"`
	// Forced is true when the plan takes the field over.
	Forced bool `json:"forced,omitempty"`
}

// Owner is whose a live object is.
type Owner string

// The owners. OtherRelease is another release of belay, Foreign another tool.
const (
	Nobody       Owner = ""
	Ours         Owner = "ours"
	OtherRelease Owner = "release"
	Foreign      Owner = "foreign"
)

// Change is one object's part of a plan.
type Change struct {
	ID     object.ID     `json:"id"`
	Kind   object.Kind   `json:"kind"`
	Action Action        `json:"action"`
	Reason string        `json:"reason,omitempty"`
	Source object.Source `json:"source"`
	Policy policy.Policy `json:"policy"`
	Owner  Owner         `json:"owner,omitempty"`
	// OwnerName names the owner for people: "Helm release shop".
	OwnerName string `json:"ownerName,omitempty"`
	Adopted   bool   `json:"adopted,omitempty"`
	// Leftover is true for an object that is kept only for now (--no-prune), or is
	// being deleted and not waited for: it stays in the inventory. Others that are
	// kept are let go.
	Leftover bool `json:"leftover,omitempty"`
	// Shared objects are applied and never owned: namespaces, CRDs of crds/.
	Shared bool `json:"shared,omitempty"`
	// Live is the object as it is, Merged as it would be; nil where there is none.
	Live   *unstructured.Unstructured `json:"live,omitempty"`
	Merged *unstructured.Unstructured `json:"merged,omitempty"`
	// Paths are the fields that change, in the order of the object: those that we
	// own before or after. They are what a report shows.
	Paths []PathChange `json:"paths,omitempty"`
	// Unchecked says why the server has not validated the object, or is empty.
	Unchecked string `json:"unchecked,omitempty"`
	// Manifest is the hash of the manifest as sent; Schema the key of its kind's schema.
	Manifest uint64 `json:"manifest,omitempty"`
	Schema   uint64 `json:"schema,omitempty"`
	// Steps are the requests that carry the change out, in order.
	Steps []Step `json:"steps,omitempty"`
	// Made says that the change was carried out before the run: the namespace that
	// lock and records live in.
	Made bool `json:"made,omitempty"`
	// Hook is how a Run is carried out; nil for all other actions but Clear.
	Hook      *Hook      `json:"hook,omitempty"`
	Conflicts []Conflict `json:"conflicts,omitempty"`
	// Yields are fields that the plan leaves to others.
	Yields []Yield `json:"yields,omitempty"`
	// Impact says what the change does besides: "restarts 3 pods".
	Impact   []string `json:"impact,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// PathChange is one difference between live and merged. From or To is nil
// where the field is absent. Values of Secrets are not masked here.
type PathChange struct {
	// Path is for people and unambiguous: spec.template.spec.containers[nginx].image.
	Path string `json:"path"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
	// Ownership is true when only the owner changes, not the value.
	Ownership bool `json:"ownership,omitempty"`
}

// Edge says that the change After starts when the change Before has met Need;
// between deletions the need is refs.Gone. Before and After are indices into
// Plan.Changes.
type Edge struct {
	Before int       `json:"before"`
	After  int       `json:"after"`
	Need   refs.Need `json:"need"`
	Why    string    `json:"why"`
}

// Exit codes that a refusal can carry.
const (
	RefusedInput      = 3
	RefusedByRule     = 4
	RefusedPermission = 5
)

// Refusal is a reason not to start, found before anything is written.
type Refusal struct {
	// Code is the exit code: RefusedInput, RefusedByRule or RefusedPermission.
	Code int         `json:"code"`
	IDs  []object.ID `json:"ids,omitempty"`
	// Message is the first line, without "error:"; Lines say it object by object.
	Message string   `json:"message"`
	Lines   []string `json:"lines,omitempty"`
	Hints   []string `json:"hints,omitempty"`
}

// Plan is what would turn the live state into the wanted one.
type Plan struct {
	Op     Op     `json:"op"`
	Target Target `json:"target"`
	// Base is the version of the release's head that the plan was made from.
	Base   string         `json:"base,omitempty"`
	Wanted *render.Wanted `json:"wanted"`
	// Changes hold every object of the release, unchanged ones too.
	Changes  []Change  `json:"changes"`
	Order    []Edge    `json:"order,omitempty"`
	Barriers []Barrier `json:"barriers,omitempty"`
	Refused  []Refusal `json:"refused,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	// LeftAlone is what others set and a drift leaves alone.
	LeftAlone []LeftAlone `json:"leftAlone,omitempty"`
	// Circular says that objects wait for each other in a circle: the plan is refused,
	// and there is no order in which it could be carried out.
	Circular bool `json:"circular,omitempty"`
	// PruneFirst says that deletions come before all else, not after it.
	PruneFirst bool `json:"pruneFirst,omitempty"`
	// HooksChanged says that the release's hooks are others than those that it
	// remembers: they are recorded though nothing else may change.
	HooksChanged bool `json:"hooksChanged,omitempty"`
	// Gone are inventory entries that were seen gone, or are no longer the
	// release's: they need no request and leave the inventory.
	Gone []object.ID `json:"gone,omitempty"`
	// Listed are the resourceVersions that the changes' live objects were listed at:
	// who follows them goes on from there. What was not listed has none.
	Listed map[Scope]string `json:"-"`
}

// Scope is where objects are listed: those of a kind in a namespace.
type Scope struct {
	Kind      object.Kind
	Namespace string
}

// Counts counts the changes by action.
func (p *Plan) Counts() map[Action]int {
	counts := map[Action]int{}
	for i := range p.Changes {
		if c := &p.Changes[i]; !c.onlyOnFailure() {
			counts[c.Action]++
		}
	}
	return counts
}

// onlyOnFailure says that a change is carried out only if the run fails.
func (c *Change) onlyOnFailure() bool { return c.Hook != nil && c.Hook.Phase == PhaseFailure }

// Empty says that carrying the plan out would send no request.
func (p *Plan) Empty() bool {
	for i := range p.Changes {
		if c := &p.Changes[i]; len(c.Steps) > 0 && !c.onlyOnFailure() {
			return false
		}
	}
	return true
}

// Reader asks a cluster questions. It cannot change anything.
// cluster.Client satisfies it.
type Reader interface {
	// Kind finds how a kind is served; version "" means the preferred one. The
	// error is meta.IsNoMatchError when it is not served.
	Kind(ctx context.Context, gk schema.GroupKind, version string) (object.Kind, error)
	Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error)
	List(ctx context.Context, k object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error)
	// ListMetadata lists objects without their content; namespace "" is all.
	ListMetadata(ctx context.Context, k object.Kind, namespace, selector string) ([]*unstructured.Unstructured, error)
	// Kinds are all kinds that live in namespaces, each in its preferred version.
	Kinds(ctx context.Context) ([]object.Kind, error)
	// DryRun asks what a server-side apply would answer. created is true when it
	// would create the object.
	DryRun(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (merged *unstructured.Unstructured, created bool, err error)
	// DryRunCreate asks what a create of the object would answer: AlreadyExists
	// means that it is valid as a new object.
	DryRunCreate(ctx context.Context, k object.Kind, body *unstructured.Unstructured) error
	// DryRunUpdate asks what replacing the object would answer.
	DryRunUpdate(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// OpenAPI returns the schemas of a group-version: an OpenAPI v3 document.
	OpenAPI(ctx context.Context, gv schema.GroupVersion) ([]byte, error)
	// Can asks whether the user may do each of these, in order.
	Can(ctx context.Context, what []object.Access) ([]bool, error)
	// Schemas returns a key per group-version (apps/v1) that changes with its schema
	// and with the server's version; none for what has no published schema.
	Schemas(ctx context.Context) (map[string]string, error)
}

// Options are the user's say in a plan.
type Options struct {
	Op     Op
	Target Target
	// ForceConflicts takes over fields of these managers (path.Match patterns);
	// "*" is all.
	ForceConflicts []string
	// Adopt takes over objects that are nobody's: KIND/NAME as plans name them; "*" is
	// all.
	Adopt []string
	// Helm is the release of Helm's in the target's namespace that is taken over,
	// with what it owns; empty for none.
	Helm string
	// AllowRestarts lets the takeover of a Helm release change pod templates.
	AllowRestarts bool
	// Fresh ignores what the records say and asks the server about every object.
	Fresh bool
	// ReadOnly is for a plan that is only shown: rights to write that lack are said,
	// and what the server may not be asked is found out locally.
	ReadOnly bool
	// StrictPreview refuses what the server could not validate.
	StrictPreview bool
	// NoPrune keeps objects that left the bundle, and names them.
	NoPrune bool
	// MaxDelete allows that many deletions past the mass-delete guard; -1 is unset.
	MaxDelete int
	// DeleteCRDs deletes definitions that are no longer wanted, and with them all
	// objects of their kinds; DeleteNamespace, on OpDelete, the release's namespace
	// and all that is in it.
	DeleteCRDs, DeleteNamespace bool
	// PruneFirst deletes before anything is created or updated.
	PruneFirst bool
	// NoWait leaves alone what is being deleted already, unless others wait for it.
	NoWait bool
	// AllowEmpty allows a bundle that renders no objects to empty a release.
	AllowEmpty bool
	// ReplaceBundle and ChangeEnvironment allow a release to become another
	// bundle's, or another environment's.
	ReplaceBundle, ChangeEnvironment bool
	// NoHooks leaves hooks out; RunHooks runs them though nothing else changes.
	NoHooks, RunHooks bool
	// Tests are the names of the tests to run; none means all.
	Tests []string
	// Key is that of the release's State, where it has none yet.
	Key string
	// Program is how people call us, "belay" or "kubectl belay"; ClusterFlags are what
	// commands in hints carry besides, so that they reach the same cluster:
	// "--context prod". Both may be empty.
	Program, ClusterFlags string `json:"-"`
	// Concurrency bounds requests in flight; 0 means 32.
	Concurrency int
	// Now is the time that "2h ago" is counted from; zero means the clock's.
	Now time.Time
}

func (o *Options) concurrency() int {
	if o.Concurrency <= 0 {
		return defaultConcurrency
	}
	return o.Concurrency
}

const defaultConcurrency = 32
