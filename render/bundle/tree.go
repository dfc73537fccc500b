package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
)

// Tree is a kustomization with all files that it may need, in memory: its own
// and those of its bases and components.
type Tree struct {
	// Root is the absolute path of the kustomization's directory, slashes forward.
	Root string
	// Name is what errors and sources call that directory: "overlays/prod"; empty
	// where the kustomization is the bundle.
	Name string
	// Files are named by their absolute paths, sorted.
	Files []File
	// Fetched are the files and directories that stand for remote ones, by the
	// directory of the kustomization and the text that names them there.
	Fetched map[Reference]string
	// Resources are the files of manifests, in the order in which they are read.
	Resources []string
	// Generated are the objects that generators make, by the names they begin with.
	Generated []Generated
}

// Generated is a ConfigMap or a Secret that a kustomization generates.
type Generated struct {
	Kind, Name string
	// File is as shown to people.
	File string
	Line int
}

// Reference is an entry of a kustomization that names something remote.
type Reference struct{ Dir, Text string }

// Shown is a file's name for people: relative to the bundle, or as the user
// named the directory.
func (t *Tree) Shown(file string) string {
	relative, err := filepath.Rel(filepath.FromSlash(t.Root), filepath.FromSlash(file))
	if err != nil {
		return file
	}
	return path.Join(t.Name, filepath.ToSlash(relative))
}

// Remote brings a remote file or directory onto this machine and returns its path.
type Remote func(reference string) (local string, err error)

// kustomizationFiles are the names that a kustomization can have.
var kustomizationFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// LoadTree reads a kustomization and everything that it refers to. name is what
// to call its directory in errors. Without remote, remote bases are refused. All
// mistakes are reported at once.
func LoadTree(dir, name string, remote Remote) (*Tree, error) {
	root, err := filepath.Abs(dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &object.Error{File: dir, Message: "there is no such directory"}
	}
	if err != nil {
		return nil, mistake(dir, err)
	}
	l := &treeLoader{
		Tree:   &Tree{Root: filepath.ToSlash(root), Name: name, Fetched: map[Reference]string{}},
		remote: remote, seen: map[string]bool{}, index: map[string]int{},
	}
	l.directory(root)
	slices.SortFunc(l.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return l.Tree, errors.Join(l.errs...)
}

// loadTrees reads the kustomizations of a bundle with a bundle.yaml: the one that
// it may be, and the overlays of its environments.
func (l Loader) loadTrees(b *Bundle, overlays []fileUse) []error {
	var errs []error
	if b.Type == Belay && isKustomization(b.Path) {
		if exists(filepath.Join(b.Path, Templates)) {
			errs = append(errs, &object.Error{File: SpecFile, Message: "the bundle has templates and a kustomization.yaml beside them",
				Hint: "move the kustomization into a folder, and name that as the overlay of an environment"})
			return errs
		}
		tree, err := LoadTree(b.Path, "", l.Remote)
		if err != nil {
			errs = append(errs, err)
		}
		b.Type, b.Tree = Kustomization, tree
	}
	b.Overlays = map[string]*Tree{}
	for _, use := range overlays {
		name := path.Clean(use.name)
		full := filepath.Join(b.Path, filepath.FromSlash(name))
		if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
			errs = append(errs, &object.Error{File: SpecFile, Line: use.line, Message: fmt.Sprintf("%s: %q is outside of the bundle", use.path, use.name)})
			continue
		}
		if !isKustomization(full) {
			errs = append(errs, &object.Error{File: SpecFile, Line: use.line, Message: fmt.Sprintf("%s: there is no %s/kustomization.yaml", use.path, name)})
			continue
		}
		if b.Overlays[name] != nil {
			continue
		}
		tree, err := LoadTree(full, name, l.Remote)
		if err != nil {
			errs = append(errs, err)
		}
		b.Overlays[name] = tree
	}
	return errs
}

// isKustomization says whether a directory holds a kustomization.
func isKustomization(dir string) bool {
	return slices.ContainsFunc(kustomizationFiles, func(name string) bool { return exists(filepath.Join(dir, name)) })
}

// treeLoader follows what kustomizations refer to.
type treeLoader struct {
	*Tree
	remote Remote
	seen   map[string]bool
	index  map[string]int
	size   int
	errs   []error
}

