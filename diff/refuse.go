package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// refuse gathers all reasons not to start, in the order in which they decide the
// exit code: input, permission, rule.
func (p *planner) refuse() {
	p.tellRights()
	p.refuseMistakes()
	p.checkAdopt()
	if p.o.Op == OpDrift {
		p.refuseRights()
		return // nothing is going to be done
	}
	p.refuseDying()
	p.refuseForeign()
	p.refuseConflicts()
	p.refuseImmutable()
	p.refuseRestarts()
	p.refuseMixed()
	p.refuseUnchecked()
	p.refuseRights()
	rank := map[int]int{RefusedInput: 0, RefusedPermission: 1, RefusedByRule: 2}
	slices.SortStableFunc(p.plan.Refused, func(a, b Refusal) int { return rank[a.Code] - rank[b.Code] })
	for _, it := range p.items {
		for _, w := range it.Warnings {
			p.plan.Warnings = append(p.plan.Warnings, p.line(mistake{id: it.ID, source: it.Source, text: w}))
		}
	}
}

// refuseMistakes refuses what is wrong in the user's files, all at once.
func (p *planner) refuseMistakes() {
	if len(p.mistakes) == 0 {
		return
	}
	r := Refusal{Code: RefusedInput, Hints: compact(p.hints[RefusedInput])}
	for _, m := range p.mistakes {
		r.Lines = append(r.Lines, p.line(m))
		if !slices.Contains(r.IDs, m.id) {
			r.IDs = append(r.IDs, m.id)
		}
	}
	n := len(r.IDs)
	r.Message = plural(n, "object is", "objects are") + " invalid; nothing was changed"
	p.plan.Refused = append(p.plan.Refused, r)
}

// refuseRestarts refuses a takeover that would change what runs: then it is no
// longer as the other tool applied it.
func (p *planner) refuseRestarts() {
	if p.o.Op != OpAdopt || p.o.AllowRestarts {
		return
	}
	r := Refusal{Code: RefusedByRule}
	var rows [][2]string
	for _, it := range p.items {
		if len(it.Impact) > 0 && !it.Shared {
			r.IDs = append(r.IDs, it.ID)
			rows = append(rows, [2]string{p.name(it.ID), strings.Join(it.Impact, ", ")})
		}
	}
	if len(rows) == 0 {
		return
	}
	r.Lines = columns(rows)
	r.Message = "refused: what runs is not what Helm release " + p.o.Helm + " says, and taking it over would change it; nothing was changed"
	r.Hints = []string{"bring them together first, with helm upgrade or helm rollback; or accept the change: --allow-restarts"}
	p.plan.Refused = append(p.plan.Refused, r)
}

// refuseUnchecked refuses what the server could not validate, where only what it
// has seen may be applied.
func (p *planner) refuseUnchecked() {
	r := Refusal{Code: RefusedByRule}
	var rows [][2]string
	for _, it := range p.items {
		if it.Unchecked != "" && p.o.StrictPreview {
			r.IDs = append(r.IDs, it.ID)
			rows = append(rows, [2]string{p.name(it.ID), it.Unchecked})
		}
	}
	if len(rows) == 0 {
		return
	}
	r.Lines = columns(rows)
	r.Message = fmt.Sprintf("refused: the server could not validate %s, and --strict-preview asks for that; nothing was changed",
		plural(len(rows), "object", "objects"))
	r.Hints = []string{"apply first what they wait for, or leave out --strict-preview"}
	p.plan.Refused = append(p.plan.Refused, r)
}

func compact(hints []string) []string {
	var once []string
	for _, h := range hints {
		if !slices.Contains(once, h) {
			once = append(once, h)
		}
	}
	return once
}

// refuseDying refuses to put anything into a namespace that is being deleted.
func (p *planner) refuseDying() {
	for _, ns := range sortedKeys(p.dying) {
		var ids []object.ID
		for _, it := range p.items {
			if it.ID.Namespace == ns || it.ID.GroupKind() == object.NamespaceKind && it.ID.Name == ns {
				ids = append(ids, it.ID)
			}
		}
		if len(ids) == 0 && ns != p.o.Target.Namespace {
			continue
		}
		p.plan.Refused = append(p.plan.Refused, Refusal{
			Code: RefusedByRule, IDs: ids,
			Message: "refused: namespace " + ns + " is being deleted; nothing was changed",
			Hints:   []string{"wait until it is gone: " + p.onCluster("kubectl wait --for=delete namespace/"+ns)},
		})
	}
}
