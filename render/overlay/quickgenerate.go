package overlay

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other public way to the plugins before API v1
	"sigs.k8s.io/kustomize/api/ifc"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// folder is the directory of a kustomization, as its generators see it.
type folder struct {
	dir   string
	files map[string][]byte
}

// Repo says that it is no repository's.
func (folder) Repo() string { return "" }

// Root is the directory.
func (f folder) Root() string { return f.dir }

// New is for kustomizations; generators read files.
func (folder) New(string) (ifc.Loader, error) { return nil, errUnusual }

// Load reads a file in or below the directory.
func (f folder) Load(name string) ([]byte, error) {
	full := path.Join(f.dir, name)
	data, has := f.files[full]
	if path.IsAbs(name) || !has || !strings.HasPrefix(full, f.dir+"/") {
		return nil, missing(name)
	}
	return data, nil
}

// Cleanup has nothing to do.
func (folder) Cleanup() error { return nil }

// helpers are what kustomize's plugins are given in a directory.
func (q *quickly) helpers(dir string) *resmap.PluginHelpers {
	return resmap.NewPluginHelpers(folder{dir, q.files}, provider.NewDefaultDepProvider().GetFieldValidator(), q.factory, nil)
}

// generate adds the ConfigMaps and Secrets that a kustomization generates.
func (q *quickly) generate(k *types.Kustomization, dir string, entries []*entry) ([]*entry, bool) {
	type generator struct {
		plugin resmap.GeneratorPlugin
		args   any
	}
	var all []generator
	options := func(g *types.GeneratorArgs) {
		g.Options = types.MergeGlobalOptionsIntoLocal(g.Options, k.GeneratorOptions)
	}
	// As kustomize has it, ConfigMaps before Secrets.
	for _, args := range k.ConfigMapGenerator {
		options(&args.GeneratorArgs)
		all = append(all, generator{builtins.NewConfigMapGeneratorPlugin(), struct{ types.ConfigMapArgs }{args}})
	}
	for _, args := range k.SecretGenerator {
		options(&args.GeneratorArgs)
		all = append(all, generator{builtins.NewSecretGeneratorPlugin(), struct{ types.SecretArgs }{args}})
	}
	if len(all) == 0 {
		return entries, true
	}
	names := newNames(entries)
	for _, g := range all {
		config, err := k8syaml.Marshal(g.args)
		if err != nil || g.plugin.Config(q.helpers(dir), config) != nil {
			return nil, false
		}
		made, err := g.plugin.Generate()
		if err != nil || made == nil || made.Size() != 1 {
			return nil, false
		}
		var ok bool
		if entries, ok = q.absorb(entries, names, made); !ok {
			return nil, false
		}
	}
	return entries, true
}

// absorb adds what a generator made, or puts it in the place of the object that it
// merges into or replaces.
func (q *quickly) absorb(entries []*entry, names names, made resmap.ResMap) ([]*entry, bool) {
	r := made.Resources()[0]
	matches := names.matching(r.CurId())
	if len(matches) > 1 {
		return nil, false
	}
	m := resmap.New()
	if len(matches) == 1 {
		m = together(matches)
	}
	if m.AbsorbAll(made) != nil || m.Size() != 1 {
		return nil, false
	}
	r = m.Resources()[0]
	if len(matches) == 1 {
		matches[0].Resource = r
		matches[0].named()
		return entries, true
	}
	from := q.sources.exact[object.ID{Kind: r.GetKind(), Name: r.GetName()}]
	e := newEntry(r, from)
	names.add(e)
	return append(entries, e), true
}

// component does what one component says to the objects so far.
func (q *quickly) components(k *types.Kustomization, dir string, entries []*entry) ([]*entry, bool) {
	for _, name := range k.Components {
		full := path.Join(dir, name)
		sub, ok := q.read(q.kustomization(full), types.ComponentKind)
		if !ok {
			return nil, false
		}
		if entries, ok = q.build(sub, full, entries); !ok {
			return nil, false
		}
	}
	return entries, true
}

// replace does the replacements of a kustomization.
func (q *quickly) replace(k *types.Kustomization, dir string, entries []*entry) bool {
	if len(k.Replacements) == 0 {
		return true
	}
	config, err := k8syaml.Marshal(struct{ Replacements []types.ReplacementField }{k.Replacements})
	t := builtins.NewReplacementTransformerPlugin()
	if err != nil || t.Config(q.helpers(dir), config) != nil || t.Transform(together(entries)) != nil {
		return false
	}
	return !slices.ContainsFunc(entries, (*entry).renamed)
}

// names finds objects by the names that they have, and had.
type names map[string][]*entry

func newNames(entries []*entry) names {
	n := make(names, len(entries))
	for _, e := range entries {
		n.add(e)
	}
	return n
}

func (n names) add(e *entry) {
	for _, id := range append(e.PrevIds(), e.CurId()) {
		if all := n[id.Name]; len(all) == 0 || all[len(all)-1] != e {
			n[id.Name] = append(all, e)
		}
	}
}

// matching lists the objects that are, or were, what an identity says.
func (n names) matching(want resid.ResId) []*entry {
	var matches []*entry
	for _, e := range n[want.Name] {
		if !e.IsNilOrEmpty() && slices.ContainsFunc(append(e.PrevIds(), e.CurId()), func(id resid.ResId) bool { return want.Equals(id) }) {
			matches = append(matches, e)
		}
	}
	return matches
}