// directory reads the kustomization in a directory.
func (l *treeLoader) directory(dir string) {
	if l.seen[dir] {
		return
	}
	l.seen[dir] = true
	for _, name := range kustomizationFiles {
		full := filepath.Join(dir, name)
		if !exists(full) {
			continue
		}
		shown := l.Shown(filepath.ToSlash(full))
		if data, ok := l.file(full, dir, shown); ok {
			l.scan(dir, shown, data)
		}
	}
}

// mention is a string in a kustomization.
type mention struct {
	path, text string
	line       int
}

// scan reads what a kustomization refers to.
func (l *treeLoader) scan(dir, shown string, data []byte) {
	var found []mention
	_, err := object.DecodeMap(object.Input{
		File: shown, Data: data, Hide: true,
		Visit: func(path string, line int, v any) {
			if text, ok := v.(string); ok {
				found = append(found, mention{path, text, line})
			}
		},
	})
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	for _, m := range found {
		l.follow(dir, shown, m)
	}
}

// follow reads what one entry names.
func (l *treeLoader) follow(dir, shown string, m mention) {
	fail := func(format string, args ...any) {
		l.errs = append(l.errs, &object.Error{File: shown, Line: m.line, Message: fmt.Sprintf(format, args...)})
	}
	if err := object.Bounded(object.Input{File: shown, Data: []byte(m.text), Hide: true, Origin: func(int) int { return m.line }}); err != nil {
		l.errs = append(l.errs, err)
		return
	}
	switch {
	case aChart.MatchString(m.path):
		fail("%s: belay does not inflate Helm charts in kustomizations: make the chart the bundle, and this its overlay", m.path)
	case strings.Contains(m.text, "\n"):
		if aPlugin.MatchString(m.path) {
			l.scanPlugins(dir, shown, []byte(m.text))
		}
	case aBase.MatchString(m.path):
		l.base(dir, shown, m, fail)
	case aFile.MatchString(m.path):
		if !strings.HasPrefix(strings.TrimSpace(m.text), "{") {
			l.decoded(dir, m.text, fail)
		}
	case aSource.MatchString(m.path):
		_, file, keyed := strings.Cut(m.text, "=")
		if !keyed {
			file = m.text
		}
		l.named(dir, file, fail)
	case aGenerated.MatchString(m.path):
		kind := "ConfigMap"
		if strings.HasPrefix(m.path, "secret") {
			kind = "Secret"
		}
		l.Generated = append(l.Generated, Generated{Kind: kind, Name: m.text, File: shown, Line: m.line})
	case aList.MatchString(m.path):
		if data, ok := l.named(dir, m.text, fail); ok {
			l.variables(m.text, dir, data)
		}
	}
}

// base reads a file or a directory of resources, or one that configures plugins.
func (l *treeLoader) base(dir, shown string, m mention, fail func(string, ...any)) {
	full := filepath.Join(dir, filepath.FromSlash(m.text))
	info, err := os.Stat(full)
	switch {
	case filepath.IsAbs(m.text):
		fail("%s: %q is an absolute path; name it from %s", m.path, m.text, path.Dir(shown))
	case err == nil && info.IsDir():
		if full, err = filepath.EvalSymlinks(full); err != nil {
			fail("%s: %v", m.path, err)
		} else if !isKustomization(full) {
			fail("%s: there is no kustomization.yaml in %s", m.path, m.text)
		} else {
			l.directory(full)
		}
	case err == nil:
		data, ok := l.named(dir, m.text, fail)
		switch {
		case !ok:
		case aPlugin.MatchString(m.path):
			if l.bounded(l.Shown(filepath.ToSlash(full)), data) {
				l.scanPlugins(dir, l.Shown(filepath.ToSlash(full)), data)
			}
		default:
			l.Resources = append(l.Resources, filepath.ToSlash(full))
		}
	case remoteForm.MatchString(m.text):
		l.fetch(dir, m, fail)
	case aPlugin.MatchString(m.path) && strings.HasPrefix(strings.TrimSpace(m.text), "{"):
		l.scanPlugins(dir, shown, []byte(m.text)) // a plugin's configuration, in place
	default:
		fail("%s: there is no file or directory %s%s", m.path, m.text, nearestFile(full))
	}
}

