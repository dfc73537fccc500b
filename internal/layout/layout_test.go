package layout

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/belay-sh/belay/"

// mayImport is the import table of docs/architecture.md: each package, and what
// of ours it may import. A package that is not in it does not belong.
var mayImport = map[string][]string{
	"internal/nearest": {},
	"internal/yaml11":  {},
	"templates":        {"internal/nearest", "internal/yaml11"},
	"internal/object":  {},
	"internal/policy":  {"internal/nearest", "internal/object"},
	"internal/refs":    {"internal/object"},
	"internal/cel":     {},
	"internal/cluster": {"internal/object"},
	"render":           {"internal/nearest", "internal/object", "internal/policy", "internal/refs", "render/bundle", "render/chart", "render/overlay", "render/values", "templates"},
	"render/bundle":    {"internal/cel", "internal/nearest", "internal/object", "internal/policy", "internal/refs", "templates"},
	"render/chart":     {"internal/object", "internal/yaml11", "render/bundle", "render/values", "templates"},
	"render/overlay":   {"internal/nearest", "internal/object", "render/bundle"},
	"render/values":    {"internal/object", "internal/policy", "internal/refs", "templates"},
	"internal/rollout": {"internal/cel", "internal/object", "internal/policy"},
	"internal/helm":    {"internal/object", "render", "render/chart"},
	"internal/release": {"internal/object", "internal/policy", "internal/rollout", "render"},
	"diff":             {"diff/fields", "internal/nearest", "internal/object", "internal/policy", "internal/refs", "internal/release", "render"},
	"diff/fields":      {"internal/object", "internal/policy", "internal/refs", "internal/release", "render"},
	"apply":            {"diff", "diff/fields", "internal/object", "internal/policy", "internal/release", "internal/rollout", "internal/refs", "render"},
	"internal/report": {
		"apply", "diff", "diff/fields", "internal/object", "internal/policy", "internal/refs", "internal/release",
		"internal/rollout", "render", "render/bundle", "render/values", "templates",
	},
	"cmd":                   {"*"},
	"cmd/belay":             {"cmd"},
	"examples":              {},
	"bench":                 {"internal/e2e"},
	"internal/e2e":          {"examples", "internal/e2e/proxy", "internal/object"},
	"internal/e2e/proxy":    {},
	"internal/e2e/adoption": {"internal/e2e"},
	"internal/layout":       {},
}

// only are modules that just these packages may import.
var only = map[string][]string{
	"k8s.io/client-go/":      {"internal/cluster", "cmd", "bench"},
	"k8s.io/cli-runtime/":    {"cmd"},
	"k8s.io/component-base/": {},
	"github.com/spf13/cobra": {"cmd"},
}

type pkg struct {
	ImportPath  string
	Dir         string
	Doc         string
	GoFiles     []string
	TestGoFiles []string
	Imports     []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,TestGoFiles,Imports", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := mayImport[p.name()]
		if !known {
			t.Errorf("%s is not in the table: give it a line there and in docs/architecture.md", p.name())
			continue
		}
		for _, path := range p.Imports {
			ours, isOurs := strings.CutPrefix(path, module)
			if isOurs && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
				t.Errorf("%s may not import %s", p.name(), ours)
			}
			for prefix, users := range only {
				if strings.HasPrefix(path+"/", strings.TrimSuffix(prefix, "/")+"/") && !slices.Contains(users, p.name()) {
					t.Errorf("%s may not import %s: only %v may", p.name(), path, users)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.name())
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, p := range packages(t) {
		fset := token.NewFileSet()
		files := parse(t, fset, p, p.GoFiles)
		d, err := doc.NewFromFiles(fset, files, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range d.Funcs {
			undocumented(t, p, f.Name, f.Doc)
		}
		for _, kind := range d.Types {
			undocumented(t, p, kind.Name, kind.Doc)
			for _, f := range slices.Concat(kind.Funcs, kind.Methods) {
				// A method that an interface of the standard library asks for says it by its name.
				if !slices.Contains([]string{"String", "Error", "Unwrap", "Set", "Type", "Write", "Is"}, f.Name) {
					undocumented(t, p, kind.Name+"."+f.Name, f.Doc)
				}
			}
		}
		for _, v := range slices.Concat(d.Consts, d.Vars) {
			undocumented(t, p, v.Names[0], v.Doc)
		}
	}
}

func undocumented(t *testing.T, p pkg, name, doc string) {
	t.Helper()
	if doc == "" {
		t.Errorf("%s.%s has no comment", p.name(), name)
	}
}

// maxLines is what a person can take in at once; tables of test cases are data.
const maxLines = 80

func TestNoFunctionIsTooLong(t *testing.T) {
	for _, p := range packages(t) {
		fset := token.NewFileSet()
		for _, file := range parse(t, fset, p, p.GoFiles) {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if lines := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; lines > maxLines {
					t.Errorf("%v: %s has %d lines, more than %d", fset.Position(f.Pos()), f.Name.Name, lines, maxLines)
				}
			}
		}
	}
}

func parse(t *testing.T, fset *token.FileSet, p pkg, names []string) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
