package overlay

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// A strategic merge, for what needs no directive of a patch, no deletion and no
// guessing: all else is kustomize's own, which walks whole objects and asks for
// the schema of every field.

// merged merges a patch into an object; false leaves the object as it is.
func merged(object, patch *yaml.Node, shapes map[string]*shape) bool {
	s, known := shapeOf(shapes, object)
	if !known || !canMerge(object, patch, s, true) {
		return false
	}
	mergeInto(object, patch, s, true)
	return true
}

// given says whether a patch leaves a field of an object as it is: its identity,
// which an object keeps.
func given(key string, top bool) bool { return top && (key == "apiVersion" || key == "kind") }

// withoutName is the metadata of a patch without what only names its target.
func withoutName(key string, v *yaml.Node, top bool) *yaml.Node {
	if !top || key != "metadata" || v.Kind != yaml.MappingNode {
		return v
	}
	meta := *v
	meta.Content = nil
	for i := 0; i+1 < len(v.Content); i += 2 {
		if name := v.Content[i].Value; name != "name" && name != "namespace" {
			meta.Content = append(meta.Content, v.Content[i], v.Content[i+1])
		}
	}
	return &meta
}

// canMerge says whether mergeInto does what kustomize would. top is true for
// whole objects.
func canMerge(n, patch *yaml.Node, s *shape, top bool) bool {
	if n.Kind != patch.Kind || odd(n) || odd(patch) {
		return false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return steady(n, nil) && steady(patch, nil)
	case yaml.SequenceNode:
		if s == nil || !s.merges {
			return len(n.Content) > 0 && steady(patch, nil)
		}
		return canMergeItems(n, patch, s)
	case yaml.MappingNode:
		return canMergeFields(n, patch, s, top)
	}
	return false
}

func canMergeFields(n, patch *yaml.Node, s *shape, top bool) bool {
	if !plainKeys(n) || !plainKeys(patch) || len(n.Content) == 0 || !top && typed(n, s) {
		return false
	}
	spoken := make(map[string]bool, len(patch.Content)/2)
	for i := 0; i+1 < len(patch.Content); i += 2 {
		key := patch.Content[i].Value
		if given(key, top) {
			continue
		}
		about := withoutName(key, patch.Content[i+1], top)
		v := valueAt(n, key)
		if v == nil {
			if !steady(about, s.field(key)) {
				return false
			}
			continue
		}
		spoken[key] = true
		if !canMerge(v, about, s.field(key), false) {
			return false
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; !spoken[key] && !steady(n.Content[i+1], s.field(key)) {
			return false
		}
	}
	return true
}

// canMergeItems is canMerge for lists that merge.
func canMergeItems(n, patch *yaml.Node, s *shape) bool {
	if len(s.by) == 0 || len(n.Content) == 0 || len(patch.Content) == 0 {
		return false
	}
	both := slices.Concat(n.Content, patch.Content)
	if !alike(both, s.by) || !apart(n.Content, s.by) || !apart(patch.Content, s.by) {
		return false
	}
	items := &shape{fields: s.fields}
	for _, item := range n.Content {
		if same := itemLike(patch.Content, item, s.by); same != nil {
			if !canMerge(item, same, items, false) {
				return false
			}
		} else if !steady(item, items) {
			return false
		}
	}
	return !slices.ContainsFunc(patch.Content, func(item *yaml.Node) bool { return !steady(item, items) })
}

// mergeInto merges what canMerge allows. Nothing of the patch is shared.
func mergeInto(n, patch *yaml.Node, s *shape, top bool) {
	switch {
	case n.Kind == yaml.ScalarNode:
		n.Value, n.Tag = patch.Value, patch.ShortTag()
	case n.Kind == yaml.SequenceNode && (s == nil || !s.merges):
		n.Content = copyNode(patch).Content
	case n.Kind == yaml.SequenceNode:
		n.Content = mergedItems(n, patch, s)
	default:
		for i := 0; i+1 < len(patch.Content); i += 2 {
			key := patch.Content[i]
			if given(key.Value, top) {
				continue
			}
			about := withoutName(key.Value, patch.Content[i+1], top)
			if v := valueAt(n, key.Value); v != nil {
				mergeInto(v, about, s.field(key.Value), false)
			} else if len(about.Content) > 0 || about.Kind == yaml.ScalarNode {
				n.Content = append(n.Content, copyNode(key), copyNode(about))
			}
		}
	}
}

// mergedItems puts the items of a patch first. Where one field tells items
// apart, those that the list has already move there with them.
func mergedItems(n, patch *yaml.Node, s *shape) []*yaml.Node {
	items := &shape{fields: s.fields}
	var all []*yaml.Node
	moved := map[*yaml.Node]bool{}
	for _, about := range patch.Content {
		item := itemLike(n.Content, about, s.by)
		if item == nil {
			all = append(all, copyNode(about))
			continue
		}
		mergeInto(item, about, items, false)
		if len(s.by) == 1 {
			moved[item] = true
			all = append(all, item)
		}
	}
	for _, item := range n.Content {
		if !moved[item] {
			all = append(all, item)
		}
	}
	return all
}

// steady says whether a merge that says nothing of a value leaves it as it is,
// and one that brings it anew takes it as it is.
func steady(n *yaml.Node, s *shape) bool {
	if odd(n) {
		return false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Tag == yaml.NodeTagString || n.Value != "" && n.ShortTag() != yaml.NodeTagNull
	case yaml.MappingNode:
		if len(n.Content) == 0 || !plainKeys(n) || typed(n, s) {
			return false
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !steady(n.Content[i+1], s.field(n.Content[i].Value)) {
				return false
			}
		}
		return true
	case yaml.SequenceNode:
		return len(n.Content) > 0 && steadyItems(n, s)
	}
	return false
}

func steadyItems(n *yaml.Node, s *shape) bool {
	if s == nil || !s.merges {
		return !oddWithin(n)
	}
	if len(s.by) == 0 || !alike(n.Content, s.by) || !apart(n.Content, s.by) {
		return false
	}
	items := &shape{fields: s.fields}
	return !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return !steady(item, items) })
}

