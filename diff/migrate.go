package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// older says which fields of others the plan makes the release's, for otherwise
// they could never be removed: those of older tools when it takes an object over,
// and those of a client-side apply on what is the release's already. It is nil when
// there are none.
func (p *planner) older(it *item) func(fields.Entry) bool {
	if it.Shared || it.Live == nil || p.o.Op == OpDrift {
		return nil
	}
	entries := fields.Entries(it.Live)
	tool := func(e fields.Entry) bool { return e.Manager != p.manager && fields.OlderTool(e) }
	if len(entries) > 0 && !slices.ContainsFunc(entries, tool) {
		return nil
	}
	switch owner, _ := p.owner(it.Live, string(it.entry.UID)); {
	case owner == Nobody && p.adopts(it.ID):
		return fields.OlderTool
	case owner == Ours && (len(entries) == 0 || slices.ContainsFunc(entries, fields.ClientSide)):
		return fields.ClientSide
	}
	return nil
}

// mine are the fields that are the release's when the plan applies: its own, and
// those that a migration makes its own.
func (p *planner) mine(it *item) fields.Set {
	ours, _ := fields.Applied(it.Live, p.manager)
	older := p.older(it)
	if older == nil {
		return ours.Fields
	}
	entries := fields.Entries(it.Live)
	if len(entries) == 0 {
		return fields.Of(it.Live.Object, fields.Set{})
	}
	mine := ours.Fields
	for _, e := range entries {
		if older(e) {
			mine = fields.Union(mine, e.Fields)
		}
	}
	return mine
}

// predictMigration finds what taking over fields from older tools makes of an object.
func (p *planner) predictMigration(ctx context.Context, it *item) (err error) {
	if it.body, err = p.yield(ctx, it); err != nil {
		return err
	}
	it.created = false
	merger, err := p.merger(ctx, it.Kind)
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return p.dryRun(ctx, it) // without schemas what they own stays theirs
	}
	if err != nil {
		return err
	}
	return p.predict(ctx, it, merger, func() (*unstructured.Unstructured, error) {
		migrated, tools, err := merger.Migrate(it.Live, it.body, p.manager, p.older(it))
		if err != nil {
			return nil, fmt.Errorf("%s: reading who owns its fields: %w", it.ID, err)
		}
		it.Reason = "fields of " + strings.Join(tools, ", ") + " become the release's"
		return migrated, nil
	})
}

// predictClaim tries whether an update that the server refuses goes through once
// what we leave behind is ours: the values that the server itself filled in beside
// ours, which an apply cannot take away because nobody owns them.
func (p *planner) predictClaim(ctx context.Context, it *item) error {
	if fields.Claim(it.Live, it.body, p.manager) == nil {
		return nil
	}
	merger, err := p.merger(ctx, it.Kind)
	if err != nil {
		return err
	}
	refused := it.err
	claim := func() (*unstructured.Unstructured, error) { return fields.Claim(it.Live, it.body, p.manager), nil }
	if err := p.predict(ctx, it, merger, claim); err != nil {
		return err
	}
	if it.err != nil {
		it.err = refused // it was not for that
	}
	return nil
}

// maxPredictions is how often an object is read again that others write to.
const maxPredictions = 3

// predict finds what a change of managedFields and the apply that follows make of
// an object: they cannot be dry-run together, so that the server's own code is run
// here on a copy, and the server is asked to replace the object by the result. The
// change is one of the live object, which controllers may write to meanwhile: it is
// then read again.
func (p *planner) predict(ctx context.Context, it *item, merger *fields.Merger, change func() (*unstructured.Unstructured, error)) error {
	var before, merged, answer *unstructured.Unstructured
	var err error
	for try := 1; ; try++ {
		if before, err = change(); err != nil || before == nil {
			return err
		}
		if merged, err = merger.Apply(before, it.body, p.manager); err != nil {
			it.err = fmt.Errorf("%s: merging it: %w", it.ID, err)
			return nil
		}
		body := merged.DeepCopy()
		unstructured.RemoveNestedField(body.Object, "metadata", "managedFields")
		answer, err = p.dryRunUpdate(ctx, it, body)
		if !apierrors.IsConflict(err) || try == maxPredictions { // not only its status moved
			break
		}
		if err := p.get(ctx, it.reading()); err != nil {
			return err
		}
	}
	switch {
	case apierrors.IsForbidden(err) && !terminating(err): // to apply it, no such right is needed
		answer, it.Unchecked = merged.DeepCopy(), "no right to update "+it.Kind.GVR().GroupResource().String()
	case err != nil && fatal(err):
		return fmt.Errorf("%s: asking the server what an apply would do: %w", it.ID, err)
	case err != nil:
		it.err = err
		return nil
	}
	answer.SetManagedFields(merged.GetManagedFields())
	it.err, it.answer, it.before = nil, answer, before
	return nil
}

// statusMoves is how often an object may move on while it is asked about.
const statusMoves = 5

// dryRunUpdate asks what replacing an object by body would answer. That a controller
// has written its status since it was read makes it no other object.
func (p *planner) dryRunUpdate(ctx context.Context, it *item, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	answer, err := p.r.DryRunUpdate(ctx, it.Kind, body)
	for range statusMoves {
		if !apierrors.IsConflict(err) {
			break
		}
		now, failed := p.r.Get(ctx, it.Kind, it.ID.Namespace, it.ID.Name)
		if failed != nil || now.GetUID() != it.Live.GetUID() || now.GetGeneration() != it.Live.GetGeneration() {
			break
		}
		body.SetResourceVersion(now.GetResourceVersion())
		answer, err = p.r.DryRunUpdate(ctx, it.Kind, body)
	}
	return answer, err
}

// document reads the schemas of a group-version, once.
func (p *planner) document(ctx context.Context, gv schema.GroupVersion) ([]byte, error) {
	p.schemaTurn.Lock()
	defer p.schemaTurn.Unlock()
	document, ok := p.documents[gv]
	if !ok {
		var err error
		if document, err = p.r.OpenAPI(ctx, gv); err != nil {
			return nil, fmt.Errorf("reading the schemas of %s: %w", gv, err)
		}
		p.documents[gv] = document
	}
	return document, nil
}

// merger reads the schema of a kind.
func (p *planner) merger(ctx context.Context, kind object.Kind) (*fields.Merger, error) {
	document, err := p.document(ctx, kind.GroupVersion())
	if err != nil {
		return nil, err
	}
	merger, err := fields.NewMerger(document, kind.GroupVersionKind)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", kind.GroupKind(), err)
	}
	return merger, nil
}

// migrateStep makes the fields of older tools ours, without changing a value. The
// condition is that the object is as the plan saw it.
func migrateStep(before, live *unstructured.Unstructured) Step {
	uid, version := string(live.GetUID()), live.GetResourceVersion()
	return Step{Verb: VerbMigrate, UID: uid, Version: version, Body: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": live.GetAPIVersion(), "kind": live.GetKind(),
		"metadata": map[string]any{
			"name": live.GetName(), "namespace": live.GetNamespace(), "uid": uid, "resourceVersion": version,
			"managedFields": before.Object["metadata"].(map[string]any)["managedFields"], //nolint:forcetypeassert // we made it
		},
	}}}
}
