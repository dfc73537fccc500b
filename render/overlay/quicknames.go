package overlay

import (
	"slices"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/filters/nameref"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/utils"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// rename sets what stands before and behind names.
func rename(entries []*entry, prefix, suffix string) bool {
	if prefix == "" && suffix == "" {
		return true
	}
	names := types.FsSlice{{Path: "metadata/name"}}
	return sideBySide(entries, func(part []*entry) bool {
		all := together(part)
		if prefix != "" && (&builtins.PrefixTransformerPlugin{Prefix: prefix, FieldSpecs: names}).Transform(all) != nil {
			return false
		}
		if suffix != "" && (&builtins.SuffixTransformerPlugin{Suffix: suffix, FieldSpecs: names}).Transform(all) != nil {
			return false
		}
		for _, e := range part {
			e.named()
		}
		return true
	})
}

// hash ends the names of generated objects with the hash of their content.
func (q *quickly) hash(entries []*entry) bool {
	generated := slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return !e.NeedHashSuffix() })
	if len(generated) == 0 {
		return true
	}
	t := builtins.NewHashTransformerPlugin()
	return t.Config(q.helpers(""), nil) == nil && t.Transform(together(generated)) == nil
}

// referrer is a field by which an object names others of a kind.
type referrer struct {
	target resid.Gvk
	field  types.FieldSpec
	keys   []string
}

// references follows objects whose names or namespaces changed. Every reference is
// shown only the objects that once had the name it says: kustomize's filter, which
// chooses among them, asks for that first.
func (q *quickly) references(entries []*entry) bool {
	table := newReferred()
	if !q.renames {
		table = movers(table)
	}
	targets := q.targets(entries, table)
	if len(targets) == 0 {
		return true
	}
	known := map[resid.Gvk][]referrer{}
	for _, e := range entries {
		gvk := e.OrgId().Gvk
		gvk = resid.Gvk{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
		fields, seen := known[gvk]
		if !seen {
			fields = referrers(table, gvk)
			known[gvk] = fields
		}
		for _, f := range fields {
			if !q.reference(e, f, targets) {
				return false
			}
		}
	}
	return true
}

// targets are the objects that may be referred to, by the kinds and names that
// they had.
func (q *quickly) targets(entries []*entry, table []referred) map[string][]*resource.Resource {
	kinds := map[string]bool{}
	for _, r := range table {
		kinds[r.target.Kind] = true
	}
	targets := map[string][]*resource.Resource{}
	for _, e := range entries {
		if !kinds[e.GetKind()] {
			continue
		}
		for _, id := range e.PrevIds() {
			key := id.Kind + " " + id.Name
			if all := targets[key]; len(all) == 0 || all[len(all)-1] != e.Resource {
				targets[key] = append(all, e.Resource)
			}
		}
	}
	return targets
}

// referrers are the fields of objects of a kind that name others.
func referrers(table []referred, gvk resid.Gvk) []referrer {
	var fields []referrer
	for _, r := range table {
		for _, s := range r.by {
			if gvk.IsSelected(&s.Gvk) {
				fields = append(fields, referrer{r.target, s, utils.PathSplitter(s.Path, "/")})
			}
		}
	}
	return fields
}

// reference lets kustomize follow what one field of an object names.
func (q *quickly) reference(e *entry, f referrer, targets map[string][]*resource.Resource) bool {
	var candidates []*resource.Resource
	note := func(name string) {
		for _, r := range targets[f.target.Kind+" "+name] {
			if !slices.Contains(candidates, r) {
				candidates = append(candidates, r)
			}
		}
	}
	if !reach(e.YNode(), f.keys, nil, func(n *yaml.Node) bool { return namesOf(n, note) }) {
		return false
	}
	if len(candidates) == 0 {
		return true
	}
	m, err := inOrderOf(q.factory, candidates).SubsetThatCouldBeReferencedByResource(e.Resource)
	if err != nil {
		return false
	}
	filter := nameref.Filter{Referrer: e.Resource, ReferralCandidates: m, ReferralTarget: f.target, NameFieldToUpdate: f.field}
	if e.ApplyFilter(filter) != nil {
		return false
	}
	for _, r := range candidates {
		// Who refers to it is noted on it, is asked for by nobody, and grows.
		if r.PipeE(yaml.ClearAnnotation(referredBy)) != nil {
			return false
		}
	}
	return true
}

// referredBy is where kustomize notes on an object what refers to it.
const referredBy = "internal.config.kubernetes.io/refBy"

// inOrderOf collects resources without comparing each with every other.
func inOrderOf(factory *resmap.Factory, all []*resource.Resource) resmap.ResMap {
	return factory.FromResourceSlice(all)
}

// namesOf reads the names that a field holds; false where kustomize would find
// fault with it.
func namesOf(n *yaml.Node, note func(string)) bool {
	if odd(n) {
		return false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		note(n.Value)
		return true
	case yaml.SequenceNode:
		return !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool {
			return item.Kind == yaml.SequenceNode || !namesOf(item, note)
		})
	case yaml.MappingNode:
		name := valueAt(n, "name")
		if name == nil || name.Kind != yaml.ScalarNode || odd(name) {
			return false
		}
		note(name.Value)
		return true
	}
	return false
}
