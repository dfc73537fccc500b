package overlay

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
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
	plugin, ok := q.plugin(types.Patch{Patch: text, Target: p.Target})
	if !ok {
		return nil, false
	}
	merges, err := q.factory.RF().SliceFromBytes([]byte(strings.TrimSpace(text)))
	if err != nil {
		merges = nil // it is a JSON patch
	}
	var changed []*entry
	if p.Target != nil {
		changed, ok = q.patchSelected(entries, *p.Target, merges, plugin)
	} else {
		changed, ok = q.patchNamed(entries, merges)
	}
	if !ok {
		q.blame(entries, p, dir)
		return nil, false
	}
	for _, e := range changed {
		e.via = via
	}
	return remaining(entries, changed)
}

// blame notes which object a patch does not fit.
func (q *quickly) blame(entries []*entry, p *types.Patch, dir string) {
	unfit := slices.IndexFunc(entries, func(e *entry) bool { return e.unfit })
	if unfit < 0 {
		return
	}
	shown := q.tree.Shown(q.kustomization(dir))
	for _, known := range q.patches {
		if known.entry.File == shown && known.text == p.Patch && known.file == p.Path {
			at := known.at
			if at.File == shown {
				at.Line = known.entry.Line
			}
			q.failed = &failedPatch{at: at}
			if from := entries[unfit].from; from.Body != nil {
				q.failed.id = from.ID()
			}
			return
		}
	}
}

// plugin is kustomize's own way to apply a patch; ok is false for what is none.
func (q *quickly) plugin(p types.Patch) (plugin resmap.TransformerPlugin, ok bool) {
	config, err := k8syaml.Marshal(p)
	if err != nil {
		return nil, false
	}
	plugin = builtins.NewPatchTransformerPlugin()
	return plugin, plugin.Config(resmap.NewPluginHelpers(nil, nil, q.factory, nil), config) == nil
}

// patchSelected patches what a selector selects, one by one: together, kustomize
// would compare every object with every other.
func (q *quickly) patchSelected(entries []*entry, s types.Selector, merges []*resource.Resource, plugin resmap.TransformerPlugin) ([]*entry, bool) {
	selected, err := choose(entries, s)
	if err != nil || len(merges) > 1 {
		return nil, false
	}
	return selected, sideBySide(selected, func(part []*entry) bool {
		shapes := newShapes()
		for i, e := range part {
			if len(merges) == 1 && merged(e.YNode(), merges[0].YNode(), shapes) {
				continue
			}
			if plugin.Transform(together(part[i:i+1])) != nil {
				e.unfit = true
				return false
			}
		}
		return true
	})
}

// patchNamed merges patches into the objects that they claim to be; ok is false
// when one is not there.
func (q *quickly) patchNamed(entries []*entry, merges []*resource.Resource) (changed []*entry, ok bool) {
	shapes := newShapes()
	for _, patch := range merges {
		e := q.named(entries, patch.OrgId())
		if e == nil {
			return nil, false
		}
		if !merged(e.YNode(), patch.YNode(), shapes) && e.ApplySmPatch(patch) != nil {
			return nil, false
		}
		changed = append(changed, e)
	}
	return changed, len(merges) > 0
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

// named finds the object that a patch claims to be; nil unless there is one.
func (q *quickly) named(entries []*entry, want resid.ResId) *entry {
	if q.names == nil {
		q.names = newNames(entries)
	}
	if matches := q.names.matching(want); len(matches) == 1 {
		return matches[0]
	}
	return nil
}

// remaining drops what patches deleted; ok is false when one has another name.
func remaining(entries, changed []*entry) ([]*entry, bool) {
	gone := false
	for _, e := range changed {
		if e.IsNilOrEmpty() {
			gone = true
		} else if e.renamed() {
			return nil, false
		}
	}
	if gone {
		entries = slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return e.IsNilOrEmpty() })
	}
	return entries, true
}

// pointed says whether there may be references that name a namespace, too.
func pointed(entries []*entry) bool {
	return slices.ContainsFunc(entries, func(e *entry) bool {
		switch e.GetKind() {
		case "RoleBinding", "ClusterRoleBinding", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			return true
		}
		return false
	})
}
