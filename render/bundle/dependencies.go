package bundle

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// Dependency is another bundle that is rendered with a bundle: its values are those
// below its name.
type Dependency struct {
	Name string
	// Source is its directory or archive, from the bundle's directory.
	Source string
	// Condition is the path of a value that turns it off, or empty.
	Condition string
	// Bundle is what is there: a belay bundle or a Helm chart.
	Bundle *Bundle

	line int
}

// maxDependencies bounds how deep bundles depend on each other.
const maxDependencies = 16

// dependencies reads the list of them in bundle.yaml.
func (r *specReader) dependencies(path string, v any) {
	list, ok := v.([]any)
	if !ok {
		r.fail(path, "%s: a list is expected", path)
		return
	}
	seen := map[string]bool{"global": true}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		d := Dependency{line: r.lines[at]}
		before := len(r.errs)
		r.mapping(at, item, map[string]field{
			"name": r.label(&d.Name), "source": r.text(&d.Source), "condition": r.text(&d.Condition),
		})
		switch {
		case len(r.errs) > before:
		case d.Name == "" || d.Source == "":
			r.fail(at, "%s: name and source are needed", at)
		case seen[d.Name]:
			r.fail(at, "%s: the name %q is taken", at, d.Name)
		}
		seen[d.Name] = true
		r.Dependencies = append(r.Dependencies, d)
	}
}

// depend loads what a bundle depends on.
func (l Loader) depend(b *Bundle) []error {
	var errs []error
	if b.Type != Belay && len(b.Spec.Dependencies) > 0 {
		return append(errs, &object.Error{File: SpecFile, Line: b.Spec.Dependencies[0].line, Message: "dependencies: only a bundle with templates can have them"})
	}
	for i := range b.Spec.Dependencies {
		d := &b.Spec.Dependencies[i]
		if d.Source == "" {
			continue // told already
		}
		fail := func(format string, args ...any) {
			errs = append(errs, &object.Error{File: SpecFile, Line: d.line, Message: fmt.Sprintf("dependency %s: ", d.Name) + fmt.Sprintf(format, args...)})
		}
		full := filepath.Join(b.Path, filepath.FromSlash(d.Source))
		switch {
		case filepath.IsAbs(filepath.FromSlash(d.Source)) || remoteForm.MatchString(d.Source) && !exists(full):
			fail("%q is no path from the bundle's directory", d.Source)
			continue
		case !exists(full):
			fail("there is no %s%s", d.Source, nearestFile(full))
			continue
		case len(l.above) >= maxDependencies || slices.Contains(l.above, resolved(full)):
			fail("it depends on itself, through %s", d.Source)
			continue
		}
		below := l
		below.above = append(slices.Clone(l.above), resolved(full))
		found, err := below.Load(full)
		if err != nil {
			errs = append(errs, d.Within(err, found)...)
			continue
		}
		if found.Type != Belay && found.Type != Chart {
			fail("%s is neither a bundle with templates nor a Helm chart", d.Source)
			continue
		}
		d.Bundle = found
	}
	return errs
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return path
}

// Within says of mistakes in a dependency where they are, seen from the bundle that
// has it. found may be nil.
func (d *Dependency) Within(err error, found *Bundle) []error {
	var all []error
	for _, e := range object.Errors(err) {
		own := *e
		own.File = d.Place(found, e.File)
		own.Excerpt = slices.Clone(e.Excerpt)
		for i, line := range own.Excerpt {
			if strings.HasPrefix(line, "  in ") {
				own.Excerpt[i] = strings.ReplaceAll(line, " at "+Templates+"/", " at "+d.Name+"/"+Templates+"/")
			}
		}
		all = append(all, &own)
	}
	return all
}

// Place is the name of a file of a dependency, seen from the bundle that has it;
// others, and flags, keep theirs.
func (d *Dependency) Place(found *Bundle, file string) string {
	if found == nil || file == SpecFile || file == ChartFile {
		return d.Name + "/" + file
	}
	if _, has := found.File(file); has {
		return d.Name + "/" + file
	}
	for i := range found.Spec.Dependencies {
		if strings.HasPrefix(file, found.Spec.Dependencies[i].Name+"/") {
			return d.Name + "/" + file
		}
	}
	return file
}
