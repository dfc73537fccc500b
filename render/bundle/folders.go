package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// loadFolders reads the manifests of a directory and of the folders in it, save
// hidden ones and those behind symbolic links.
func loadFolders(dir string) (*Bundle, error) {
	b := &Bundle{Type: Plain, Path: dir}
	var errs []error
	size := 0
	err := filepath.WalkDir(dir, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if full != dir && strings.HasPrefix(e.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(full)
		if !isManifest(e.Name()) || err == nil && info.IsDir() {
			return nil
		}
		relative, err := filepath.Rel(dir, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		data, err := readFile(full, name)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		if size += len(data); size > maxAll {
			return fmt.Errorf("the manifests in it are larger than %d MiB", maxAll>>20)
		}
		b.Files = append(b.Files, File{Name: name, Data: data})
		return nil
	})
	switch {
	case err != nil:
		return nil, mistake(dir, err)
	case len(b.Files) == 0 && len(errs) == 0:
		return nil, &object.Error{File: dir, Message: "there is no manifest (*.yaml, *.yml, *.json) in it, nor in its folders", Hint: readable}
	}
	return b, errors.Join(errs...)
}
