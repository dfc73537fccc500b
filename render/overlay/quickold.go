package overlay

import (
	"path"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	k8syaml "sigs.k8s.io/yaml"
)

// Patches in the fields that kustomize calls deprecated, which are applied at
// other times than those in the new one.

// fileOrText is a patch that the old fields name or hold.
func (q *quickly) fileOrText(dir, text string) (data, shown string, ok bool) {
	if _, err := q.factory.RF().SliceFromBytes([]byte(text)); err == nil {
		return text, q.tree.Shown(q.kustomization(dir)), true
	}
	file := path.Join(dir, text)
	content, has := q.files[file]
	return string(content), q.tree.Shown(file), has
}

// oldMerges applies patchesStrategicMerge.
func (q *quickly) oldMerges(k *types.Kustomization, dir string, entries []*entry) ([]*entry, bool) {
	var merges []*resource.Resource
	via := map[*resource.Resource]string{}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // it is still written
		text, shown, ok := q.fileOrText(dir, string(p))
		if !ok {
			return nil, false
		}
		more, err := q.factory.RF().SliceFromBytes([]byte(text))
		if err != nil || len(more) == 0 {
			return nil, false
		}
		for _, m := range more {
			via[m] = shown
		}
		merges = append(merges, more...)
	}
	for _, m := range merges {
		changed, ok := q.patchNamed(entries, []*resource.Resource{m})
		if !ok {
			return nil, false
		}
		changed[0].via = via[m]
		if entries, ok = remaining(entries, changed); !ok {
			return nil, false
		}
	}
	return entries, true
}

// oldJSON applies patchesJson6902.
func (q *quickly) oldJSON(k *types.Kustomization, dir string, entries []*entry) ([]*entry, bool) {
	for _, p := range k.PatchesJson6902 { //nolint:staticcheck // it is still written
		text, via := p.Patch, q.tree.Shown(q.kustomization(dir))
		if p.Path != "" {
			file := path.Join(dir, p.Path)
			if text != "" || q.files[file] == nil {
				return nil, false
			}
			text, via = string(q.files[file]), q.tree.Shown(file)
		}
		if p.Target == nil || p.Options != nil {
			return nil, false
		}
		config, err := k8syaml.Marshal(map[string]any{"target": p.Target, "jsonOp": text})
		t := builtins.NewPatchJson6902TransformerPlugin()
		if err != nil || t.Config(q.helpers(dir), config) != nil {
			return nil, false
		}
		changed, ok := q.patchSelected(entries, *p.Target, nil, t)
		if !ok {
			return nil, false
		}
		for _, e := range changed {
			e.via = via
		}
		if entries, ok = remaining(entries, changed); !ok {
			return nil, false
		}
	}
	return entries, true
}

// withoutOld is a kustomization without these fields.
func withoutOld(k types.Kustomization) types.Kustomization {
	k.CommonLabels, k.PatchesStrategicMerge, k.PatchesJson6902 = nil, nil, nil //nolint:staticcheck // it is still written
	return k
}

// oldLabels are commonLabels.
func oldLabels(k *types.Kustomization) map[string]string {
	return k.CommonLabels //nolint:staticcheck // it is still written
}
