package templates

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"text/template"
	"text/template/parse"
	"time"

	"golang.org/x/sync/errgroup"
)

// The language of Helm's charts stands beside the strict one: text/template as
// it is, with Helm's functions. What does not exist prints as nothing, and what
// text/template writes for it, "<no value>", is taken out of the results.

// noValue is what text/template writes for what does not exist.
const noValue = "<no value>"

// ChartFile is a template file of a chart or of one of its subcharts.
type ChartFile struct {
	// Name is Helm's: app/charts/db/templates/x.yaml. Templates can see it.
	Name string
	// Path is for people, relative to the bundle: charts/db/templates/x.yaml.
	Path string
	Text string
	// Dot is called before the file is rendered, and gives its data.
	Dot func() any
}

// ChartOptions are what a chart's templates may know besides their data.
type ChartOptions struct {
	// Now is the clock of now, date, ago and the like.
	Now time.Time
	// Random holds remembered results of random functions, by call site.
	Random map[string]string
	// Lookup answers lookup; nil finds nothing.
	Lookup func(apiVersion, kind, namespace, name string) (map[string]any, error)
	// Made, if set, is given each file as soon as it is rendered, by its place in
	// the result.
	Made func(i int, made *Result)
}

// ChartSet is the parsed templates of a chart and its subcharts.
type ChartSet struct {
	files   []ChartFile
	trees   []map[string]*parse.Tree
	sources map[string]*source
	paths   map[string]string
	sites   []site
	names   map[string]any
}

// ParseChart parses a chart's templates. The error is a join of *Error, one for
// each file that is broken. The order of the files does not matter.
func ParseChart(files []ChartFile) (*ChartSet, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, renderOrder)
	s := &ChartSet{
		files: files, trees: make([]map[string]*parse.Tree, len(files)),
		sources: make(map[string]*source, len(files)), paths: make(map[string]string, len(files)),
		names: chartFunctionNames(),
	}
	errs := make([]error, len(files))
	sources := make([]*source, len(files))
	sited := make([]bool, len(files))
	var g errgroup.Group
	var started atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		g.Go(func() error {
			n := &nodes{}
			for i := int(started.Add(1)) - 1; i < len(files); i = int(started.Add(1)) - 1 {
				sources[i] = newSource(files[i].Path, files[i].Text)
				var err error
				if s.trees[i], sited[i], err = parseTrees(files[i].Name, sources[i], s.names, n); err != nil {
					errs[i] = sources[i].parseError(err, s.names)
				}
			}
			return nil
		})
	}
	_ = g.Wait() // the mistakes of all files are in errs
	for i, f := range files {
		s.sources[f.Name], s.paths[f.Name] = sources[i], f.Path
		if errs[i] == nil && sited[i] {
			s.place(sources[i], s.trees[i])
		}
	}
	return s, errors.Join(errs...)
}

// renderOrder is Helm's: the deepest files first, so that what a parent defines
// replaces what its subcharts define.
func renderOrder(a, b ChartFile) int {
	deepA, deepB := strings.Count(a.Name, "/"), strings.Count(b.Name, "/")
	if deepA != deepB {
		return deepB - deepA
	}
	return strings.Compare(b.Name, a.Name)
}

// Render renders the files that are not partial. It returns the results, the
// random values that were used, by call site, and the places that called lookup.
// The mistakes of all files are reported, as a join of *Error. Data may be changed by
// templates.
func (s *ChartSet) Render(o ChartOptions) (*ChartResult, error) {
	r := &chartRun{
		set: s, options: o, depth: map[string]int{}, texts: map[string]*chartText{},
		random: newMemory(o.Random), lookups: map[string]bool{},
	}
	r.library = r.functions()
	root := r.newScope(template.New("gotpl").Option("missingkey=zero").Funcs(r.library))
	for i := range s.files {
		if err := add(root.set, s.files[i].Name, s.trees[i]); err != nil {
			return nil, err
		}
	}
	var mistakes []error
	result := &ChartResult{Files: make([]Result, 0, len(s.files))}
	for _, f := range s.files {
		if strings.HasPrefix(path.Base(f.Name), "_") {
			continue
		}
		rendered, err := r.file(root, f)
		if err != nil {
			mistakes = append(mistakes, r.locate(f, err))
			continue
		}
		result.Files = append(result.Files, rendered)
		if o.Made != nil {
			o.Made(len(result.Files)-1, &result.Files[len(result.Files)-1])
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(distinct(mistakes)...)
	}
	result.Random, result.Lookups = r.random.used, r.lookups
	return result, nil
}

// distinct leaves out mistakes that were made before: those of a definition that
// several files include.
func distinct(mistakes []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(mistakes, func(err error) bool {
		key := err.Error()
		var e *Error
		if errors.As(err, &e) {
			key = fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
		}
		twice := seen[key]
		seen[key] = true
		return twice
	})
}

// ChartResult is what a chart's templates made.
type ChartResult struct {
	// Files are in the order they were rendered in; Name is the ChartFile's.
	Files []Result
	// Random are the random values that were used, by call site.
	Random map[string]string
	// Lookups are the places that called lookup.
	Lookups map[string]bool
}

// add puts the templates of one file into a set. Of two definitions of a name
// the later one counts, unless it is empty.
func add(set *template.Template, name string, trees map[string]*parse.Tree) error {
	t := set.New(name)
	for n, tree := range trees {
		if _, err := t.AddParseTree(n, tree); err != nil {
			return err
		}
	}
	return nil
}

// file renders one file.
func (r *chartRun) file(root *scope, f ChartFile) (Result, error) {
	r.out.reset(r.set.sources[f.Name])
	r.inner = r.inner[:0]
	clear(r.depth)
	if err := root.set.Lookup(f.Name).Execute(&r.out, f.Dot()); err != nil {
		return Result{}, err
	}
	text := bytes.ReplaceAll(r.out.bytes(), []byte(noValue), nil) // a copy, also where there is none
	return Result{Name: f.Name, Text: text, lines: slices.Clone(r.out.lines)}, nil
}
