package diff

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// ask dry-runs what the records do not prove to be unchanged.
func (p *planner) ask(ctx context.Context) error {
	var asked []*item
	for _, it := range p.items {
		it.Schema = p.schemaKey(it)
		if !p.settle(it) {
			it.asked = true
			asked = append(asked, it)
		}
	}
	return p.parallel(ctx, len(asked), func(ctx context.Context, i int) error {
		it := asked[i]
		if p.older(it) != nil {
			return p.predictMigration(ctx, it)
		}
		if err := p.dryRun(ctx, it); err != nil || it.Live != nil || it.created {
			return err
		}
		// It exists without our label, or it cannot be said whether it exists.
		err := p.get(ctx, reading{kind: it.Kind, id: it.ID, into: &it.Live, denied: func() {
			if it.err == nil {
				p.lacks(it.access("get"), it.ID)
			}
		}})
		if err != nil || it.Live == nil {
			return err
		}
		if p.older(it) != nil {
			return p.predictMigration(ctx, it)
		}
		if body, err := p.yield(ctx, it); err != nil || body == it.wanted {
			return err
		}
		return p.dryRun(ctx, it)
	})
}

// dryRun asks the server what an apply would make of an object.
func (p *planner) dryRun(ctx context.Context, it *item) (err error) {
	if it.body, err = p.yield(ctx, it); err != nil {
		return err
	}
	// Forced, for one answer then tells all: what would be, and what others
	// would lose by it.
	it.twice, it.first = false, nil
	it.answer, it.created, it.err = p.r.DryRun(ctx, it.Kind, it.body, object.ApplyOptions{Manager: p.manager, Force: true})
	switch {
	case it.err != nil && fatal(it.err):
		return fmt.Errorf("%s: asking the server what an apply would do: %w", it.ID, it.err)
	case it.Live == nil:
		return nil
	case it.err == nil:
		return p.keepEmpties(ctx, it)
	case apierrors.IsInvalid(it.err):
		return p.emptyFirst(ctx, it)
	}
	return nil
}

// settle decides an item without a request, where that can be done.
func (p *planner) settle(it *item) bool {
	switch ns := it.ID.Namespace; {
	case p.dying[ns] || it.ID.GroupKind() == object.NamespaceKind && p.dying[it.ID.Name]:
		it.Action, it.Reason = Create, "its namespace is being deleted"
	case it.served && !p.newNamespaces[ns] && p.ranAndGoes(it):
		it.Action, it.Reason, it.Live = Unchanged, "ran to its end", nil
	case it.Live != nil && it.Live.GetDeletionTimestamp() != nil:
		p.createOffline(it, "")
		it.Reason = "is being deleted; waits until it is gone"
	case !it.served:
		p.createOffline(it, p.name(p.crds[it.ID.GroupKind()].ID)+" is created by this plan")
		p.checkOffline(it)
	case p.newNamespaces[ns]:
		p.createOffline(it, "namespace "+ns+" is created by this plan")
	case p.recorded(it):
		it.Action, it.Owner = Unchanged, Ours
	default:
		return false
	}
	return true
}

// ranAndGoes says that the object ran to its end, as it is wanted now, and was removed
// since, or is about to be: most likely by its time to live.
func (p *planner) ranAndGoes(it *item) bool {
	e := it.entry
	goes := it.Live == nil || it.Live.GetDeletionTimestamp() != nil && it.Live.GetUID() == e.UID
	return goes && e.Done && e.Manifest == it.Manifest && !p.o.Fresh
}

// recorded says that the object is as its last apply left it, as far as we own it,
// and that the same apply would mean the same.
func (p *planner) recorded(it *item) bool {
	e := it.entry
	return !p.o.Fresh && it.Live != nil && e.UID != "" && e.Live != 0 && it.Schema != 0 &&
		it.Live.GetUID() == e.UID && p.older(it) == nil && e.Manifest == it.Manifest && e.Schema == it.Schema &&
		fields.Own(it.Live, p.manager) == e.Live
}

