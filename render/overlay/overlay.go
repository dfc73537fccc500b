// Package overlay builds kustomizations in memory, equal to what kustomize
// builds: those that are bundles, and those laid over what a bundle rendered, as
// if a base had held these objects. Files come from render/bundle; render calls
// it after templates and before its checks. It reads no file, runs nothing and
// fetches nothing.
package overlay

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
)

// Notice is something that the user should know and that stops nothing.
type Notice struct {
	Source  object.Source
	Message string
}

// Build builds a kustomization. base are objects that stand before its own
// resources; they are not changed. Mistakes of the user's are a join of
// *object.Error.
func Build(t *bundle.Tree, base []object.Object) ([]object.Object, []Notice, error) {
	b, err := newBuilder(t, base)
	if err != nil {
		return nil, nil, err
	}
	built, ok, err := b.quick()
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		if built, err = b.whole(); err != nil {
			return nil, nil, err
		}
	}
	notices, err := b.unmatched(built, len(base) > 0)
	return built, append(b.old, notices...), err
}

// builder builds one kustomization.
type builder struct {
	tree *bundle.Tree
	base []object.Object
	// files are those of the tree, by name.
	files map[string][]byte
	// root is the kustomization's own file.
	root string
	// sources are the objects that the kustomization begins with.
	sources *sources
	// patches are those of the kustomization and of its bases.
	patches []patch
	// renames says that names may change.
	renames bool
	// failed is the patch that an object could not take, if there was one.
	failed *failedPatch
	// old are the fields that kustomize wants to be written in another way.
	old []Notice
}

// failedPatch is an entry of patches, and the first object that it does not fit.
type failedPatch struct {
	at object.Source
	id object.ID
}

// successors are what stands in the place of fields that kustomize calls deprecated.
var successors = map[string]string{
	"bases": "resources", "commonLabels": "labels", "imageTags": "images",
	"patchesStrategicMerge": "patches", "patchesJson6902": "patches", "vars": "replacements",
}

// note remembers what a kustomization uses.
func (b *builder) note(fields map[string]any, shown string, lines map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case "namePrefix", "nameSuffix", "configMapGenerator", "secretGenerator":
			b.renames = true
		}
		if by := successors[name]; by != "" {
			b.old = append(b.old, Notice{
				Source:  object.Source{File: shown, Line: lines[name]},
				Message: fmt.Sprintf("kustomize calls %s deprecated; it has %s instead", name, by),
			})
		}
	}
}

func newBuilder(t *bundle.Tree, base []object.Object) (*builder, error) {
	b := &builder{tree: t, base: base, files: make(map[string][]byte, len(t.Files))}
	for _, f := range t.Files {
		b.files[f.Name] = f.Data
	}
	b.root = b.kustomization(t.Root)
	if b.root == "" {
		return nil, &object.Error{File: t.Shown(t.Root), Message: "there is no kustomization.yaml in it"}
	}
	var errs []error
	b.sources, errs = newSources(t, base, b.files)
	patches, err := b.readPatches()
	b.patches = patches
	return b, errors.Join(append(errs, err)...)
}

// kustomization is the file of the kustomization in a directory, or "".
func (b *builder) kustomization(dir string) string {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if full := path.Join(dir, name); b.files[full] != nil {
			return full
		}
	}
	return ""
}

// finish says of built objects where they come from.
func (b *builder) finish(objs []object.Object) []object.Object {
	via := b.tree.Shown(b.root)
	for i := range objs {
		from, known := b.sources.of(objs[i].ID())
		if !known {
			objs[i].Source = object.Source{File: via}
			continue
		}
		objs[i].Source = from.Source
		if from.Body != nil && !equal(from.Body.Object, objs[i].Body.Object) {
			objs[i].Source.Via = via
		}
	}
	return objs
}

// sources finds where a built object comes from.
type sources struct {
	exact map[object.ID]object.Object
	// named are those of a kind by name, whatever their namespaces.
	named map[object.ID][]object.Object
	// kinds are all of a kind, for objects that were renamed.
	kinds map[object.ID][]object.Object
}

func newSources(t *bundle.Tree, base []object.Object, files map[string][]byte) (*sources, []error) {
	s := &sources{exact: map[object.ID]object.Object{}, named: map[object.ID][]object.Object{}, kinds: map[object.ID][]object.Object{}}
	var errs []error
	for _, o := range base {
		s.add(o)
	}
	for _, name := range t.Resources {
		objs, err := object.Decode(files[name], t.Shown(name))
		if err != nil {
			errs = append(errs, err)
		}
		for _, o := range objs {
			s.add(o)
		}
	}
	for _, g := range t.Generated {
		id := object.ID{Kind: g.Kind, Name: g.Name}
		o := object.Object{Source: object.Source{File: g.File, Line: g.Line}}
		s.put(id, o)
	}
	return s, errs
}

func (s *sources) add(o object.Object) { s.put(o.ID(), o) }

func (s *sources) put(id object.ID, o object.Object) {
	if _, twice := s.exact[id]; !twice {
		s.exact[id] = o
	}
	id.Namespace = ""
	s.named[id] = append(s.named[id], o)
	id.Name = ""
	s.kinds[id] = append(s.kinds[id], o)
}

// of finds the object that a built one was: the same one, that of the same name
// in another namespace, or the one whose name is the longest part of its name.
func (s *sources) of(id object.ID) (object.Object, bool) {
	if o, ok := s.exact[id]; ok {
		return o, true
	}
	id.Namespace = ""
	if all := s.named[id]; len(all) > 0 {
		return all[0], true
	}
	name := id.Name
	id.Name = ""
	var best object.Object
	longest := -1
	for _, o := range s.kinds[id] {
		if o.Body == nil {
			continue
		}
		if part := o.Body.GetName(); len(part) > longest && strings.Contains(name, part) {
			best, longest = o, len(part)
		}
	}
	if longest < 0 {
		return s.generated(id, name)
	}
	return best, true
}

// generated finds the generator of an object whose name it began.
func (s *sources) generated(kind object.ID, name string) (best object.Object, found bool) {
	longest := -1
	for id, o := range s.exact {
		if o.Body == nil && id.Kind == kind.Kind && kind.Group == "" && len(id.Name) > longest && strings.Contains(name, id.Name) {
			best, longest = o, len(id.Name)
		}
	}
	return best, longest >= 0
}

// ids lists the identities of all that the kustomization begins with.
func (s *sources) ids() []object.ID {
	ids := make([]object.ID, 0, len(s.exact))
	for id := range s.exact {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, object.ID.Compare)
	return ids
}

// caught turns a panic of kustomize's into an error.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("kustomize gave up: %v", r)
	}
}
