package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// Chart is a Helm chart: a directory or an archive.
const Chart Type = "chart"

// ChartFile is what makes a folder a Helm chart.
const ChartFile = "Chart.yaml"

// helmIgnore holds a chart's patterns of files that are not its own.
const helmIgnore = ".helmignore"

// readAtOnce is how many files are read one after the other.
const readAtOnce = 16

// maxLinks bounds the symbolic links on the way to a chart's file, which may
// lead in circles.
const maxLinks = 20

// loadChart reads a chart's directory as Helm does: all files that .helmignore
// does not name, through symbolic links. A bundle.yaml beside Chart.yaml adds
// environments and rules.
func loadChart(dir string) (*Bundle, error) {
	w := &chartWalk{}
	if text, err := os.ReadFile(filepath.Join(dir, helmIgnore)); err == nil {
		if err := w.rules.parse(string(text)); err != nil {
			return nil, err
		}
	}
	if err := w.rules.parse("templates/.?*"); err != nil {
		return nil, err
	}
	files, err := w.all(dir)
	if err != nil {
		return nil, err
	}
	return finishChart(dir, files)
}

// loadArchive reads a packed chart.
func loadArchive(file string) (*Bundle, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, mistake(file, err)
	}
	defer f.Close()
	files, err := Unpack(f)
	if err != nil {
		return nil, &object.Error{File: file, Message: err.Error()}
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.Name == ChartFile }) {
		return nil, &object.Error{File: file, Message: "there is no Chart.yaml in the archive", Hint: "belay reads archives of Helm charts"}
	}
	return finishChart(file, files)
}

// finishChart reads what Chart.yaml and bundle.yaml say of the whole bundle.
func finishChart(from string, files []File) (*Bundle, error) {
	b := &Bundle{Type: Chart, Path: from, Files: sorted(files)}
	head, _ := b.File(ChartFile)
	var chart struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if err := yaml.Unmarshal(head, &chart); err != nil {
		return nil, HeadError(ChartFile, head, err)
	}
	data, beside := b.File(SpecFile)
	if !beside {
		b.Spec = Spec{Name: chart.Name, Version: chart.Version}
		return b, nil
	}
	// A chart that templates see as a file of its own stays as it is without it.
	spec, err := readSpec(data, "apiVersion", "kind")
	errs := []error{err}
	for _, use := range spec.files {
		if _, ok := b.File(path.Clean(use.name)); !ok {
			errs = append(errs, &object.Error{File: SpecFile, Line: use.line, Message: fmt.Sprintf("%s: there is no file %s", use.path, use.name)})
		}
	}
	if len(spec.Dependencies) > 0 {
		errs = append(errs, &object.Error{File: SpecFile, Line: spec.lines["dependencies"], Message: "dependencies: a chart has its own, in Chart.yaml"})
	}
	b.Spec = spec.Spec
	errs = append(errs, Loader{}.loadTrees(b, spec.overlays)...)
	if b.Spec.Name == "" {
		b.Spec.Name = chart.Name
	}
	if b.Spec.Version == "" {
		b.Spec.Version = chart.Version
	}
	return b, errors.Join(errs...)
}

// chartWalk reads the files of a chart's directory.
type chartWalk struct {
	rules helmRules
	size  int64
	// found are the files that nobody reads yet; batches read the others meanwhile.
	found   []foundFile
	batches []*fileBatch
	readers errgroup.Group
}

type foundFile struct {
	full, name string
	info       fs.FileInfo
}

// fileBatch is files that are read one after the other. err is its first mistake.
type fileBatch struct {
	files []File
	err   error
}

// readFound begins to read what was found.
func (w *chartWalk) readFound() {
	found, b := w.found, &fileBatch{}
	w.found, w.batches = nil, append(w.batches, b)
	w.readers.Go(func() error {
		b.files = make([]File, len(found))
		for i, f := range found {
			data, err := readKnown(f.full, f.name, f.info)
			if err != nil {
				b.err = err
				return nil
			}
			b.files[i] = File{Name: f.name, Data: bytes.TrimPrefix(data, byteOrderMark)}
		}
		return nil
	})
}

// all reads all files of a directory. The first mistake counts.
func (w *chartWalk) all(dir string) ([]File, error) {
	w.readers.SetLimit(runtime.GOMAXPROCS(0))
	walkErr := w.folder(dir, "", 0)
	w.readFound()
	_ = w.readers.Wait() // the mistakes are the batches'
	var files []File
	for _, b := range w.batches {
		if b.err != nil {
			return nil, b.err
		}
		files = append(files, b.files...)
	}
	return files, walkErr
}

