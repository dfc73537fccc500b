package overlay

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// mistake is an error of the kustomization as a whole, or of one of its bases.
// Paths of this machine, and objects with all that is in them, are taken out of
// what kustomize says.
func (b *builder) mistake(err error) error {
	text := strings.ReplaceAll(err.Error(), b.tree.Root+"/", "")
	text = strings.TrimSpace(strings.ReplaceAll(text, b.tree.Root, "."))
	text, below := plainly(text)
	e := &object.Error{File: b.tree.Shown(b.root), Message: text}
	if file := b.kustomization(path.Join(b.tree.Root, below)); below != "" && file != "" {
		e.File = b.tree.Shown(file)
	}
	for _, f := range b.tree.Files {
		shown := b.tree.Shown(f.Name)
		if f.Name != b.root && strings.Contains(text, "'"+path.Base(shown)+"'") {
			e.File = shown
			break
		}
	}
	return e
}

// plainly leaves out of what kustomize says how it got there, and tells the last
// kustomization on that way.
func plainly(text string) (message, below string) {
	way := regexp.MustCompile(`accumulat\w+[^:]*: accumulation err='accumulating resources from '[^']*': '[^']*' must resolve to a (?:file|directory)': |` +
		`accumulating (?:components|resources): |accumulateDirectory: |recursed (?:accumulation of|merging from) path '([^']*)': |couldn't make target for path '([^']*)': |` +
		`merging from generator &\{[^}]*\}: `)
	for _, m := range way.FindAllStringSubmatch(text, -1) {
		for _, dir := range m[1:] {
			if dir != "" {
				below = dir
			}
		}
	}
	quoted := strings.Contains(text, `accumulateDirectory: "`)
	text = way.ReplaceAllString(text, "")
	if quoted {
		text = strings.ReplaceAll(strings.Trim(text, `"`), `\"`, `"`)
	}
	ids := regexp.MustCompile(`(?:id )?resid\.ResId\{Gvk:resid\.Gvk\{Group:"[^"]*", Version:"[^"]*", Kind:"([^"]*)", isClusterScoped:\w+\}, Name:"([^"]*)", Namespace:"[^"]*"\}`)
	text = ids.ReplaceAllString(text, "$1/$2")
	// Whole objects, Secrets among them, follow here.
	text, _, _ = strings.Cut(text, "\n\n**** ")
	if before, list, found := strings.Cut(text, "produces ID conflict: "); found {
		text = before + "gives several objects the same name and namespace" + conflicting(list)
	}
	return strings.TrimSpace(text), below
}

// conflicting names the first of the objects in a list of them.
func conflicting(list string) string {
	var first struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if json.NewDecoder(strings.NewReader(strings.TrimPrefix(list, "["))).Decode(&first) != nil {
		return ""
	}
	return ": " + first.Kind + "/" + first.Metadata.Name
}
