package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// Bounds of what is read, so that a mistake ends as an error.
const (
	maxFile = 64 << 20
	maxAll  = 256 << 20
)

// Load reads a bundle from a directory, a file, or stdin when path is "-".
// A path that does not exist, YAML errors and unknown keys are errors of the
// user's, all reported at once.
func Load(path string, stdin io.Reader) (*Bundle, error) {
	return Loader{Stdin: stdin}.Load(path)
}

// Loader loads bundles. The zero Loader is that of Load without stdin.
type Loader struct {
	Stdin io.Reader
	// Recursive reads plain manifests in folders of a directory, too.
	Recursive bool
	// Remote fetches what is remote; nil refuses it.
	Remote Remote

	// above are the directories of the bundles that depend on what is loaded.
	above []string
}

// Load reads a bundle, as the function Load does.
func (l Loader) Load(path string) (*Bundle, error) {
	if path == "-" {
		return loadStream(l.Stdin)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &object.Error{File: path, Message: "there is no such file or directory" + nearestFile(path)}
	case err != nil:
		return nil, mistake(path, err)
	case !info.IsDir():
		return l.loadFile(path, info)
	}
	if exists(filepath.Join(path, ChartFile)) {
		return loadChart(path)
	}
	switch {
	case exists(filepath.Join(path, SpecFile)):
		return l.loadBundle(path)
	case isKustomization(path):
		tree, err := LoadTree(path, "", l.Remote)
		return &Bundle{Type: Kustomization, Path: path, Tree: tree}, err
	case l.Recursive:
		return loadFolders(path)
	}
	return loadDirectory(path)
}

// readable says what can be read.
const readable = "bundles are directories with a bundle.yaml, Helm charts, kustomizations, or plain manifests: a file, a directory, or - for stdin"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mistake says why a file cannot be read, without repeating its name.
func mistake(file string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &object.Error{File: file, Message: "it cannot be read: " + err.Error()}
}

func loadStream(stdin io.Reader) (*Bundle, error) {
	data, err := read(stdin, "stdin", 0)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &object.Error{File: "stdin", Message: "there is nothing on it"}
	}
	return &Bundle{Type: Plain, Path: "-", Files: []File{{Name: "stdin", Data: data}}}, nil
}

func (l Loader) loadFile(path string, info fs.FileInfo) (*Bundle, error) {
	base := filepath.Base(path)
	switch {
	case base == SpecFile || base == ChartFile || slices.Contains(kustomizationFiles, base):
		return l.Load(filepath.Dir(path))
	case strings.HasSuffix(base, ".tgz") || strings.HasSuffix(base, ".tar.gz"):
		return loadArchive(path)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0:
		return nil, &object.Error{File: path, Message: "this is neither a file nor a directory"}
	}
	data, err := readFile(path, path)
	if err != nil {
		return nil, err
	}
	return &Bundle{Type: Plain, Path: path, Files: []File{{Name: filepath.ToSlash(path), Data: data}}}, nil
}

// loadDirectory reads the manifests of a directory, but not of those in it.
func loadDirectory(dir string) (*Bundle, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, mistake(dir, err)
	}
	b := &Bundle{Type: Plain, Path: dir}
	var errs []error
	for _, e := range entries {
		if !isManifest(e.Name()) {
			continue
		}
		full := filepath.Join(dir, e.Name())
		if info, err := os.Stat(full); err == nil && info.IsDir() {
			continue
		}
		data, err := readFile(full, e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.Files = append(b.Files, File{Name: e.Name(), Data: data})
	}
	if len(b.Files) == 0 && len(errs) == 0 {
		return nil, nothingIn(dir, entries)
	}
	return b, errors.Join(errs...)
}

func isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return !strings.HasPrefix(name, ".")
	}
	return false
}

func nothingIn(dir string, entries []fs.DirEntry) error {
	e := &object.Error{File: dir, Message: "there is no bundle.yaml in it, and no manifest (*.yaml, *.yml, *.json)", Hint: readable}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			folders = append(folders, entry.Name())
		}
	}
	switch {
	case slices.Contains(folders, Templates):
		e.Hint = "a bundle needs a bundle.yaml beside templates/; belay create makes one"
	case len(folders) > 0:
		e.Hint = "folders in it are read with -R only: " + strings.Join(folders, ", ")
	}
	return e
}

// readFile reads a file of limited size; name is for errors.
func readFile(full, name string) ([]byte, error) {
	info, err := os.Stat(full)
	if err != nil {
		return nil, mistake(name, err)
	}
	return readKnown(full, name, info)
}

// readKnown is readFile for a file whose state is known.
func readKnown(full, name string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		return nil, &object.Error{File: name, Message: "this is not a file"}
	}
	if info.Size() > maxFile { // it need not be read to know that
		return nil, tooLarge(name)
	}
	f, err := os.Open(full)
	if err != nil {
		return nil, mistake(name, err)
	}
	defer f.Close()
	return read(f, name, info.Size())
}