// fetch brings something remote here.
func (l *treeLoader) fetch(dir string, m mention, fail func(string, ...any)) {
	if l.remote == nil {
		fail("%s: %s is remote; --allow-remote lets belay fetch it, a copy beside the bundle is safer", m.path, m.text)
		return
	}
	local, err := l.remote(m.text)
	if err != nil {
		fail("%s: fetching %s: %v", m.path, m.text, err)
		return
	}
	if local, err = filepath.EvalSymlinks(local); err != nil {
		fail("%s: fetching %s: %v", m.path, m.text, err)
		return
	}
	at := Reference{Dir: filepath.ToSlash(dir), Text: m.text}
	if isKustomization(local) {
		l.Fetched[at] = filepath.ToSlash(local)
		l.directory(local)
		return
	}
	data, err := readFile(local, m.text)
	if err != nil {
		fail("%s: %s is neither a file nor a kustomization", m.path, m.text)
		return
	}
	if !l.bounded(m.text, data) {
		return
	}
	// A kustomization reads files of its own folder only.
	inside := path.Join(at.Dir, fmt.Sprintf("fetched-%d.yaml", len(l.Fetched)+1))
	l.Fetched[at] = inside
	l.add(inside, data)
}

// named reads a file that a kustomization names, which must be in or below its
// directory.
func (l *treeLoader) named(dir, name string, fail func(string, ...any)) ([]byte, bool) {
	if remoteForm.MatchString(name) && strings.Contains(name, "://") {
		fail("%s is remote; only resources can be", name)
		return nil, false
	}
	full := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(full)
	switch {
	case filepath.IsAbs(name) || !inside(dir, full):
		fail("%s is outside of the kustomization's directory; its files must be in it", name)
		return nil, false
	case err != nil:
		fail("there is no file %s%s", name, nearestFile(full))
		return nil, false
	case info.IsDir():
		fail("%s is a directory where a file is expected", name)
		return nil, false
	}
	return l.file(full, dir, l.Shown(filepath.ToSlash(full)))
}

// decoded is named for a file that kustomize decodes as YAML.
func (l *treeLoader) decoded(dir, name string, fail func(string, ...any)) ([]byte, bool) {
	data, ok := l.named(dir, name, fail)
	return data, ok && l.bounded(l.Shown(path.Join(filepath.ToSlash(dir), name)), data)
}

func (l *treeLoader) bounded(shown string, data []byte) bool {
	err := object.Bounded(object.Input{File: shown, Data: data, Hide: true})
	if err != nil {
		l.errs = append(l.errs, err)
	}
	return err == nil
}

func inside(dir, full string) bool {
	relative, err := filepath.Rel(dir, full)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}

// file reads a file once; the answer is false when it cannot be, which is noted.
func (l *treeLoader) file(full, dir, shown string) ([]byte, bool) {
	name := filepath.ToSlash(full)
	if i, known := l.index[name]; known {
		return l.Files[i].Data, true
	}
	if target, err := filepath.EvalSymlinks(full); err != nil || !inside(dir, target) {
		l.errs = append(l.errs, &object.Error{File: shown, Message: "a symbolic link that leads out of the kustomization's directory"})
		return nil, false
	}
	data, err := readFile(full, shown)
	if err != nil {
		l.errs = append(l.errs, err)
		return nil, false
	}
	return data, l.add(name, data)
}

func (l *treeLoader) add(name string, data []byte) bool {
	if l.size += len(data); l.size > maxAll {
		l.errs = append(l.errs, &object.Error{File: l.Shown(name), Message: fmt.Sprintf("the kustomization is larger than %d MiB", maxAll>>20)})
		return false
	}
	l.index[name] = len(l.Files)
	l.Files = append(l.Files, File{Name: name, Data: data})
	return true
}

// nearestFile suggests the file that a missing one was probably meant to be.
func nearestFile(full string) string {
	entries, err := os.ReadDir(filepath.Dir(full))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if like := nearest.Name(filepath.Base(full), names); like != "" {
		return "; the nearest is " + like
	}
	return ""
}
