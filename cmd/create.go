package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/examples"
	"github.com/belay-sh/belay/internal/report"
)

type createOptions struct {
	dir     string
	example string
}

// starter is the example that create copies when none is named.
const starter = "web-single"

func newCreateCmd(e *env) *cobra.Command {
	var o createOptions
	known := exampleNames()
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a new bundle from a built-in example",
		Long: `Makes a folder with a bundle that works, to start from: bundle.yaml, values.yaml
and templates. There are the examples ` + strings.Join(known, ", ") + `.`,
		Example: `  belay create shop
  belay create shop --example microservices`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.dir = args[0]
			return runCreate(e, o)
		},
	}
	c.Flags().StringVar(&o.example, "example", starter, "`NAME` of the example to copy: "+strings.Join(known, ", "))
	return withExits(c, exitOK, exitError, exitInput)
}

func exampleNames() []string {
	entries, err := fs.ReadDir(examples.FS, ".")
	if err != nil {
		return nil // an embedded root is always there
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

func runCreate(e *env, o createOptions) error {
	name := filepath.Base(filepath.Clean(o.dir))
	if err := checkReleaseName(name); err != nil {
		return err
	}
	if known := exampleNames(); !slices.Contains(known, o.example) {
		f := inputError(fmt.Sprintf("there is no example %q", o.example))
		if near := nearest(o.example, known); near != "" {
			return f.hint("--example " + near)
		}
		return f.hint("examples: " + strings.Join(known, ", "))
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(o.dir)), 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", o.dir, err)
	}
	if err := os.Mkdir(o.dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return inputError(o.dir + " exists already; nothing was written")
		}
		return fmt.Errorf("creating %s: %w", o.dir, err)
	}
	if err := copyExample(o, name); err != nil {
		return errors.Join(fmt.Errorf("creating %s: %w", o.dir, err), os.RemoveAll(o.dir))
	}
	return report.Created(e.stdout, o.dir, report.Flags{Program: e.program})
}

// copyExample writes the files of an example, under the new bundle's name.
func copyExample(o createOptions, name string) error {
	return fs.WalkDir(examples.FS, o.example, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(file, o.example), "/")
		target := filepath.Join(o.dir, filepath.FromSlash(rel))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := fs.ReadFile(examples.FS, file)
		if err != nil {
			return err
		}
		switch path.Base(rel) {
		case "bundle.yaml":
			data = rename(data, name)
		case "README.md":
			if o.example == starter {
				return nil // an exercise, not a start
			}
			data = bytes.ReplaceAll(data, []byte("examples/"+o.example), []byte(o.dir))
		}
		return os.WriteFile(target, data, 0o644)
	})
}

var (
	nameLine    = regexp.MustCompile(`(?m)^name: .*$`)
	versionLine = regexp.MustCompile(`(?m)^version: .*$`)
)

func rename(spec []byte, name string) []byte {
	spec = nameLine.ReplaceAll(spec, []byte("name: "+name))
	return versionLine.ReplaceAll(spec, []byte("version: 0.1.0"))
}
