package overlay

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// A strategic merge walks the whole object, though it changes only what the
// patch speaks of. What it does not speak of is set aside meanwhile, where that
// can make no difference: plain values below mappings.

// aside is what was taken out of a mapping.
type aside struct {
	from *yaml.Node
	took []*yaml.Node
}

// setAside takes out of an object what a patch does not speak of.
func setAside(n, patch *yaml.Node, all *[]aside) {
	if n.Kind == yaml.SequenceNode && patch.Kind == yaml.SequenceNode {
		setItemsAside(n, patch, all)
	}
	if n.Kind != yaml.MappingNode || patch.Kind != yaml.MappingNode {
		return
	}
	spoken := make(map[string]*yaml.Node, len(patch.Content)/2)
	for i := 0; i+1 < len(patch.Content); i += 2 {
		spoken[patch.Content[i].Value] = patch.Content[i+1]
	}
	var keep, took []*yaml.Node
	left := 0 // fields that stay for certain: no mapping may become empty
	for i := 0; i < len(n.Content); i += 2 {
		if about := spoken[n.Content[i].Value]; about != nil && !empties(about) {
			left++
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		about, named := spoken[key.Value]
		switch {
		case named:
			setAside(v, about, all)
		case key.Value == "annotations": // kustomize keeps notes there
		case left+len(keep) > 0 && unremarkable(v):
			took = append(took, key, v)
			continue
		}
		keep = append(keep, key, v)
	}
	if len(took) > 0 {
		n.Content = keep
		*all = append(*all, aside{n, took})
	}
}

// setItemsAside takes out of the items of a list what no item of the patch speaks
// of. Texts and numbers stay: by some of them, items are told apart.
func setItemsAside(list, patch *yaml.Node, all *[]aside) {
	spoken := map[string]bool{}
	for _, item := range patch.Content {
		if item.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i < len(item.Content); i += 2 {
			spoken[item.Content[i].Value] = true
		}
	}
	for _, item := range list.Content {
		if item.Kind != yaml.MappingNode {
			return
		}
		var keep, took []*yaml.Node
		for i := 0; i+1 < len(item.Content); i += 2 {
			key, v := item.Content[i], item.Content[i+1]
			if (v.Kind != yaml.ScalarNode || key.Value == "image") && !spoken[key.Value] && unremarkable(v) {
				took = append(took, key, v)
			} else {
				keep = append(keep, key, v)
			}
		}
		if len(took) > 0 && len(keep) > 0 {
			item.Content = keep
			*all = append(*all, aside{item, took})
		}
	}
}

// empties says whether a patch may empty what it speaks of.
func empties(patch *yaml.Node) bool {
	if patch.Kind == yaml.ScalarNode {
		return patch.ShortTag() == yaml.NodeTagNull
	}
	return len(patch.Content) == 0 || slices.ContainsFunc(patch.Content, empties)
}

// putBack returns what was taken.
func putBack(all []aside) {
	for _, a := range all {
		a.from.Content = append(a.from.Content, a.took...)
	}
}

// unremarkable says whether a merge would leave a value as it is for certain.
func unremarkable(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return false
	}
	if n.Kind == yaml.ScalarNode {
		return n.Value != "" && n.ShortTag() != yaml.NodeTagNull || n.Tag == yaml.NodeTagString
	}
	if len(n.Content) == 0 {
		return false
	}
	for _, child := range n.Content {
		if !unremarkable(child) {
			return false
		}
	}
	return true
}

// identity are the fields that a merge looks at, whatever the patch says.
const identity = "apiVersion kind"

// mergePart is the part of a patch that decides what is set aside; nil where
// nothing may be: the patch is none that merges, or it has directives.
func mergePart(text string) *yaml.Node {
	if strings.Contains(text, "$") {
		return nil
	}
	var doc yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	if d.Decode(&doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	part := doc.Content[0]
	for i := 0; i+1 < len(part.Content); i += 2 {
		if v := part.Content[i+1]; part.Content[i].Value == "metadata" && v.Kind == yaml.MappingNode {
			v.Content = append(v.Content, yaml.NewStringRNode("namespace").YNode(), yaml.NewStringRNode("all of it").YNode())
		}
	}
	for _, field := range strings.Fields(identity) {
		part.Content = append(part.Content, yaml.NewStringRNode(field).YNode(), yaml.NewStringRNode("all of it").YNode())
	}
	return part
}
