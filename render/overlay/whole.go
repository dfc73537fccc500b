package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"path"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// whole lets kustomize itself build everything. It can do all that
// kustomizations can, in a time that grows with the square of the objects.
func (b *builder) whole() ([]object.Object, error) {
	disk, err := b.disk()
	if err != nil {
		return nil, err
	}
	text, said, err := run(disk, b.tree.Root)
	if err != nil {
		return nil, b.explain(err)
	}
	shown := b.tree.Shown(b.root)
	for line := range strings.Lines(said) {
		b.old = append(b.old, Notice{Source: object.Source{File: shown}, Message: "kustomize says: " + strings.TrimSpace(line)})
	}
	objs, err := object.DecodeInput(object.Input{File: shown, Data: text, Origin: func(int) int { return 0 }})
	if err != nil {
		return nil, err
	}
	return b.finish(objs), nil
}

// run is kustomize build. said is what kustomize logged meanwhile.
func run(disk filesys.FileSystem, root string) (text []byte, said string, err error) {
	defer caught(&err)
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // as kustomize build: legacy, unless the file says otherwise
	var built resmap.ResMap
	said = silently(func() { built, err = krusty.MakeKustomizer(options).Run(disk, root) })
	if err != nil {
		return nil, "", err
	}
	text, err = built.AsYaml()
	return text, said, err
}

// silence is held while the process's standard error and log are others.
var silence sync.Mutex

// silently keeps kustomize from writing to standard error and to Go's log, past
// everything that may be in charge of them, and returns what it logged. What it
// thinks of old fields is dropped: note says it. They could be rewritten first, but
// for vars, which have no equal.
func silently(do func()) string {
	silence.Lock()
	defer silence.Unlock()
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		before := os.Stderr
		os.Stderr = null
		defer func() {
			os.Stderr = before
			_ = null.Close() // nothing is lost with it
		}()
	}
	var logged bytes.Buffer
	flags, output := log.Flags(), log.Writer()
	log.SetFlags(0)
	log.SetOutput(&logged)
	defer func() {
		log.SetFlags(flags)
		log.SetOutput(output)
	}()
	do()
	return logged.String()
}

// disk holds the files of the tree, with the rendered objects as the first of
// its resources, and local names in place of remote ones.
func (b *builder) disk() (filesys.FileSystem, error) {
	edited := map[string]map[string]string{}
	for at, local := range b.tree.Fetched {
		file := b.kustomization(at.Dir)
		if edited[file] == nil {
			edited[file] = map[string]string{}
		}
		edited[file][at.Text] = relative(at.Dir, local)
	}
	files := maps.Clone(b.files)
	extra := ""
	if len(b.base) > 0 {
		extra = b.unusedName()
		var text bytes.Buffer
		if err := object.Encode(&text, b.base); err != nil {
			return nil, err
		}
		files[path.Join(b.tree.Root, extra)] = text.Bytes()
	}
	for name, data := range b.files {
		first := ""
		if name == b.root {
			first = extra
		}
		var err error
		if files[name], err = edit(data, first, edited[name]); err != nil {
			return nil, b.mistake(err)
		}
	}
	return newMemory(files), nil
}

// relative names a file or directory from another directory, as kustomizations do.
func relative(dir, name string) string {
	from, to := strings.Split(dir, "/"), strings.Split(name, "/")
	same := 0
	for same < min(len(from), len(to)) && from[same] == to[same] {
		same++
	}
	return strings.Repeat("../", len(from)-same) + strings.Join(to[same:], "/")
}

// unusedName is a name that no file beside the kustomization has.
func (b *builder) unusedName() string {
	for n := 0; ; n++ {
		name := fmt.Sprintf("rendered-%d.yaml", n)
		if _, used := b.files[path.Join(b.tree.Root, name)]; !used {
			return name
		}
	}
}

var errNoFields = errors.New("a kustomization is a mapping of fields, and this is something else")

// edit puts a first resource into a kustomization and replaces entries.
func edit(data []byte, first string, replace map[string]string) ([]byte, error) {
	if first == "" && len(replace) == 0 {
		return data, nil
	}
	node, err := yaml.Parse(string(data))
	if err != nil {
		return nil, err
	}
	if node.YNode().Kind != yaml.MappingNode {
		return nil, errNoFields
	}
	if first != "" {
		list, err := node.Pipe(yaml.LookupCreate(yaml.SequenceNode, "resources"))
		if err != nil {
			return nil, err
		}
		if list.YNode().Kind != yaml.SequenceNode { // "resources:" with nothing after it
			*list.YNode() = yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq}
		}
		content := append([]*yaml.Node{yaml.NewScalarRNode(first).YNode()}, list.Content()...)
		list.YNode().Content = content
	}
	for _, field := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
		list, err := node.Pipe(yaml.Lookup(field))
		if err != nil || list == nil {
			continue
		}
		for _, entry := range list.Content() {
			if local, known := replace[entry.Value]; known {
				entry.SetString(local)
			}
		}
	}
	text, err := node.String()
	return []byte(text), err
}