func oddWithin(n *yaml.Node) bool { return odd(n) || slices.ContainsFunc(n.Content, oddWithin) }

// typed says whether a mapping within an object may be an object itself, whose
// own schema counts then.
func typed(n *yaml.Node, s *shape) bool {
	return s == nil && valueAt(n, "kind") != nil && valueAt(n, "apiVersion") != nil
}

// odd says whether a value refers to another, or has a comment that kustomize
// may read a schema from.
func odd(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" ||
		strings.Contains(n.HeadComment, "$") || strings.Contains(n.LineComment, "$") || strings.Contains(n.FootComment, "$")
}

func plainKeys(n *yaml.Node) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind != yaml.ScalarNode || odd(key) || key.Value == "<<" || strings.HasPrefix(key.Value, "$") {
			return false
		}
	}
	return true
}

// alike says whether all items are mappings with the same of the fields that
// tell them apart, the first at least.
func alike(items []*yaml.Node, by []string) bool {
	for _, item := range items {
		if item.Kind != yaml.MappingNode || textAt(item, by[0]) == "" {
			return false
		}
		for _, field := range by {
			if v := valueAt(item, field); v != nil && (v.Kind != yaml.ScalarNode || v.Value == "") ||
				(v == nil) != (valueAt(items[0], field) == nil) {
				return false
			}
		}
	}
	return true
}

// apart says whether no two items are the same one.
func apart(items []*yaml.Node, by []string) bool {
	for i, item := range items {
		if itemLike(items[:i], item, by) != nil {
			return false
		}
	}
	return true
}

func itemLike(items []*yaml.Node, like *yaml.Node, by []string) *yaml.Node {
	for _, item := range items {
		if !slices.ContainsFunc(by, func(field string) bool { return textAt(item, field) != textAt(like, field) }) {
			return item
		}
	}
	return nil
}

// copyNode copies what a patch brings.
func copyNode(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	if len(n.Content) > 0 {
		c.Content = make([]*yaml.Node, len(n.Content))
		for i, child := range n.Content {
			c.Content[i] = copyNode(child)
		}
	}
	return c
}
