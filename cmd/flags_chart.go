package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

// chartFlags are those that only Helm charts know.
type chartFlags struct {
	skipCRDs    bool
	skipSchemas bool
}

func addChartFlags(fs *pflag.FlagSet, c *chartFlags) {
	fs.BoolVar(&c.skipCRDs, "skip-crds", false, "leave out what is in the crds/ of a bundle or chart")
	fs.BoolVar(&c.skipSchemas, "skip-schema-validation", false, "do not check values against values.schema.json")
}

func (c *chartFlags) options() render.ChartOptions {
	return render.ChartOptions{SkipCRDs: c.skipCRDs, SkipSchemas: c.skipSchemas}
}

// showFlags choose what render prints.
type showFlags struct {
	only         []string
	includeHooks bool
	directory    string
}

func addManifestFlags(fs *pflag.FlagSet, s *showFlags) {
	fs.StringArrayVar(&s.only, "show-only", nil, "print only what comes from this `FILE`; * matches; repeatable")
	fs.BoolVar(&s.includeHooks, "include-hooks", false, "print a chart's hooks, too")
	fs.StringVar(&s.directory, "output-dir", "", "write the manifests to files in `DIR`, one for each file they come from")
}

// choose picks the manifests that were asked for. The files that were named must
// have made some; who names a file without a * means the hooks in it, too.
func (s *showFlags) choose(wanted *render.Wanted) ([]object.Object, error) {
	all := wanted.Objects
	if s.includeHooks {
		all = slices.Concat(all, wanted.Hooks)
	}
	if len(s.only) == 0 {
		return all, nil
	}
	everything := slices.Concat(wanted.Objects, wanted.Hooks)
	var chosen []object.Object
	var errs []error
	for _, given := range s.only {
		pattern, found := path.Clean(filepath.ToSlash(given)), false
		among := all
		if !strings.ContainsAny(pattern, `*?[\`) {
			among = everything
		}
		for _, o := range among {
			if ok, err := path.Match(pattern, o.Source.File); err == nil && ok {
				chosen, found = append(chosen, o), true
			}
		}
		if !found {
			errs = append(errs, notShown(given, pattern, everything))
		}
	}
	return chosen, errors.Join(errs...)
}

// notShown says that nothing comes from a file, and what it may have been.
func notShown(given, pattern string, everything []object.Object) *object.Error {
	e := &object.Error{File: "--show-only " + given, Message: "no manifest comes from such a file"}
	if _, err := path.Match(pattern, ""); err != nil {
		e.Message = "this is no pattern: a [ is not closed, or a \\ stands last"
		return e
	}
	files := map[string]bool{}
	for _, o := range everything {
		files[o.Source.File] = true
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			e.Message, e.Hint = "only hooks come from such files", "--include-hooks prints them"
			return e
		}
	}
	if like := nearest(pattern, names); like != "" {
		e.Message += "; the nearest is " + like
	} else {
		e.Hint = "-o name, or the comments of belay render, say what comes from where"
	}
	return e
}

// writeFiles writes manifests below a directory, in files named as their sources,
// and returns what there is to say of it.
func writeFiles(directory string, objects []object.Object) (string, []render.Warning, error) {
	byFile := map[string][]object.Object{}
	var names []string
	for _, o := range objects {
		name := fileFor(o.Source.File)
		if byFile[name] == nil {
			names = append(names, name)
		}
		byFile[name] = append(byFile[name], o)
	}
	for _, name := range names {
		full := filepath.Join(directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return "", nil, fmt.Errorf("writing manifests: %w", err)
		}
		var b strings.Builder
		if err := report.Manifests(&b, report.YAML, byFile[name], ""); err != nil {
			return "", nil, err
		}
		// Manifests may hold secrets.
		if err := os.WriteFile(full, []byte(b.String()), 0o600); err != nil {
			return "", nil, fmt.Errorf("writing manifests: %w", err)
		}
	}
	said := fmt.Sprintf("wrote %d %s in %d %s to %s", len(objects), plural(len(objects), "manifest"), len(names), plural(len(names), "file"), directory)
	return said, leftovers(directory, byFile), nil
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// fileFor is the name of the file for what comes from a source. No source leads
// out of the directory, and no file makes another thing of it than manifests.
func fileFor(source string) string {
	name := path.Clean("/" + source)
	switch base := path.Base(name); {
	case slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, base):
		return path.Join(path.Dir(name), "generated.yaml")
	case slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(base)):
		return name
	}
	return name + ".yaml"
}

// leftovers warns of manifests in a directory that were there before: whoever
// applies the directory applies them, too.
func leftovers(directory string, written map[string][]object.Object) []render.Warning {
	var others []string
	err := filepath.WalkDir(directory, func(full string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		relative, err := filepath.Rel(directory, full)
		name := filepath.ToSlash(relative)
		if err == nil && written["/"+name] == nil && slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			others = append(others, name)
		}
		return err
	})
	if err != nil || len(others) == 0 {
		return nil // what cannot be read was not written now
	}
	return []render.Warning{{Message: fmt.Sprintf("%s holds %d other %s, which were not written now: %s",
		directory, len(others), plural(len(others), "file"), strings.Join(others[:min(len(others), 5)], ", "))}}
}
