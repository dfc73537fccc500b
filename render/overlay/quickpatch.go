package overlay

import (
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/filters/nameref"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	k8syaml "sigs.k8s.io/yaml"
)

// patch applies an entry of patches to the objects that it selects or names.
func (q *quickly) patch(entries []*entry, p *types.Patch, dir string) ([]*entry, bool) {
	if p.Options != nil { // they allow another name or kind
		return nil, false
	}
	via := q.tree.Shown(q.kustomization(dir))
	text := p.Patch
	if p.Path != "" {
		file := path.Join(dir, p.Path)
		if q.files[file] == nil || p.Patch != "" {
			return nil, false
		}
		via, text = q.tree.Shown(file), string(q.files[file])
	}
	config, err := k8syaml.Marshal(types.Patch{Patch: text, Target: p.Target})
	if err != nil {
		return nil, false
	}
	plugin := builtins.NewPatchTransformerPlugin()
	if plugin.Config(resmap.NewPluginHelpers(nil, nil, q.factory, nil), config) != nil {
		return nil, false
	}
	var selected []*entry
	if p.Target != nil {
		selected, err = choose(entries, *p.Target)
	} else {
		selected, err = q.named(entries, text)
	}
	if err != nil || selected == nil {
		return entries, err == nil && p.Target != nil
	}
	part := mergePart(text)
	if p.Target != nil && p.Target.LabelSelector != "" {
		part = nil // the filter looks at labels again
	}
	apply := func(group []*entry) bool {
		var taken []aside
		if part != nil {
			for _, e := range group {
				setAside(e.YNode(), part, &taken)
			}
		}
		if plugin.Transform(together(group)) != nil {
			return false
		}
		putBack(taken)
		for _, e := range group {
			e.via = via
		}
		return true
	}
	if p.Target == nil {
		if !apply(selected) {
			return nil, false
		}
		return remaining(entries)
	}
	// One by one: together, kustomize would compare every object with every other.
	if !sideBySide(selected, func(part []*entry) bool {
		for i := range part {
			if !apply(part[i : i+1]) {
				return false
			}
		}
		return true
	}) {
		return nil, false
	}
	return remaining(entries)
}

// choose finds what a selector selects.
func choose(entries []*entry, s types.Selector) ([]*entry, error) {
	m := together(entries)
	found, err := m.Select(s)
	if err != nil {
		return nil, err
	}
	chosen := make(map[*resource.Resource]bool, len(found))
	for _, r := range found {
		chosen[r] = true
	}
	var selected []*entry
	for _, e := range entries {
		if chosen[e.Resource] {
			selected = append(selected, e)
		}
	}
	return selected, nil
}

// named finds the objects that patches claim to be, each exactly once; none when
// one is not there.
func (q *quickly) named(entries []*entry, text string) ([]*entry, error) {
	patches, err := q.factory.RF().SliceFromBytes([]byte(text))
	if err != nil {
		return nil, err
	}
	byName := make(map[string][]*entry, len(entries))
	for _, e := range entries {
		for _, id := range append(e.PrevIds(), e.CurId()) {
			if all := byName[id.Name]; len(all) == 0 || all[len(all)-1] != e {
				byName[id.Name] = append(all, e)
			}
		}
	}
	var selected []*entry
	taken := map[*entry]bool{}
	for _, p := range patches {
		want := p.OrgId()
		var match *entry
		for _, e := range byName[want.Name] {
			for _, id := range append(e.PrevIds(), e.CurId()) {
				if want.Equals(id) {
					if match != nil && match != e {
						return nil, nil
					}
					match = e
				}
			}
		}
		if match == nil {
			return nil, nil
		}
		if !taken[match] {
			taken[match] = true
			selected = append(selected, match)
		}
	}
	return selected, nil
}

// remaining drops what patches deleted; ok is false when one has another name.
func remaining(entries []*entry) ([]*entry, bool) {
	kept := make([]*entry, 0, len(entries))
	for _, e := range entries {
		if e.IsNilOrEmpty() {
			continue
		}
		if e.GetKind()+" "+e.GetName() != e.name {
			return nil, false
		}
		kept = append(kept, e)
	}
	return kept, true
}

// pointers are the references that name an object's namespace as well as its
// name: they change when it moves, even under its old name.
var pointers = map[string]struct{ path, kind string }{
	"RoleBinding":                    {"subjects", "ServiceAccount"},
	"ClusterRoleBinding":             {"subjects", "ServiceAccount"},
	"ValidatingWebhookConfiguration": {"webhooks/clientConfig/service", "Service"},
	"MutatingWebhookConfiguration":   {"webhooks/clientConfig/service", "Service"},
}

// pointed says whether there may be such references.
func (q *quickly) pointed(entries []*entry) bool {
	return slices.ContainsFunc(entries, func(e *entry) bool { return pointers[e.GetKind()].path != "" })
}

// references follows objects that moved. Names did not change, so only
// references that name a namespace can.
func (q *quickly) references(entries []*entry) bool {
	targets := map[string][]*resource.Resource{}
	for _, e := range entries {
		if kind := e.GetKind(); kind == "ServiceAccount" || kind == "Service" {
			targets[kind+" "+e.GetName()] = append(targets[kind+" "+e.GetName()], e.Resource)
		}
	}
	for _, e := range entries {
		pointer, refers := pointers[e.GetKind()]
		if !refers {
			continue
		}
		var candidates []*resource.Resource
		names := map[string]bool{}
		texts(e.YNode(), names)
		for name := range names {
			candidates = append(candidates, targets[pointer.kind+" "+name]...)
		}
		if len(candidates) == 0 {
			continue
		}
		m, err := q.factory.FromResourceSlice(candidates).SubsetThatCouldBeReferencedByResource(e.Resource)
		if err != nil {
			return false
		}
		f := nameref.Filter{
			Referrer: e.Resource, ReferralCandidates: m, ReferralTarget: resid.Gvk{Version: "v1", Kind: pointer.kind},
			NameFieldToUpdate: types.FieldSpec{Gvk: e.GetGvk(), Path: pointer.path},
		}
		if e.ApplyFilter(f) != nil {
			return false
		}
	}
	return true
}

// texts collects the texts of an object.
func texts(n *yaml.Node, into map[string]bool) {
	if n.Kind == yaml.ScalarNode {
		into[n.Value] = true
	}
	for _, child := range n.Content {
		texts(child, into)
	}
}
