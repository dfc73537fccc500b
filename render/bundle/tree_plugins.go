package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/belay-sh/belay/internal/object"
)

// scanPlugins reads the files that configurations of plugins refer to, as far
// as they are there: what is missing, the plugin itself says best.
func (l *treeLoader) scanPlugins(dir, shown string, data []byte) {
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		if err := d.Decode(&n); err != nil {
			return // kustomize says best what is wrong with it
		}
		l.scanPlugin(dir, shown, &n, "")
	}
}

// scanPlugin looks at a value below a key. Aliases lead to what is looked at.
func (l *treeLoader) scanPlugin(dir, shown string, n *yaml.Node, key string) {
	for i, child := range n.Content {
		below := key
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			below = n.Content[i-1].Value
		}
		l.scanPlugin(dir, shown, child, below)
	}
	text := n.Value
	if n.Kind != yaml.ScalarNode || strings.Contains(text, "\n") {
		return
	}
	if _, file, keyed := strings.Cut(text, "="); keyed {
		text = file
	}
	if slices.Contains([]string{"path", "paths", "file", "files", "env", "envs"}, key) && strings.Contains(text, "://") {
		l.errs = append(l.errs, &object.Error{File: shown, Message: text + " is remote; only resources can be"})
		return
	}
	full := filepath.Join(dir, filepath.FromSlash(text))
	info, err := os.Stat(full)
	if err != nil || !info.Mode().IsRegular() || filepath.IsAbs(text) || !inside(dir, full) {
		return
	}
	shown = l.Shown(filepath.ToSlash(full))
	data, ok := l.file(full, dir, shown)
	switch {
	case !ok:
	case key == "env" || key == "envs":
		l.variables(text, dir, data)
	default:
		l.bounded(shown, data)
	}
}

// variables refuses lines of an env file that would be filled in from the
// environment of this process: what a bundle says must not depend on it.
func (l *treeLoader) variables(name, dir string, data []byte) {
	shown := l.Shown(filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(name))))
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(line, "=") {
			l.errs = append(l.errs, &object.Error{File: shown, Line: i + 1, Message: "a line without =: belay reads no environment variables for it"})
		}
	}
}
