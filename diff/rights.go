package diff

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// lack is a right that the user does not have, and an object that needs it.
type lack struct {
	object.Access
	id object.ID
}

func (p *planner) lacks(a object.Access, id object.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.Name = ""
	p.lacking = append(p.lacking, lack{a, id})
}

func (it *item) access(verb string) object.Access {
	return object.Access{Verb: verb, Group: it.Kind.Group, Resource: it.Kind.Resource, Namespace: it.ID.Namespace, Name: it.ID.Name}
}

// askRights finds out which right a forbidden dry-run lacked. When it lacked
// none, it was admission that refused the object.
func (p *planner) askRights(ctx context.Context, it *item) error {
	wanted := []object.Access{it.access("patch")}
	if it.Live == nil {
		create := it.access("create")
		create.Name = "" // creates cannot be allowed by name
		wanted = append(wanted, create)
	}
	allowed, err := p.r.Can(ctx, wanted)
	if err != nil {
		return fmt.Errorf("asking for the right to %s %s: %w", wanted[0].Verb, it.ID, err)
	}
	if it.unread {
		p.lacks(it.access("get"), it.ID)
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

var userInMessage = regexp.MustCompile(`User "([^"]+)" cannot `)

// noteUser learns from a refusal what the server calls the user.
func (p *planner) noteUser(err error) {
	if m := userInMessage.FindStringSubmatch(statusOf(err).Message); m != nil {
		p.mu.Lock()
		p.user = m[1]
		p.mu.Unlock()
	}
}

// checkRights asks for the rights that no dry-run has proven: those of the
// release's records, of deletions, and of what could not be dry-run.
func (p *planner) checkRights(ctx context.Context) error {
	if !p.records() {
		return nil
	}
	type need struct {
		access object.Access
		id     object.ID
	}
	records := object.ID{Kind: "Secret", Namespace: p.o.Target.Namespace, Name: "belay." + p.o.Target.Release}
	var needs []need
	add := func(a object.Access, id object.ID) {
		a.Name = ""
		if !slices.ContainsFunc(needs, func(n need) bool { return n.access == a }) {
			needs = append(needs, need{a, id})
		}
	}
	for _, verb := range []string{"list", "create", "update", "delete"} {
		if verb == "list" && p.o.ReadOnly {
			continue // only who writes has to find what nothing names any more
		}
		add(object.Access{Verb: verb, Resource: "secrets", Namespace: p.o.Target.Namespace}, records)
	}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		for _, verb := range unproven(c) {
			add(object.Access{Verb: verb, Group: c.Kind.Group, Resource: c.Kind.Resource, Namespace: c.ID.Namespace}, c.ID)
		}
	}
	asked := make([]object.Access, len(needs))
	for i, n := range needs {
		asked[i] = n.access
	}
	useful := p.usefulRights()
	allowed, err := p.r.Can(ctx, append(asked, useful...))
	if err != nil {
		return fmt.Errorf("asking for the rights that the plan needs: %w", err)
	}
	var less []string
	for i, ok := range allowed {
		switch {
		case ok:
		case i < len(needs):
			p.lacks(needs[i].access, needs[i].id)
		default:
			right := useful[i-len(needs)]
			less = append(less, right.Verb+" "+resourceName(right))
		}
	}
	if len(less) > 0 && !p.o.ReadOnly {
		slices.Sort(less)
		p.plan.Warnings = append(p.plan.Warnings, "you may not "+strings.Join(slices.Compact(less), ", ")+
			": should a rollout fail, less can be said about why"+p.roleHint())
	}
	return nil
}

// records says whether carrying the plan out would write the release's records.
func (p *planner) records() bool {
	current := p.s.Current()
	return !p.plan.Empty() || p.plan.HooksChanged || p.o.Op == OpDelete || current == nil || current.Status != release.Deployed
}

// usefulRights are the rights without which a rollout can be followed, but less
// well: by asking again and again, and without what pods say.
func (p *planner) usefulRights() []object.Access {
	var useful []object.Access
	if p.o.ReadOnly {
		return nil
	}
	add := func(a object.Access) {
		if !slices.Contains(useful, a) {
			useful = append(useful, a)
		}
	}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		if len(c.Steps) == 0 || c.Action == Delete || !makesPods(c.ID.GroupKind()) {
			continue
		}
		ns := c.ID.Namespace
		add(object.Access{Verb: "watch", Group: c.Kind.Group, Resource: c.Kind.Resource, Namespace: ns})
		if c.ID.Kind == "Deployment" {
			add(object.Access{Verb: "watch", Group: "apps", Resource: "replicasets", Namespace: ns})
		}
		add(object.Access{Verb: "list", Resource: "pods", Namespace: ns})
		add(object.Access{Verb: "watch", Resource: "pods", Namespace: ns})
		add(object.Access{Verb: "get", Resource: "pods", Subresource: "log", Namespace: ns})
		add(object.Access{Verb: "list", Resource: "events", Namespace: ns})
	}
	return useful
}

// unproven are the verbs that a change needs and no dry-run has shown.
func unproven(c *Change) []string {
	var verbs []string
	if c.Action == Run { // a dry-run asked for create, or for nothing
		verbs = append(verbs, "create", "patch")
		if c.Hook.ClearFailed {
			verbs = append(verbs, "delete", "get")
		}
	}
	for _, step := range c.Steps {
		switch {
		case step.Verb == VerbDelete, step.Verb == VerbClear:
			verbs = append(verbs, "delete", "get") // it is waited for
		case c.Unchecked == "":
		case step.UID == "":
			verbs = append(verbs, "patch", "create")
		default:
			verbs = append(verbs, "patch")
		}
	}
	return verbs
}

// refuseRights refuses for want of rights: all that lack, once each.
func (p *planner) refuseRights() {
	if len(p.lacking) == 0 {
		return
	}
	slices.SortFunc(p.lacking, func(a, b lack) int {
		return cmp.Or(a.id.Compare(b.id), strings.Compare(a.Verb, b.Verb))
	})
	r := Refusal{Code: RefusedPermission}
	seen := map[object.Access]bool{}
	namespaces := map[string]bool{}
	var rows [][3]string
	for _, l := range p.lacking {
		if seen[l.Access] {
			continue
		}
		seen[l.Access] = true
		namespaces[l.Namespace] = true
		r.IDs = append(r.IDs, l.id)
		rows = append(rows, [3]string{l.Verb, resourceName(l.Access), "for " + p.name(l.id)})
	}
	r.Lines = table(rows)
	user := p.user
	lacks := " lacks "
	if user == "" {
		user, lacks = "you", " lack "
	}
	where := ""
	if len(namespaces) == 1 {
		if ns := sortedKeys(namespaces)[0]; ns != "" {
			where = " in namespace " + ns
		}
	}
	r.Message = "not permitted: " + user + lacks + plural(len(rows), "right", "rights") + where + "; nothing was changed"
	if command := p.roleCommand(); command != "" {
		r.Hints = append(r.Hints, command+" prints the Role that suffices")
	}
	p.plan.Refused = append(p.plan.Refused, r)
}

// table aligns three columns.
func table(rows [][3]string) []string {
	left := make([][2]string, len(rows))
	for i, row := range rows {
		left[i] = [2]string{row[0], row[1]}
	}
	joined := columns(left)
	for i, row := range rows {
		left[i] = [2]string{joined[i], row[2]}
	}
	return columns(left)
}
