package diff

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
)

// OpTest runs the tests of a release. Its plan has nothing else.
const OpTest Op = "test"

// Phase is where in a run hooks belong.
type Phase string

// The phases. Hooks of PhaseFailure are run only if the run fails.
const (
	PhaseBefore  Phase = "before"
	PhaseAfter   Phase = "after"
	PhaseFailure Phase = "on-failure"
)

// phases are in the order in which a plan has them.
var phases = []Phase{PhaseBefore, PhaseAfter, PhaseFailure}

// Hook is how a change of action Run, or Clear, is carried out.
type Hook struct {
	Event  policy.Event `json:"event"`
	Phase  Phase        `json:"phase"`
	Weight int          `json:"weight,omitempty"`
	// Strict hooks run one after the other; others of equal weight together.
	Strict bool `json:"strict,omitempty"`
	// ClearSucceeded is true when a Clear follows in the plan; ClearFailed asks for
	// one when the hook fails.
	ClearSucceeded bool `json:"clearSucceeded,omitempty"`
	ClearFailed    bool `json:"clearFailed,omitempty"`
	// LogSucceeded and LogFailed show what it printed.
	LogSucceeded bool `json:"logSucceeded,omitempty"`
	LogFailed    bool `json:"logFailed,omitempty"`
}

// RunsToEnd says whether objects of a kind are waited for until they have run to
// their end; hooks of other kinds are done when they exist.
func RunsToEnd(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Group: "batch", Kind: "Job"} || gk == schema.GroupKind{Kind: "Pod"}
}

// phasesOf are the events of an operation.
func (p *planner) phasesOf() map[policy.Event]Phase {
	switch p.o.Op {
	case OpRollback:
		return map[policy.Event]Phase{policy.PreRollback: PhaseBefore, policy.PostRollback: PhaseAfter, policy.OnFailure: PhaseFailure}
	case OpDelete:
		return map[policy.Event]Phase{policy.PreDelete: PhaseBefore, policy.PostDelete: PhaseAfter}
	case OpTest:
		return map[policy.Event]Phase{policy.Test: PhaseAfter}
	case OpApply:
		if p.installs() {
			return map[policy.Event]Phase{policy.PreInstall: PhaseBefore, policy.PostInstall: PhaseAfter, policy.OnFailure: PhaseFailure}
		}
		return map[policy.Event]Phase{policy.PreUpgrade: PhaseBefore, policy.PostUpgrade: PhaseAfter, policy.OnFailure: PhaseFailure}
	}
	return nil
}

// installs says that no revision was ever deployed: what failed or was cut off
// before that is tried again as an installation.
func (p *planner) installs() bool {
	return !slices.ContainsFunc(p.s.Revisions, func(r release.Revision) bool { return r.WasDeployed })
}

// hooks plans what is run for its effect, if the plan has a reason for that.
func (p *planner) hooks(ctx context.Context) error {
	hooks := p.w.AllHooks()
	due, err := p.hooksDue(hooks)
	if err != nil || !due {
		return err
	}
	items, err := p.hookItems(ctx, hooks)
	if err != nil {
		return err
	}
	err = p.parallel(ctx, len(items), func(ctx context.Context, i int) error { return p.checkHook(ctx, items[i]) })
	if err != nil {
		return err
	}
	for _, it := range items {
		p.judgeHook(it, items)
	}
	if err := p.checkSchemas(ctx, items); err != nil {
		return err
	}
	p.addHooks(items)
	return nil
}

// hooksDue says whether hooks are run: something else changes, they do, or the
// revision before did not come to its end.
func (p *planner) hooksDue(hooks []object.Object) (bool, error) {
	current := p.s.Current()
	if current != nil && (p.o.Op == OpApply || p.o.Op == OpRollback) {
		digest, err := release.HooksDigest(p.s.Key, hooks)
		if err != nil {
			return false, err
		}
		p.plan.HooksChanged = digest != current.Hooks
	}
	switch {
	case p.o.NoHooks || p.o.Op == OpDrift || len(hooks) == 0:
		return false, nil
	case p.o.RunHooks || p.o.Op == OpDelete || p.o.Op == OpTest || p.plan.HooksChanged || !p.plan.Empty():
		return true, nil
	}
	return current == nil || current.Status != release.Deployed, nil
}

// hookItems are the hooks of the plan's events, in the order in which they run:
// by weight, then by name, as Helm does. A hook of two events is there twice.
func (p *planner) hookItems(ctx context.Context, hooks []object.Object) ([]*item, error) {
	phases := p.phasesOf()
	offered := offeredKinds(p.w.Objects)
	var items []*item
	for _, o := range hooks {
		h, err := policy.HookOf(o)
		if err != nil {
			p.policyMistake(&item{Change: Change{ID: o.ID(), Source: o.Source}}, err)
			continue
		}
		var made *item
		for _, event := range h.Events {
			phase, due := phases[event]
			if !due || len(p.o.Tests) > 0 && !slices.Contains(p.o.Tests, o.ID().Name) {
				continue
			}
			if made == nil {
				if made, err = p.item(ctx, o, offered); err != nil || made == nil {
					break
				}
				if p.byID[made.ID] != nil {
					p.mistake(made, "is a hook, and the release has an object of this name, too")
				}
			}
			it := *made
			it.Action, it.wanted = Run, made.body
			it.Hook = &Hook{
				Event: event, Phase: phase, Weight: h.Weight, Strict: h.Strict,
				ClearSucceeded: h.ClearSucceeded, ClearFailed: h.ClearFailed, LogSucceeded: h.LogSucceeded, LogFailed: h.LogFailed,
			}
			if h.ClearBefore {
				it.Steps = []Step{{Verb: VerbClear, Propagation: "Background"}}
			}
			items = append(items, &it)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.Hook.Weight, b.Hook.Weight), cmp.Compare(a.ID.Name, b.ID.Name))
	})
	return items, nil
}