// folder looks through a folder; name is its name in the chart.
func (w *chartWalk) folder(full, name string, links int) error {
	entries, err := os.ReadDir(full)
	if err != nil {
		return mistake(name, err)
	}
	for _, e := range entries {
		if err := w.entry(filepath.Join(full, e.Name()), path.Join(name, e.Name()), e.Type()&fs.ModeSymlink != 0, links); err != nil {
			return err
		}
	}
	return nil
}

func (w *chartWalk) entry(full, name string, link bool, links int) error {
	if link {
		if links++; links > maxLinks {
			return &object.Error{File: name, Message: "symbolic links that lead in circles"}
		}
	}
	info, err := os.Stat(full)
	if err != nil {
		return mistake(name, err)
	}
	if w.rules.ignores(name, info.IsDir()) {
		return nil
	}
	if info.IsDir() {
		return w.folder(full, name, links)
	}
	if info.Size() > maxFile { // it need not be read to know that
		return tooLarge(name)
	}
	if w.size += info.Size(); w.size > maxArchive {
		return &object.Error{
			File: name, Message: fmt.Sprintf("the chart is larger than %d MiB", maxArchive>>20),
			Hint: "name in .helmignore what the chart does not need",
		}
	}
	if w.found = append(w.found, foundFile{full, name, info}); len(w.found) == readAtOnce {
		w.readFound()
	}
	return nil
}

// helmRules are the patterns of a .helmignore. The first that matches counts; one
// with a ! ignores whatever it does not match, as Helm has it.
type helmRules []helmRule

type helmRule struct {
	pattern           string
	negated, foldered bool
	// whole patterns are matched with the whole name, others with its last part.
	whole bool
	// literal patterns match nothing but themselves.
	literal bool
}

func (r *helmRules) parse(text string) error {
	for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.Contains(line, "**") {
			return &object.Error{File: helmIgnore, Line: i + 1, Message: "Helm knows no ** in it"}
		}
		if _, err := path.Match(line, "abc"); err != nil {
			return &object.Error{File: helmIgnore, Line: i + 1, Message: fmt.Sprintf("%q is no pattern", line)}
		}
		var rule helmRule
		line, rule.negated = strings.CutPrefix(line, "!")
		line, rule.foldered = strings.CutSuffix(line, "/")
		rule.whole = strings.Contains(line, "/")
		rule.pattern = strings.TrimPrefix(line, "/")
		rule.literal = !strings.ContainsAny(rule.pattern, `*?[\`)
		*r = append(*r, rule)
	}
	return nil
}

func (r helmRules) ignores(name string, folder bool) bool {
	for _, rule := range r {
		on := name
		if !rule.whole {
			on = path.Base(name)
		}
		matched := on == rule.pattern
		if !rule.literal {
			var err error
			matched, err = path.Match(rule.pattern, on)
			matched = matched && err == nil
		}
		switch {
		case rule.negated:
			if !matched || rule.foldered && !folder {
				return true
			}
		case matched && (folder || !rule.foldered):
			return true
		}
	}
	return false
}

// wrongShape is how a value of another type than expected is reported.
var wrongShape = lazily(`cannot unmarshal (\w+) into Go struct field \w*\.([\w.-]+) of type (\[|map)?(\w*)`)

// HeadError says what is wrong with a Chart.yaml or requirements.yaml that cannot
// be read. err is what sigs.k8s.io/yaml says.
func HeadError(name string, data []byte, err error) error {
	said := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	m := wrongShape.compiled().FindStringSubmatch(said)
	if m == nil {
		return object.SyntaxError(object.Input{File: name, Data: data}, errors.New(said))
	}
	shapes := map[string]string{"object": "a mapping", "array": "a list", "number": "a number", "string": "a string", "bool": "a boolean"}
	expected := shapes[m[4]]
	switch {
	case m[3] == "[":
		expected = "a list"
	case expected == "":
		expected = "a mapping"
	}
	e := &object.Error{File: name, Message: fmt.Sprintf("%s: %s where %s is expected", m[2], shapes[m[1]], expected)}
	key, _, _ := strings.Cut(m[2], ".")
	if found := regexp.MustCompile(`(?m)^["']?` + regexp.QuoteMeta(key) + `["']?[ \t]*:`).FindIndex(data); found != nil {
		e.Line, e.Column = 1+bytes.Count(data[:found[0]], []byte("\n")), 1
		e.Excerpt = object.Excerpt(data, e.Line, 1, len(key), "")
	}
	return e
}
