package render

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/render/bundle"
)

// Files is .Files in templates: the bundle's other files by name.
type Files map[string][]byte

// newFiles are the files of a bundle that are neither bundle.yaml nor templates.
func newFiles(b *bundle.Bundle) Files {
	f := Files{}
	for _, file := range b.Files {
		if file.Name != bundle.SpecFile && !strings.HasPrefix(file.Name, bundle.Templates+"/") {
			f[file.Name] = file.Data
		}
	}
	return f
}

// Get returns the content of a file, which must exist.
func (f Files) Get(name string) (string, error) {
	data, ok := f[path.Clean(name)]
	if !ok {
		message := fmt.Sprintf("there is no file %q", name)
		if like := nearest.Name(name, slices.Sorted(maps.Keys(f))); like != "" {
			message += "; the nearest is " + like
		}
		return "", fmt.Errorf("%s", message)
	}
	return string(data), nil
}

// Lines returns the lines of a file, which must exist.
func (f Files) Lines(name string) ([]string, error) {
	text, err := f.Get(name)
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}

// Glob returns the files whose names match: * within a name, ** for any folders.
func (f Files) Glob(pattern string) (Files, error) {
	parts := strings.Split(path.Clean(pattern), "/")
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		return nil, fmt.Errorf("%q is no pattern", pattern)
	}
	found := Files{}
	for name, data := range f {
		if bundle.Match(parts, strings.Split(name, "/")) {
			found[name] = data
		}
	}
	return found, nil
}

// AsConfig writes the files as the data of a ConfigMap, by base name.
func (f Files) AsConfig() (string, error) {
	return f.as(func(data []byte) string { return string(data) })
}

// AsSecrets writes the files as the data of a Secret, by base name.
func (f Files) AsSecrets() (string, error) {
	return f.as(base64.StdEncoding.EncodeToString)
}

func (f Files) as(write func([]byte) string) (string, error) {
	data := make(map[string]string, len(f))
	for name, content := range f {
		base := path.Base(name)
		if _, twice := data[base]; twice {
			return "", fmt.Errorf("two files are called %s", base)
		}
		data[base] = write(content)
	}
	text, err := yaml.Marshal(data)
	return strings.TrimSuffix(string(text), "\n"), err
}
