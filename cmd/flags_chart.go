package cmd

import (
	"errors"
	"fmt"
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
// have made some.
func (s *showFlags) choose(wanted *render.Wanted) ([]object.Object, error) {
	all := wanted.Objects
	if s.includeHooks {
		all = slices.Concat(all, wanted.Hooks)
	}
	if len(s.only) == 0 {
		return all, nil
	}
	var chosen []object.Object
	var errs []error
	for _, pattern := range s.only {
		found := false
		for _, o := range all {
			if ok, err := path.Match(filepath.ToSlash(pattern), o.Source.File); err == nil && ok {
				chosen, found = append(chosen, o), true
			}
		}
		if !found {
			errs = append(errs, inputError(fmt.Sprintf("--show-only %s: no manifest comes from such a file", pattern)))
		}
	}
	return chosen, errors.Join(errs...)
}

// writeFiles writes manifests below a directory, in files named as their sources.
func writeFiles(directory string, objects []object.Object) error {
	byFile := map[string][]object.Object{}
	var names []string
	for _, o := range objects {
		name := path.Clean("/" + o.Source.File)
		if byFile[name] == nil {
			names = append(names, name)
		}
		byFile[name] = append(byFile[name], o)
	}
	for _, name := range names {
		full := filepath.Join(directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("writing manifests: %w", err)
		}
		var b strings.Builder
		if err := report.Manifests(&b, report.YAML, byFile[name], ""); err != nil {
			return err
		}
		// Manifests may hold secrets.
		if err := os.WriteFile(full, []byte(b.String()), 0o600); err != nil {
			return fmt.Errorf("writing manifests: %w", err)
		}
	}
	return nil
}
