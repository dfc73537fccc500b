package overlay

import (
	"path"
	"reflect"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/filters/namespace"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// localConfig marks objects that kustomize leaves out of what it builds.
const localConfig = "config.kubernetes.io/local-config"

// quick builds with kustomize's own filters, object by object, in a time that
// grows with the number of objects. ok is false for a kustomization that needs
// more than that, and for one with mistakes: kustomize says best what they are.
func (b *builder) quick() (objs []object.Object, ok bool, err error) {
	defer func() {
		if recover() != nil {
			objs, ok, err = nil, false, nil
		}
	}()
	k, plain := b.read(b.root, types.KustomizationKind)
	if !plain {
		return nil, false, nil
	}
	q := &quickly{builder: b, factory: resmap.NewFactory(provider.NewDefaultDepProvider().GetResourceFactory())}
	entries, ok := q.build(k, b.tree.Root, nil)
	if !ok || !q.hash(entries) || !q.references(entries) {
		return nil, false, nil
	}
	if entries, ok = inOrder(entries, k.SortOptions); !ok {
		return nil, false, nil
	}
	objs, ok = q.objects(entries)
	return objs, ok, nil
}

// read reads a kustomization, or a component; ok is false when it uses what quick
// cannot do.
func (b *builder) read(file, kind string) (k *types.Kustomization, ok bool) {
	k = &types.Kustomization{}
	if file == "" || k.Unmarshal(b.files[file]) != nil {
		return nil, false
	}
	k.FixKustomization()
	if k.Kind != kind || len(k.EnforceFields()) > 0 {
		return nil, false
	}
	// All other fields must be empty.
	rest := withoutOld(*k)
	rest.TypeMeta, rest.MetaData = types.TypeMeta{}, nil
	rest.Resources, rest.Patches, rest.Namespace, rest.Labels = nil, nil, "", nil
	rest.CommonAnnotations, rest.Replicas, rest.Images, rest.SortOptions = nil, nil, nil, nil
	rest.NamePrefix, rest.NameSuffix, rest.Components, rest.Replacements = "", "", nil, nil
	rest.ConfigMapGenerator, rest.SecretGenerator, rest.GeneratorOptions = nil, nil, nil
	if !reflect.DeepEqual(rest, types.Kustomization{}) {
		return nil, false
	}
	return k, len(b.tree.Fetched) == 0
}

// entry is an object on its way.
type entry struct {
	*resource.Resource
	from, to object.Object
	// name is the kind and the name.
	name string
	// via is the file that last patched it.
	via string
	// unfit says that a patch cannot be applied to it.
	unfit bool
}

// quickly builds kustomizations from what is in one bundle.
type quickly struct {
	*builder
	factory *resmap.Factory
	// names are the objects being patched.
	names names
}

// build does what one kustomization says, or what a component says to the objects
// that are there.
func (q *quickly) build(k *types.Kustomization, dir string, there []*entry) ([]*entry, bool) {
	if k.CheckEmpty() != nil && (len(q.base) == 0 || dir != q.tree.Root) {
		return nil, false
	}
	entries, ok := q.begin(k, dir, there)
	if !ok || !distinct(entries) {
		return nil, false
	}
	if entries, ok = q.generate(k, dir, entries); !ok {
		return nil, false
	}
	if entries, ok = q.components(k, dir, entries); !ok || !distinct(entries) {
		return nil, false
	}
	q.names = nil
	if entries, ok = q.oldMerges(k, dir, entries); !ok {
		return nil, false
	}
	for i := range k.Patches {
		if entries, ok = q.patch(entries, &k.Patches[i], dir); !ok {
			return nil, false
		}
	}
	if !move(entries, k.Namespace, q.renames || dir != q.tree.Root || pointed(entries)) || !distinct(entries) ||
		!rename(entries, k.NamePrefix, k.NameSuffix) || !sideBySide(entries, func(part []*entry) bool { return mark(k, part) }) {
		return nil, false
	}
	if entries, ok = q.oldJSON(k, dir, entries); !ok {
		return nil, false
	}
	return entries, transform(k, entries) && q.replace(k, dir, entries)
}

// emptyAnnotations says whether there is a mapping of no annotations: kustomize
// drops it with its own.
func emptyAnnotations(e *entry) bool {
	a := e.Field("metadata").Value.Field("annotations")
	return a != nil && len(a.Value.YNode().Content) == 0
}

// transform sets replicas and images.
func transform(k *types.Kustomization, entries []*entry) bool {
	all := together(entries)
	for _, r := range k.Replicas {
		t := &builtins.ReplicaCountTransformerPlugin{Replica: r, FieldSpecs: replicaSpecs()}
		if t.Transform(all) != nil {
			return false
		}
	}
	return len(k.Images) == 0 || sideBySide(entries, func(part []*entry) bool {
		i := images{rules: k.Images, known: map[image]*yaml.Node{}}
		return i.set(part)
	})
}

// mark sets labels and annotations.
func mark(k *types.Kustomization, entries []*entry) bool {
	for _, l := range k.Labels {
		specs, ok := labelSpecs(l)
		if !ok || !setPairs(entries, l.Pairs, specs) {
			return false
		}
	}
	return setPairs(entries, oldLabels(k), selectorSpecs()) && setPairs(entries, k.CommonAnnotations, templateSpecs("annotations"))
}

// sideBySide does something to parts of the objects at the same time; false, or
// a panic of kustomize's, in one of them is the answer for all.
func sideBySide(entries []*entry, do func([]*entry) bool) bool {
	var g errgroup.Group
	n := runtime.GOMAXPROCS(0)
	for part := range slices.Chunk(entries, max(16, (len(entries)+n-1)/n)) {
		g.Go(func() (err error) {
			defer caught(&err)
			if !do(part) {
				err = errUnusual
			}
			return err
		})
	}
	return g.Wait() == nil
}

// begin collects the objects that a kustomization begins with.
func (q *quickly) begin(k *types.Kustomization, dir string, entries []*entry) ([]*entry, bool) {
	if dir == q.tree.Root {
		for _, o := range q.base {
			entries = append(entries, newEntry(&resource.Resource{RNode: *yaml.NewRNode(toNode(o.Body.Object))}, o))
		}
	}
	for _, name := range k.Resources {
		full := path.Join(dir, name)
		if data, isFile := q.files[full]; isFile {
			more, err := q.factory.RF().SliceFromBytes(data)
			if err != nil {
				return nil, false
			}
			for _, r := range more {
				from, _ := q.sources.of(idOf(r))
				entries = append(entries, newEntry(r, from))
			}
			continue
		}
		sub, ok := q.read(q.kustomization(full), types.KustomizationKind)
		if !ok {
			return nil, false
		}
		more, ok := q.build(sub, full, nil)
		if !ok {
			return nil, false
		}
		entries = append(entries, more...)
	}
	return entries, true
}

func newEntry(r *resource.Resource, from object.Object) *entry {
	e := &entry{Resource: r, from: from}
	e.named()
	return e
}

// named notes the name that an object has now.
func (e *entry) named() { e.name = e.GetKind() + " " + e.GetName() }

// renamed says whether its name is another than was noted.
func (e *entry) renamed() bool { return e.name != e.GetKind()+" "+e.GetName() }

func idOf(r *resource.Resource) object.ID {
	id := r.CurId()
	return object.ID{Group: id.Group, Kind: id.Kind, Namespace: id.Namespace, Name: id.Name}
}

// distinct says whether no two objects are the same one.
func distinct(entries []*entry) bool {
	seen := make(map[resid.ResId]bool, len(entries))
	for _, e := range entries {
		id := e.CurId()
		id.Namespace = id.EffectiveNamespace()
		id.Gvk = resid.Gvk{Group: id.Group, Version: id.Version, Kind: id.Kind}
		if seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// together is kustomize's collection of objects. Its own constructors compare
// every object with every other; the result of a filter is taken as it is.
func together(entries []*entry) resmap.ResMap {
	nodes := make([]*yaml.RNode, len(entries))
	for i, e := range entries {
		nodes[i] = &e.RNode
	}
	m := resmap.New()
	// The filter does not fail.
	_ = m.ApplyFilter(kio.FilterFunc(func([]*yaml.RNode) ([]*yaml.RNode, error) { return nodes, nil }))
	for i, r := range m.Resources() {
		entries[i].Resource = r
	}
	return m
}

// move puts the objects into a namespace. Where they come from is noted on them if
// anything may ask for it later: other kustomizations, or references.
func move(entries []*entry, to string, note bool) bool {
	if to == "" {
		return true
	}
	specs := namespaceSpecs()
	return sideBySide(entries, func(part []*entry) bool {
		for _, e := range part {
			if note || emptyAnnotations(e) {
				e.StorePreviousId()
			}
			if inNamespace(e, to) {
				continue
			}
			f := namespace.Filter{Namespace: to, FsSlice: specs, SetRoleBindingSubjects: namespace.DefaultSubjectsOnly}
			if e.ApplyFilter(f) != nil {
				return false
			}
			e.named() // of a Namespace, another one
		}
		return true
	})
}

// objects are the objects as belay sees them.
func (q *quickly) objects(entries []*entry) ([]object.Object, bool) {
	if !sideBySide(entries, func(part []*entry) bool {
		for _, e := range part {
			if !q.finished(e) {
				return false
			}
		}
		return true
	}) {
		return nil, false
	}
	objs := make([]object.Object, len(entries))
	for i, e := range entries {
		objs[i] = e.to
	}
	return objs, true
}

// finished makes an object as belay sees it.
func (q *quickly) finished(e *entry) bool {
	if _, local := e.GetAnnotations()[localConfig]; local {
		return false
	}
	e.RemoveBuildAnnotations()
	body, err := fromNode(e.YNode())
	if err != nil {
		return false
	}
	via := q.tree.Shown(q.root)
	e.to = object.Object{Body: &unstructured.Unstructured{Object: body}, Source: e.from.Source}
	switch {
	case e.from.Body == nil && e.from.Source.File == "":
		e.to.Source = object.Source{File: via}
	case e.from.Body == nil: // generated
	case equal(e.from.Body.Object, body):
	case e.via != "":
		e.to.Source.Via = e.via
	default:
		e.to.Source.Via = via
	}
	return true
}

// inOrder puts the objects into the order of the build.
func inOrder(entries []*entry, o *types.SortOptions) ([]*entry, bool) {
	first, last := firstKinds, lastKinds
	switch {
	case o == nil:
	case o.Order == types.FIFOSortOrder:
		return entries, o.LegacySortOptions == nil
	case o.Order != types.LegacySortOrder:
		return nil, false
	case o.LegacySortOptions != nil:
		first, last = o.LegacySortOptions.OrderFirst, o.LegacySortOptions.OrderLast
	}
	ranks := map[string]int{}
	for i, kind := range first {
		ranks[kind] = i - len(first)
	}
	for i, kind := range last {
		ranks[kind] = i + 1
	}
	keys := make(map[*entry]orderKey, len(entries))
	for _, e := range entries {
		keys[e] = newOrderKey(e.CurId(), ranks)
	}
	slices.SortStableFunc(entries, func(x, y *entry) int { return keys[x].compare(keys[y]) })
	return entries, true
}
