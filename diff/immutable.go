package diff

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// judgeImmutable decides an update that the server refuses although the object
// would be valid as a new one: recreate it where that is allowed, else refuse.
func (p *planner) judgeImmutable(it *item) {
	it.body = it.whole()
	it.Merged = it.body
	if said := policy.Recreation(it.Live); p.o.Op == OpRollback && said != "" {
		it.Policy.OnImmutable = said // what made the object as it is may be unmade the same way
	}
	it.Paths = p.guessPaths(it)
	if p.twins(it) {
		it.Action = Update
		return
	}
	if it.spoilt || !updateOnly(it.ID.GroupKind(), it.err) {
		it.Action = Update
		p.mixed = append(p.mixed, it)
		return
	}
	it.Action = Update
	if !p.claim(it) {
		return
	}
	it.Action = Recreate
	it.Reason = p.immutableFields(it) + " is immutable"
	if !mayRecreate(it) {
		p.stuck = append(p.stuck, it)
		return
	}
	// The new object must not meet the old one's pods, unless it is to take them over.
	propagation := "Foreground"
	if it.Policy.OnImmutable == policy.ImmutableOrphan {
		propagation = "Orphan"
	}
	it.Steps = []Step{{
		Verb: VerbDelete, UID: string(it.Live.GetUID()), Version: it.Live.GetResourceVersion(), Propagation: propagation,
	}, {
		Verb: VerbApply, Body: it.body,
	}}
}

// whole is the body with the live values of the fields that are left to others: an
// object that is created anew has nobody yet who sets them.
func (it *item) whole() *unstructured.Unstructured {
	body := it.body
	for _, keys := range it.yields {
		if value := fields.At(it.Live.Object, keys); value != nil {
			if set, ok := fields.SetAt(body.Object, keys, value); ok {
				body = &unstructured.Unstructured{Object: set}
			}
		}
	}
	return body
}

// updateOnly says whether a refusal can be one that only updates meet. The
// server has kinds of refusals that are never that: they are about the object
// that our fields make together with others', as is all that it says of a field of a
// pod template. But where it calls a field immutable, nothing that others take off
// would help.
func updateOnly(gk schema.GroupKind, err error) bool {
	d := statusOf(err).Details
	if d == nil {
		return true
	}
	only := true
	for _, c := range d.Causes {
		switch c.Type {
		case metav1.CauseTypeFieldValueInvalid, metav1.CauseType("FieldValueForbidden"), "":
			if strings.HasSuffix(c.Message, "field is immutable") {
				return true
			}
			only = only && !(makesPods(gk) && (within(c.Field, "spec.template") || within(c.Field, "spec.jobTemplate")))
		default:
			only = false
		}
	}
	return only
}

// refuseMixed refuses objects that are valid as the bundle has them, but not
// together with what others set on them.
func (p *planner) refuseMixed() {
	if len(p.mixed) == 0 {
		return
	}
	r := Refusal{Code: RefusedByRule}
	for _, it := range p.mixed {
		r.IDs = append(r.IDs, it.ID)
		r.Lines = append(r.Lines, p.name(it.ID)+inBrackets(it.Source.String())+p.writers(it.Live))
		for _, text := range p.complaints(it) {
			r.Lines = append(r.Lines, "    "+text)
		}
		r.Hints = append(r.Hints, "take off what they set: "+p.editCommand(it))
	}
	n := len(p.mixed)
	r.Message = fmt.Sprintf("refused: %s be invalid together with what others set on %s; nothing was changed",
		plural(n, "object would", "objects would"), word(n, "it", "them"))
	p.plan.Refused = append(p.plan.Refused, r)
}