// read reads all there is, which is probably of a size.
func read(r io.Reader, name string, size int64) ([]byte, error) {
	if r == nil {
		return nil, &object.Error{File: name, Message: "there is nothing on it"}
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r, maxFile+1)); err != nil {
		return nil, mistake(name, err)
	}
	if b.Len() > maxFile {
		return nil, tooLarge(name)
	}
	return b.Bytes(), nil
}

func tooLarge(name string) error {
	return &object.Error{File: name, Message: fmt.Sprintf("it is larger than %d MiB", maxFile>>20)}
}

// loadBundle reads a directory with a bundle.yaml.
func (l Loader) loadBundle(dir string) (*Bundle, error) {
	data, err := readFile(filepath.Join(dir, SpecFile), SpecFile)
	if err != nil {
		return nil, err
	}
	spec, specErr := readSpec(data, "apiVersion", "kind", "name")
	b := &Bundle{Type: Belay, Path: dir, Spec: spec.Spec}
	t := &tree{dir: dir, tried: map[string]bool{}}
	if ignore, err := readFile(filepath.Join(dir, ".belayignore"), ".belayignore"); err == nil {
		t.ignore = parseIgnore(string(ignore))
	}
	t.file(ValuesFile)
	t.file(SchemaFile)
	t.walk(Definitions)
	t.walk(Templates)
	var errs []error
	if specErr != nil {
		errs = append(errs, specErr)
	}
	for _, use := range spec.files {
		if err := t.use(use); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, l.loadTrees(b, spec.overlays)...)
	if len(l.above) == 0 {
		l.above = []string{resolved(dir)}
	}
	errs = append(errs, l.depend(b)...)
	if t.speaksOfFiles() {
		t.walk(".")
	}
	b.Files = t.files
	slices.SortFunc(b.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return b, errors.Join(append(errs, t.errs...)...)
}

// tree reads the files of a bundle's directory.
type tree struct {
	dir    string
	ignore ignore
	// tried are the files that were read, or found unreadable.
	tried map[string]bool
	files []File
	size  int
	errs  []error
}

func (t *tree) has(name string) bool {
	return slices.ContainsFunc(t.files, func(f File) bool { return f.Name == name })
}

// file reads one file, if it is there.
func (t *tree) file(name string) {
	full := filepath.Join(t.dir, filepath.FromSlash(name))
	if t.tried[name] || !exists(full) {
		return
	}
	t.tried[name] = true
	if outside, err := leadsOut(t.dir, full); err != nil || outside {
		t.errs = append(t.errs, &object.Error{File: name, Message: "a symbolic link that leads out of the bundle"})
		return
	}
	data, err := readFile(full, name)
	if err != nil {
		t.errs = append(t.errs, err)
		return
	}
	if t.size += len(data); t.size > maxAll {
		t.errs = append(t.errs, &object.Error{File: name, Message: fmt.Sprintf("the bundle is larger than %d MiB", maxAll>>20),
			Hint: "name in .belayignore what templates do not need"})
		return
	}
	t.files = append(t.files, File{Name: name, Data: data})
}

// leadsOut says whether a file is a link to somewhere outside of a directory.
func leadsOut(dir, full string) (bool, error) {
	info, err := os.Lstat(full)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return false, err
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false, err
	}
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		return false, err
	}
	relative, err := filepath.Rel(root, target)
	return relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)), err
}

// use reads a file that bundle.yaml names.
func (t *tree) use(u fileUse) error {
	name := path.Clean(u.name)
	if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return &object.Error{File: SpecFile, Line: u.line, Message: fmt.Sprintf("%s: %q is outside of the bundle", u.path, u.name)}
	}
	before := len(t.errs)
	if t.file(name); !t.has(name) && len(t.errs) == before {
		return &object.Error{File: SpecFile, Line: u.line, Message: fmt.Sprintf("%s: there is no file %s%s", u.path, u.name, nearestFile(filepath.Join(t.dir, filepath.FromSlash(name))))}
	}
	return nil
}

// walk reads a folder and those in it, save what is ignored, hidden folders, and
// folders behind symbolic links.
func (t *tree) walk(folder string) {
	root := filepath.Join(t.dir, folder)
	if !exists(root) {
		return
	}
	err := filepath.WalkDir(root, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(t.dir, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if name == "." {
			return nil
		}
		hidden := strings.HasPrefix(e.Name(), ".")
		if hidden || t.ignore.matches(name, e.IsDir()) {
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() {
			t.file(name)
		}
		return nil
	})
	if err != nil {
		t.errs = append(t.errs, mistake(folder, err))
	}
}

// speaksOfFiles says whether a template may read other files of the bundle.
func (t *tree) speaksOfFiles() bool {
	return slices.ContainsFunc(t.files, func(f File) bool { return bytes.Contains(f.Data, []byte(".Files")) })
}
