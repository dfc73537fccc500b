package chart

import (
	"encoding/base64"
	"path"
	"strings"

	"github.com/gobwas/glob"
	yaml2 "go.yaml.in/yaml/v2"
)

// Files are what a chart's templates see as .Files: its files by name.
type Files map[string][]byte

func filesOf(c *Chart) Files {
	f := make(Files, len(c.Files))
	for _, file := range c.Files {
		f[file.Name] = file.Data
	}
	return f
}

// GetBytes returns the content of a file; one that is not there is empty.
func (f Files) GetBytes(name string) []byte {
	if data, ok := f[name]; ok {
		return data
	}
	return []byte{}
}

// Get returns the content of a file; one that is not there is empty.
func (f Files) Get(name string) string { return string(f.GetBytes(name)) }

// Glob returns the files whose names match. A pattern that is none matches all.
func (f Files) Glob(pattern string) Files {
	g, err := glob.Compile(pattern, '/')
	if err != nil {
		g = glob.MustCompile("**")
	}
	found := Files{}
	for name, data := range f {
		if g.Match(name) {
			found[name] = data
		}
	}
	return found
}

// Lines returns the lines of a file.
func (f Files) Lines(name string) []string {
	if len(f[name]) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(f[name]), "\n"), "\n")
}

// AsConfig writes the files as the data of a ConfigMap, by base name.
func (f Files) AsConfig() string {
	return f.data(func(data []byte) string { return string(data) })
}

// AsSecrets writes the files as the data of a Secret, by base name.
func (f Files) AsSecrets() string { return f.data(base64.StdEncoding.EncodeToString) }

func (f Files) data(write func([]byte) string) string {
	if f == nil {
		return ""
	}
	out := make(map[string]string, len(f))
	for name, data := range f {
		out[path.Base(name)] = strings.ToValidUTF8(write(data), "\ufffd")
	}
	text, err := yaml2.Marshal(out)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}