// writers names the other managers that set an object's fields.
func (p *planner) writers(live *unstructured.Unstructured) string {
	var names []string
	for _, e := range fields.Entries(live) {
		if e.Manager != p.manager && e.Subresource != "status" && !slices.Contains(names, e.Manager) {
			names = append(names, e.Manager)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", set also by " + strings.Join(names, ", ")
}

// neverRecreated are kinds whose deletion takes more with it than the object.
func neverRecreated(gk schema.GroupKind) bool {
	switch gk {
	case object.NamespaceKind, object.CRDKind,
		schema.GroupKind{Kind: "PersistentVolumeClaim"}, schema.GroupKind{Kind: "PersistentVolume"}:
		return true
	}
	return false
}

func mayRecreate(it *item) bool {
	switch {
	case neverRecreated(it.ID.GroupKind()):
		return false
	case it.Policy.OnImmutable == policy.ImmutableRecreate, it.Policy.OnImmutable == policy.ImmutableOrphan:
		return true
	case it.Policy.OnImmutable == policy.ImmutableFail:
		return false
	}
	return isJob(it.ID) && finished(it.Live)
}

func isJob(id object.ID) bool { return id.Group == "batch" && id.Kind == "Job" }

// finished says whether a Job ran to its end, well or not.
func finished(job *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(job.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		m, _ := c.(map[string]any)
		return (m["type"] == "Complete" || m["type"] == "Failed") && m["status"] == "True"
	})
}

// immutableFields names the fields that an update may not change. What changes
// is our own finding; the server only helps to choose among it, for its message
// may say no more than "spec", and may quote values.
func (p *planner) immutableFields(it *item) string {
	var named []string
	if d := statusOf(it.err).Details; d != nil {
		for _, cause := range d.Causes {
			if strings.Count(cause.Field, ".") == 0 && cause.Field != "roleRef" && cause.Field != "data" {
				continue
			}
			if slices.ContainsFunc(it.Paths, func(c PathChange) bool { return within(c.Path, cause.Field) }) {
				named = append(named, cause.Field)
			}
		}
	}
	if len(named) == 0 {
		for _, c := range it.Paths {
			if !c.Ownership && !mutable(it.ID.GroupKind(), c.Path) {
				named = append(named, c.Path)
			}
		}
	}
	slices.Sort(named)
	named = slices.Compact(named)
	const most = 3
	switch {
	case len(named) == 0:
		return "something in it"
	case len(named) > most:
		return strings.Join(named[:most], ", ") + fmt.Sprintf(" and %d more", len(named)-most)
	}
	return strings.Join(named, ", ")
}

// within says whether a path is the field or below it.
func within(path, field string) bool {
	rest, ok := strings.CutPrefix(path, field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// mutable says which paths are never what an update was refused for.
func mutable(gk schema.GroupKind, path string) bool {
	if within(path, "metadata") {
		return true
	}
	if gk == (schema.GroupKind{Group: "apps", Kind: "StatefulSet"}) {
		for _, field := range []string{"spec.replicas", "spec.template", "spec.updateStrategy", "spec.minReadySeconds",
			"spec.ordinals", "spec.persistentVolumeClaimRetentionPolicy", "spec.revisionHistoryLimit"} {
			if within(path, field) {
				return true
			}
		}
	}
	return false
}

// annotateCommand lets live objects be recreated by a rollback.
func (p *planner) annotateCommand(stuck []*item) string {
	var commands []string
	for _, it := range stuck {
		if neverRecreated(it.ID.GroupKind()) {
			continue
		}
		commands = append(commands, p.kubectl(it, "annotate", "--overwrite", "belay.sh/on-immutable=recreate"))
	}
	return strings.Join(commands, " && ")
}

// refuseImmutable refuses what may not be recreated.
func (p *planner) refuseImmutable() {
	if len(p.stuck) == 0 {
		return
	}
	r := Refusal{Code: RefusedByRule}
	var rows [][2]string
	allowed, running := false, false
	var never []string
	for _, it := range p.stuck {
		r.IDs = append(r.IDs, it.ID)
		text := it.Reason + inBrackets(it.Source.String())
		switch {
		case isJob(it.ID) && !finished(it.Live) && it.Policy.OnImmutable == "":
			running = true
			text = "is running; " + text
		case neverRecreated(it.ID.GroupKind()):
			never = append(never, p.name(it.ID)+" is never recreated, for what is in it would go: give the new one another name, or delete the old one yourself")
		default:
			allowed = true
		}
		rows = append(rows, [2]string{p.name(it.ID), text})
	}
	r.Lines = columns(rows)
	r.Message = fmt.Sprintf("refused: immutable fields of %s would have to change; nothing was changed",
		plural(len(p.stuck), "object", "objects"))
	switch {
	case !allowed && !running:
	case p.o.Op == OpRollback: // a revision is what it was
		r.Hints = append(r.Hints, "to delete and create it anew, say so on what is live, and roll back again: "+p.annotateCommand(p.stuck))
	default:
		r.Hints = append(r.Hints, "to delete and create it anew, annotate it: belay.sh/on-immutable: recreate (orphan: what depends on it lives on)")
	}
	r.Hints = append(r.Hints, never...)
	if running {
		r.Hints = append(r.Hints, "a Job that has ended is recreated without being told")
	}
	p.plan.Refused = append(p.plan.Refused, r)
}
