package overlay

import (
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// Kustomize says by field specs what it changes in objects. Here they are
// followed without a filter for each of them.

// fieldPath is a field spec that fits an object's kind.
type fieldPath struct {
	keys   []string
	create bool
}

// finder finds the field specs of kinds.
type finder struct {
	specs types.FsSlice
	kinds map[resid.Gvk][]fieldPath
}

func newFinder(specs types.FsSlice) *finder {
	return &finder{specs: specs, kinds: map[resid.Gvk][]fieldPath{}}
}

// of lists the fields for objects of a kind.
func (f *finder) of(kind resid.Gvk) []fieldPath {
	kind = resid.Gvk{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
	paths, known := f.kinds[kind]
	if known {
		return paths
	}
	for _, s := range f.specs {
		if kind.IsSelected(&s.Gvk) {
			paths = append(paths, fieldPath{strings.Split(s.Path, "/"), s.CreateIfNotPresent})
		}
	}
	f.kinds[kind] = paths
	return paths
}

// usual says whether paths are written without kustomize's ways to escape.
func usual(specs types.FsSlice) bool {
	return !slices.ContainsFunc(specs, func(s types.FieldSpec) bool {
		return s.Path == "" || strings.Contains(s.Path, `\`) || slices.Contains(strings.Split(s.Path, "/"), "")
	})
}

// reach does something to every value at a path of an object. missing makes
// what a path ends in, where it is not there and may be made. False is for
// objects that are not as the path expects them.
func reach(n *yaml.Node, path []string, missing func() *yaml.Node, do func(*yaml.Node) bool) bool {
	if len(path) == 0 {
		return do(n)
	}
	switch {
	case odd(n):
		return false
	case n.Kind == yaml.SequenceNode:
		return !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return !reach(item, path, missing, do) })
	case n.Kind != yaml.MappingNode:
		return n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagNull
	}
	name, items := strings.CutSuffix(path[0], "[]")
	v := valueAt(n, name)
	switch {
	case v == nil && (missing == nil || items):
		return true
	case v == nil && len(path) == 1:
		v = missing()
		n.Content = append(n.Content, textNode(name), v)
	case v == nil:
		v = &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap}
		n.Content = append(n.Content, textNode(name), v)
	case v.Kind != yaml.ScalarNode || v.ShortTag() != yaml.NodeTagNull:
	case items:
		return false // kustomize makes something of it
	case missing != nil:
		*v = yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap}
	}
	return reach(v, path[1:], missing, do)
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: text}
}

// setPairs sets labels or annotations wherever the specs say. Those that are new
// to an object are one node in all places, as they are kustomize's: who changes
// one of them later, in another kustomization, changes all.
func setPairs(entries []*entry, pairs map[string]string, specs types.FsSlice) bool {
	if len(pairs) == 0 {
		return true
	}
	if !usual(specs) {
		return false
	}
	keys := slices.Sorted(maps.Keys(pairs))
	empty := func() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap} }
	f := newFinder(specs)
	for _, e := range entries {
		paths := f.of(e.GetGvk())
		for _, key := range keys {
			shared := textNode(pairs[key])
			for _, p := range paths {
				missing := empty
				if !p.create {
					missing = nil
				}
				if !reach(e.YNode(), p.keys, missing, func(n *yaml.Node) bool { return setPair(n, key, shared) }) {
					return false
				}
			}
		}
	}
	return true
}

func setPair(n *yaml.Node, key string, value *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || odd(n) {
		return false
	}
	v := valueAt(n, key)
	switch {
	case v == nil:
		n.Content = append(n.Content, textNode(key), value)
	case odd(v):
		return false
	default:
		*v = *value
	}
	return true
}

// images changes images. What becomes of one is kustomize's to say, once for
// each that is there.
type images struct {
	rules []types.Image
	known map[image]*yaml.Node
}

// image is the text of one, and how kustomize finds it: in a list of containers,
// wherever that is, or where the specs say. What is found twice is changed twice.
type image struct {
	text            string
	listed, located bool
}

// set changes the images of objects.
func (i *images) set(entries []*entry) bool {
	f := newFinder(imageSpecs())
	for _, e := range entries {
		if e.GetKind() == "CustomResourceDefinition" { // a kind that kustomize looks for no images in
			continue
		}
		found := map[*yaml.Node]image{}
		if !listed(e.YNode(), found) {
			return false
		}
		for _, p := range f.of(e.GetGvk()) {
			if !reach(e.YNode(), p.keys, nil, func(n *yaml.Node) bool {
				found[n] = image{n.Value, found[n].listed, true}
				return true
			}) {
				return false
			}
		}
		for n, how := range found {
			if !i.change(n, how) {
				return false
			}
		}
	}
	return true
}

// listed collects the images of all lists of containers.
func listed(n *yaml.Node, into map[*yaml.Node]image) bool {
	for at, child := range n.Content {
		if !listed(child, into) {
			return false
		}
		if n.Kind != yaml.MappingNode || at%2 == 0 || child.Kind != yaml.SequenceNode ||
			n.Content[at-1].Value != "containers" && n.Content[at-1].Value != "initContainers" {
			continue
		}
		for _, item := range child.Content {
			if item.Kind != yaml.MappingNode {
				return false
			}
			if v := valueAt(item, "image"); v != nil {
				into[v] = image{v.Value, true, false}
			}
		}
	}
	return true
}

func (i *images) change(n *yaml.Node, how image) bool {
	if n.Kind != yaml.ScalarNode || odd(n) || n.ShortTag() == yaml.NodeTagNull {
		return false
	}
	after, known := i.known[how]
	if !known {
		if after = i.ask(how); after == nil {
			return false
		}
		i.known[how] = after
	}
	if after.Value != n.Value {
		n.Value, n.Tag = after.Value, after.Tag
	}
	return true
}

// ask lets kustomize change one image.
func (i *images) ask(how image) *yaml.Node {
	n := textNode(how.text)
	mapping := func(key string, v *yaml.Node) *yaml.Node {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap, Content: []*yaml.Node{textNode(key), v}}
	}
	list, specs := "containers", types.FsSlice(nil)
	if !how.listed {
		list = "others"
	}
	if how.located {
		specs = spec(list+"[]/image", false, "")
	}
	items := &yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq, Content: []*yaml.Node{mapping("image", n)}}
	holder := mapping(list, items)
	holder.Content = append(holder.Content, textNode("apiVersion"), textNode("v1"), textNode("kind"), textNode("Image"))
	m := together([]*entry{newEntry(&resource.Resource{RNode: *yaml.NewRNode(holder)}, object.Object{})})
	for _, rule := range i.rules {
		var t resmap.Transformer = &builtins.ImageTagTransformerPlugin{ImageTag: rule, FieldSpecs: specs}
		if t.Transform(m) != nil {
			return nil
		}
	}
	return n
}

// inNamespace sets the namespace of an object of a kind that has no other field
// that names it; false leaves the object as it is.
func inNamespace(e *entry, to string) bool {
	gvk, meta := e.GetGvk(), valueAt(e.YNode(), "metadata")
	if meta == nil || meta.Kind != yaml.MappingNode || odd(meta) || slices.Contains(elsewhere, gvk.Kind) {
		return false
	}
	if gvk.IsClusterScoped() {
		return true
	}
	v := valueAt(meta, "namespace")
	switch {
	case v == nil:
		meta.Content = append(meta.Content, textNode("namespace"), textNode(to))
	case v.Kind != yaml.ScalarNode || odd(v):
		return false
	default:
		*v = *textNode(to)
	}
	return true
}

// elsewhere are the kinds that name their namespace in other fields, too.
var elsewhere = []string{"Namespace", "APIService", "CustomResourceDefinition", "RoleBinding", "ClusterRoleBinding"}
