package diff

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// conflicts notes what other managers would lose by the update, and returns the
// body to send: where a value is live in another spelling, that one is sent, so
// that nobody loses anything. force is true when all that others lose is theirs
// to lose by the user's word.
func (p *planner) conflicts(it *item) (body *unstructured.Unstructured, force bool) {
	body = it.body
	seen := map[[2]string]bool{}
	against := it.seen()
	if it.Owner == Ours && !it.Adopted {
		against = it.Live // a client-side apply on what is ours can mean something
	}
	for _, loss := range fields.Losses(against, it.answer, p.manager) {
		if loss.Same && p.respell(it, &body, loss) {
			continue
		}
		key := [2]string{loss.Path, loss.Entry.Manager}
		if seen[key] {
			continue
		}
		seen[key] = true
		c := Conflict{
			Path: loss.Path, Manager: loss.Entry.Manager, Wrote: loss.Entry.Time,
			Ours: valueText(it.ID, loss.Path, loss.B), Theirs: valueText(it.ID, loss.Path, loss.A),
			Forced: p.forced(loss.Entry.Manager) || it.Policy.Decide(loss.Path, loss.Entry.Manager) == policy.Force,
		}
		it.Conflicts = append(it.Conflicts, c)
	}
	force = len(it.Conflicts) > 0 && !slices.ContainsFunc(it.Conflicts, func(c Conflict) bool { return !c.Forced })
	return body, force
}

// twins notes list items that somebody moved to another key. They make an apply
// invalid and cannot be taken over, for the other's item would stay.
func (p *planner) twins(it *item) bool {
	twins := fields.Twins(it.body, it.Live)
	for _, t := range twins {
		manager := t.Entry.Manager
		if manager == "" {
			manager = "nobody known"
		}
		it.Conflicts = append(it.Conflicts, Conflict{
			Path: t.Path, Manager: manager, Wrote: t.Entry.Time,
			Ours: valueText(it.ID, t.Path, t.Ours), Theirs: valueText(it.ID, t.Path, t.Theirs),
		})
	}
	it.moved = len(twins) > 0
	return it.moved
}

// respell puts the live spelling into a copy of the body.
func (p *planner) respell(it *item, body **unstructured.Unstructured, loss fields.Loss) bool {
	if *body == it.body {
		*body = it.body.DeepCopy()
	}
	return fields.Put((*body).Object, loss.Keys, loss.A)
}

// forced says whether the user lets us take over what a manager owns.
func (p *planner) forced(manager string) bool {
	return slices.ContainsFunc(p.o.ForceConflicts, func(pattern string) bool {
		if pattern == "*" {
			return true // path.Match stops at slashes
		}
		ok, err := path.Match(pattern, manager)
		return err == nil && ok || pattern == manager
	})
}

// longestValue bounds a value in a line of text, in characters.
const longestValue = 60

// valueText writes a value for a line of text; secret ones are hidden.
func valueText(id object.ID, path string, v any) string {
	if object.IsSecretPath(id, path) {
		return "‹hidden›"
	}
	if v == nil {
		return "nothing"
	}
	text, ok := v.(string)
	if !ok || strings.ContainsAny(text, "\n\t") || text == "" {
		data, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		text = string(data)
	}
	return shorten(text, longestValue)
}

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// refuseConflicts refuses what is not forced: all conflicts of all objects.
func (p *planner) refuseConflicts() {
	r := Refusal{Code: RefusedByRule}
	count := 0
	managers := map[string]bool{}
	rows := [][2]string{}
	var below, mend []string
	first := ""
	for _, it := range p.items {
		open := 0
		for _, c := range it.Conflicts {
			if c.Forced {
				continue
			}
			open++
			if it.moved {
				mend = append(mend, "put it back first, it cannot be taken over: "+p.editCommand(it))
			} else {
				managers[c.Manager] = true
				if first == "" {
					first = c.Path
				}
			}
			rows = append(rows, [2]string{p.name(it.ID), c.Path})
			below = append(below, fmt.Sprintf("    %s %s%s · live %s, set by %s%s",
				p.says(), c.Ours, inBrackets(it.Source.String()), c.Theirs, c.Manager, ago(p.o.Now, c.Wrote)))
		}
		if open > 0 {
			r.IDs = append(r.IDs, it.ID)
			count += open
		}
	}
	if count == 0 {
		return
	}
	for i, line := range columns(rows) {
		r.Lines = append(r.Lines, line, below[i])
	}
	r.Message = "refused: " + plural(count, "conflict", "conflicts") + "; nothing was changed"
	if len(managers) > 0 {
		r.Hints = columns(p.waysOut(count, first, sortedKeys(managers)))
	}
	r.Hints = append(r.Hints, compact(mend)...)
	p.plan.Refused = append(p.plan.Refused, r)
}

// says names what wants the values that a plan is refused for.
func (p *planner) says() string {
	switch p.o.Op {
	case OpRollback:
		return "revision"
	case OpAdopt:
		return "Helm"
	}
	return "bundle"
}

// waysOut say how conflicts can be decided. What was recorded says no more than it did.
func (p *planner) waysOut(count int, first string, managers []string) [][2]string {
	once := [2]string{"take " + word(count, "it", "them") + " over, once", "--force-conflicts=" + shellWord(strings.Join(managers, ","))}
	switch p.o.Op {
	case OpRollback:
		return [][2]string{once, {"keep the live value", "no rollback can: apply a bundle that has it"}}
	case OpAdopt:
		return [][2]string{once, {"keep the live value", "let Helm have it first: helm upgrade " + p.o.Helm + " with that value"}}
	}
	return [][2]string{
		{"keep the live value", fmt.Sprintf("annotate it: belay.sh/fields: %q", first+"=yield")},
		once,
		{"always, in bundle.yaml", fmt.Sprintf("fields: [{manager: %q, onConflict: force}]", managerPattern(managers[0]))},
	}
}

// managerPattern stands for all managers of a kind: all commands of kubectl.
func managerPattern(manager string) string {
	if strings.HasPrefix(manager, "kubectl-") {
		return "kubectl-*"
	}
	return manager
}

// editCommand is how a person changes an object by hand.
func (p *planner) editCommand(it *item) string { return p.kubectl(it, "edit") }

// kubectl is a command of kubectl's on an object, with more behind its name.
func (p *planner) kubectl(it *item, verb string, more ...string) string {
	words := []string{"kubectl"}
	if ns := it.ID.Namespace; ns != "" {
		words = append(words, "-n", ns)
	}
	words = append(words, verb, it.Kind.GVR().GroupResource().String(), it.ID.Name)
	return p.onCluster(strings.Join(append(words, more...), " "))
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t'\"$&|;<>()*?[]`\\!#~") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
