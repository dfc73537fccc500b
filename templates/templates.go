// Package templates is the language of a bundle's templates folder: text/template
// with sprig, include, tpl, required and the like, made strict. A value that does
// not exist is an error wherever it is used, save as the direct operand of
// default, if, with, and, or, not, empty, coalesce, ternary and required, where
// the last name of a chain may be absent. Errors are located in the source, with
// the nearest names. Functions that look at the machine are left out, the clock
// is handed in, and random results are remembered by call site. It is pure and
// stands alone; render evaluates bundles with it.
package templates

import (
	"errors"
	"maps"
	"path"
	"slices"
	"text/template"
	"text/template/parse"
	"time"
)

// File is a template file.
type File struct {
	// Name is relative to the bundle: templates/front.yaml.
	Name string
	Text string
	// Partial files hold definitions only; what stands outside them is not rendered.
	Partial bool
}

// Options are what templates may know besides their data.
type Options struct {
	// Now is the clock of now, date, ago and the like.
	Now time.Time
	// Random holds remembered results of random functions, by call site.
	Random map[string]string
	// Locate names a mapping for error notes: its path and the place that
	// defines it ("front", "values.yaml:3"). It may be nil or answer "".
	Locate func(m map[string]any) (path, place string)
	// Read is told of every member that a file looks at, and the line of its
	// output that was being written. It may be nil.
	Read func(file string, m map[string]any, key string, line int)
	// Lookup answers lookup, and is told the place that asks; nil finds nothing.
	Lookup func(place, apiVersion, kind, namespace, name string) (map[string]any, error)
}

// Result is a rendered file.
type Result struct {
	Name string
	Text []byte
	// lines holds, for each line of Text, the line of the template it came from.
	lines []int
}

// Line returns the line of the template that made a line of the text.
func (r *Result) Line(rendered int) int {
	if len(r.lines) == 0 {
		return 1
	}
	return r.lines[max(0, min(rendered-1, len(r.lines)-1))]
}

// Set is a parsed set of template files.
type Set struct {
	files []File
	trees map[string]*tree
	sites []site
	// broken is true when a file could not be parsed, so that names may be missing.
	broken bool
}

// tree is one template: a file or a definition in it.
type tree struct {
	source *source
	parsed *parse.Tree
}

// Parse parses template files. The error is a join of *Error, one for each file
// that is broken; the set holds the others, so that their mistakes can be found too.
func Parse(files []File) (*Set, error) {
	s := &Set{files: files, trees: map[string]*tree{}}
	names := functionNames()
	var errs []error
	for _, f := range files {
		if err := s.add(f, names); err != nil {
			s.broken = true
			errs = append(errs, err)
		}
	}
	return s, errors.Join(errs...)
}

func (s *Set) add(f File, names map[string]any) error {
	src := newSource(f.Name, f.Text)
	trees, _, err := parseTrees(f.Name, src, names, &nodes{})
	if err != nil {
		return src.parseError(err, names)
	}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if parse.IsEmptyTree(trees[name].Root) && name != f.Name {
			if _, defined := s.trees[name]; defined {
				continue
			}
		}
		if before := s.trees[name]; before != nil && !parse.IsEmptyTree(before.parsed.Root) {
			return src.errorAt(trees[name].Root.Position(), 1, "template %q is already defined at %s",
				name, before.source.place(before.parsed.Root.Position()))
		}
		r := &rewriter{source: src, sites: &s.sites}
		r.list(trees[name].Root)
		s.trees[name] = &tree{source: src, parsed: trees[name]}
	}
	return nil
}

// Render renders every file that is not partial, in order, with the same data.
// It returns the results, the random values that were used, by call site, and a
// join of *Error with the mistakes of all files; files with mistakes have no result.
// Data's maps may be changed by templates.
func (s *Set) Render(data map[string]any, o Options) ([]Result, map[string]string, error) {
	r := &renderer{
		set: s, options: o, random: map[string]string{}, counts: map[string]int{},
		seen: map[mistake]bool{}, texts: map[string]*snippet{}, ready: map[*tree]*template.Template{},
	}
	r.root = template.New("").Funcs(r.functions())
	var results []Result
	for _, f := range s.files {
		t := s.trees[f.Name]
		if f.Partial || t == nil || t.source.name != f.Name {
			continue
		}
		if result, ok := r.file(f, t, data); ok {
			results = append(results, result)
		}
	}
	return results, r.random, errors.Join(r.errs...)
}

// renderer is one run over a set. It is not for several goroutines.
type renderer struct {
	set     *Set
	options Options
	root    *template.Template
	ready   map[*tree]*template.Template
	// top collects the file that is being rendered; stack are the calls of
	// include and tpl that lead from it to what is being executed.
	top   *sink
	name  string
	stack []frame
	steps int
	// texts are the parsed texts of tpl; snippets those being executed.
	texts    map[string]*snippet
	snippets []*snippet
	random   map[string]string
	counts   map[string]int
	errs     []error
	seen     map[mistake]bool
	missing  int
}

// mistake is what two equal reports share.
type mistake struct {
	place, message string
}

// file renders one file; its mistakes are kept.
func (r *renderer) file(f File, t *tree, data map[string]any) (Result, bool) {
	root := maps.Clone(data)
	root["Template"] = map[string]any{"Name": f.Name, "BasePath": path.Dir(f.Name)}
	before := len(r.errs)
	r.top, r.stack, r.missing, r.name = newSink(t.source), nil, 0, f.Name
	err := r.execute(t, r.top, root)
	if err != nil && r.missing == 0 {
		// What follows from a missing value is not reported beside it.
		r.report(err)
	}
	if len(r.errs) > before || r.missing > 0 || err != nil {
		return Result{}, false
	}
	return Result{Name: f.Name, Text: r.top.bytes(), lines: r.top.lines}, true
}

// report keeps a mistake, once.
func (r *renderer) report(err error) {
	var located *Error
	if errors.As(err, &located) {
		key := mistake{located.Place(), located.Message}
		if r.seen[key] || (r.set.broken && located.unknown) {
			return
		}
		r.seen[key] = true
		err = located
	}
	r.errs = append(r.errs, err)
}

// execute runs one template. Its error is located.
func (r *renderer) execute(t *tree, w *sink, dot any) error {
	exec := r.ready[t]
	if exec == nil {
		var err error
		if exec, err = r.root.AddParseTree(t.parsed.Name, t.parsed); err != nil {
			return err
		}
		r.ready[t] = exec
	}
	if err := exec.Execute(w, dot); err != nil {
		return r.locate(t.source, w, err)
	}
	return nil
}