// schemaKey is a key of the schema that the server would read the object by; 0 is
// unknown. The published schema of a custom resource lags behind its CRD, so the
// generation of a CRD in the bundle is part of the key.
func (p *planner) schemaKey(it *item) uint64 {
	key := p.schemas[it.Kind.GroupVersion().String()]
	if key == "" {
		return 0
	}
	if crd := p.crds[it.ID.GroupKind()]; crd != nil && crd.Live != nil {
		key += " " + string(crd.Live.GetUID()) + " " + strconv.FormatInt(crd.Live.GetGeneration(), 10)
	}
	return object.Hash(key)
}

// createOffline plans a create that the server cannot be asked about yet.
func (p *planner) createOffline(it *item, why string) {
	it.Action, it.Unchecked = Create, why
	it.Merged = it.body
	it.Steps = []Step{{Verb: VerbApply, Body: it.body}}
}

// judge turns the server's answers into actions; errors last, because some are
// excused by what the others change.
func (p *planner) judge() {
	for _, it := range p.items {
		if it.asked && it.err == nil && !it.settled {
			p.judgeAnswer(it)
		}
	}
	for _, it := range p.items {
		if it.asked && it.err != nil {
			p.judgeError(it)
		}
	}
	for _, it := range p.items {
		if len(it.Steps) > 0 {
			it.Impact = append(append(it.Impact, impact(it)...), p.loses(it)...)
			p.tellRestart(it)
		}
	}
}

func (p *planner) judgeAnswer(it *item) {
	if it.created || it.Live == nil {
		it.Action, it.Live, it.Merged = Create, nil, it.answer
		it.Steps = []Step{{Verb: VerbApply, Body: it.body}}
		return
	}
	it.Merged = it.answer
	ours := p.claim(it)
	if it.before == nil && fields.Own(it.Live, p.manager) == fields.Own(it.answer, p.manager) {
		it.Action = Unchanged
		return
	}
	if p.o.Op == OpRollback && it.ID.GroupKind() == object.CRDKind {
		it.Action, it.Reason = Keep, "a rollback never takes a CRD back: what it would drop is lost"
		return
	}
	it.Action = Update
	it.Paths = p.paths(it)
	if len(it.Paths) == 0 && it.Reason == "" && !rereads(it) {
		it.Reason = p.ownershipReason(it)
	}
	if !ours {
		return // refused; whose fields they are matters no more
	}
	body, force := p.conflicts(it)
	it.Steps = append(it.Steps, p.preparation(it)...)
	step := updateStep(body, it.Live, force)
	step.Yields = it.yields
	if it.first != nil {
		it.Steps = append(it.Steps, updateStep(it.first, it.Live, force))
	} else if it.twice {
		it.Steps = append(it.Steps, step)
	}
	it.Steps = append(it.Steps, step)
}

// preparation are the steps that come before an update's apply.
func (p *planner) preparation(it *item) []Step {
	if it.before != nil {
		return []Step{migrateStep(it.before, it.Live)}
	}
	return nil
}

// seen is the live object as the apply will meet it.
func (it *item) seen() *unstructured.Unstructured {
	if it.before != nil {
		return it.before
	}
	return it.Live
}

// updateStep writes an object on the condition that it is the one that was seen,
// unchanged.
func updateStep(body, live *unstructured.Unstructured, force bool) Step {
	uid, version := string(live.GetUID()), live.GetResourceVersion()
	return Step{
		Verb: VerbApply, Force: force, UID: uid, Version: version,
		Body: withMeta(body, func(meta map[string]any) {
			meta["uid"], meta["resourceVersion"] = uid, version
		}),
	}
}

// fatal says that an answer to a dry-run is none: the server could not be asked.
func fatal(err error) bool {
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err),
		apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), apierrors.IsUnsupportedMediaType(err),
		apierrors.IsRequestEntityTooLargeError(err), apierrors.IsConflict(err),
		untyped(err), webhookDown(err):
		return false
	}
	return true
}
