package overlay

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// memory is the file system that kustomize sees: the files of a tree, by their
// absolute paths, whatever letters these have. Nothing can be written to it.
type memory struct {
	files map[string][]byte
	// folders are those that hold files, and what is in each.
	folders map[string][]string
}

func newMemory(files map[string][]byte) memory {
	m := memory{files: files, folders: map[string][]string{}}
	for name := range files {
		for child := name; child != "/" && child != "."; child = path.Dir(child) {
			dir := path.Dir(child)
			if slices.Contains(m.folders[dir], path.Base(child)) {
				break
			}
			m.folders[dir] = append(m.folders[dir], path.Base(child))
		}
	}
	for _, names := range m.folders {
		slices.Sort(names)
	}
	return m
}

var errReadOnly = errors.New("a kustomization cannot write files")

func missing(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// CleanedAbs splits a path into its directory and its file, if it is one.
func (m memory) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name = path.Clean(path.Join("/", name))
	switch {
	case m.IsDir(name):
		return filesys.ConfirmedDir(name), "", nil
	case m.Exists(name):
		return filesys.ConfirmedDir(path.Dir(name)), path.Base(name), nil
	}
	return "", "", missing(name)
}

// Exists says whether there is a file or a directory of that name.
func (m memory) Exists(name string) bool {
	_, ok := m.files[path.Clean(name)]
	return ok || m.IsDir(name)
}

// IsDir says whether there is a directory of that name.
func (m memory) IsDir(name string) bool { return m.folders[path.Clean(name)] != nil }

// ReadDir lists a directory.
func (m memory) ReadDir(name string) ([]string, error) {
	if names := m.folders[path.Clean(name)]; names != nil {
		return slices.Clone(names), nil
	}
	return nil, missing(name)
}

// ReadFile reads a file.
func (m memory) ReadFile(name string) ([]byte, error) {
	if data, ok := m.files[path.Clean(name)]; ok {
		return slices.Clone(data), nil
	}
	return nil, missing(name)
}

// Glob lists the files that a pattern matches.
func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for name := range m.files {
		matches, err := path.Match(pattern, name)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		if matches {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Open is not needed: kustomize reads whole files.
func (m memory) Open(name string) (filesys.File, error) { return nil, missing(name) }

// Walk is not needed: kustomize names what it reads.
func (m memory) Walk(name string, _ filepath.WalkFunc) error { return missing(name) }

// Create refuses.
func (m memory) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir refuses.
func (m memory) Mkdir(string) error { return errReadOnly }

// MkdirAll refuses.
func (m memory) MkdirAll(string) error { return errReadOnly }

// RemoveAll refuses.
func (m memory) RemoveAll(string) error { return errReadOnly }

// WriteFile refuses.
func (m memory) WriteFile(string, []byte) error { return errReadOnly }