// checkHook reads what an earlier run left of a hook, and asks the server whether
// it could be created.
func (p *planner) checkHook(ctx context.Context, it *item) error {
	switch {
	case !it.served:
		it.Unchecked = p.name(p.crds[it.ID.GroupKind()].ID) + " is created by this plan"
		return nil
	case p.newNamespaces[it.ID.Namespace]:
		it.Unchecked = "namespace " + it.ID.Namespace + " is created by this plan"
		return nil
	}
	err := p.get(ctx, reading{kind: it.Kind, id: it.ID, into: &it.Live, denied: func() { p.lacks(it.access("get"), it.ID) }})
	if err != nil {
		return err
	}
	it.asked = true
	if it.Live != nil && len(it.Steps) > 0 { // it goes before the new one comes
		if it.err = p.r.DryRunCreate(ctx, it.Kind, it.body); apierrors.IsAlreadyExists(it.err) {
			it.err = nil
		}
	} else {
		_, _, it.err = p.r.DryRun(ctx, it.Kind, it.body, object.ApplyOptions{Manager: p.manager, Force: true})
	}
	switch {
	case it.err == nil:
		return nil
	case fatal(it.err):
		return fmt.Errorf("%s: asking the server whether the hook could be created: %w", it.ID, it.err)
	case apierrors.IsForbidden(it.err) && !terminating(it.err):
		return p.askHookRights(ctx, it)
	}
	return nil
}

// askHookRights finds out which right a forbidden dry-run lacked.
func (p *planner) askHookRights(ctx context.Context, it *item) error {
	create := it.access("create")
	create.Name = ""
	wanted := []object.Access{create, it.access("patch")}
	allowed, err := p.r.Can(ctx, wanted)
	if err != nil {
		return fmt.Errorf("asking for the right to create %s: %w", it.ID, err)
	}
	it.admission = true
	for i, ok := range allowed {
		if !ok {
			it.admission = false
			p.lacks(wanted[i], it.ID)
		}
	}
	p.noteUser(it.err)
	return nil
}

// judgeHook completes the steps of a hook, or refuses it.
func (p *planner) judgeHook(it *item, hooks []*item) {
	if it.Live != nil && !p.mayReplace(it) {
		return
	}
	create := Step{Verb: VerbApply, Body: it.body}
	if it.Live != nil && len(it.Steps) == 0 {
		create.Force = true // it stays, and is written over
	}
	it.Steps = append(it.Steps, create)
	switch err := it.err; {
	case !it.served:
		p.checkOffline(it)
	case err == nil:
	case apierrors.IsForbidden(err) && !it.admission: // the rights that lack are noted
	case webhookDown(err):
		it.Unchecked = "a webhook does not answer: " + webhookName(err)
	case p.excuse(it) != "":
		it.Unchecked = p.excuse(it)
	case apierrors.IsForbidden(err) && p.firstHook(it, hooks) != "":
		it.Unchecked = p.firstHook(it, hooks) + " is created by this plan"
	default:
		for _, text := range p.complaints(it) {
			p.mistake(it, text)
		}
	}
}

// mayReplace says whether what stands under a hook's name may go: it is what an
// earlier run left, of ours or of Helm's.
func (p *planner) mayReplace(it *item) bool {
	if it.Shared || p.ranBefore(it.Live) {
		return true
	}
	return p.claim(it)
}

// ranBefore recognises what a hook left.
func (p *planner) ranBefore(live *unstructured.Unstructured) bool {
	label, labelled := live.GetLabels()[object.ReleaseLabel]
	if labelled && (label != p.o.Target.Release || live.GetAnnotations()[object.NamespaceAnnotation] != p.o.Target.Namespace) {
		return false
	}
	return labelled || policy.IsHook(object.Object{Body: live})
}

// firstHook names a hook of the plan that another refers to, or is empty.
func (p *planner) firstHook(it *item, hooks []*item) string {
	for _, ref := range p.refsOf(it) {
		if slices.ContainsFunc(hooks, func(other *item) bool { return other.ID == ref.To && other.ID != it.ID }) {
			return p.name(ref.To)
		}
	}
	return ""
}

// addHooks puts the hooks into the plan, phase by phase, each followed by what is
// deleted when all of its event have succeeded.
func (p *planner) addHooks(items []*item) {
	for _, phase := range phases {
		var clears []Change
		for _, it := range items {
			if it.Hook.Phase != phase {
				continue
			}
			p.plan.Changes = append(p.plan.Changes, it.Change)
			if it.Hook.ClearSucceeded {
				clears = append(clears, Change{
					ID: it.ID, Kind: it.Kind, Action: Clear, Source: it.Source, Policy: it.Policy, Shared: it.Shared, Hook: it.Hook,
					Steps: []Step{{Verb: VerbClear, Propagation: "Background"}},
				})
			}
			p.hookRefs = append(p.hookRefs, object.Object{Body: it.body})
		}
		slices.Reverse(clears)
		p.plan.Changes = append(p.plan.Changes, clears...)
	}
}

// hookIDs are the hooks of what is wanted, due or not, where they will live.
func (p *planner) hookIDs() map[object.ID]bool {
	ids := map[object.ID]bool{}
	if p.o.Op == OpDelete {
		return ids
	}
	for _, o := range p.w.AllHooks() {
		id := o.ID()
		ids[id] = true
		if id.Namespace == "" {
			id.Namespace = p.o.Target.Namespace
			ids[id] = true
		}
	}
	return ids
}
