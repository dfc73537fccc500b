package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure are the packages that get clock, environment, network, files and randomness
// handed in; render/bundle, which reads a bundle's files, may open those.
var pure = []string{
	"templates", "internal/object", "internal/policy", "internal/refs", "internal/nearest", "internal/yaml11",
	"render", "render/bundle", "render/chart", "render/overlay", "render/values",
}

// impure are what pure packages must not use: whole packages, and functions of others.
var impure = map[string][]string{
	"net": nil, "net/http": nil, "os/exec": nil, "os/user": nil, "os/signal": nil, "math/rand": nil, "math/rand/v2": nil, "syscall": nil,
	"crypto/rand": nil,
	"time":        {"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"},
	"os":          {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Hostname", "Getwd", "Args", "Stdin", "Stdout", "Create", "WriteFile", "Remove", "Mkdir", "MkdirAll"},
}

func TestRenderingIsPure(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.name()) {
			continue
		}
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "k8s.io/client-go") {
				t.Errorf("%s imports %s", p.name(), path)
			}
		}
		for _, name := range p.GoFiles {
			for _, use := range impureUses(t, filepath.Join(p.Dir, name)) {
				t.Errorf("%s: %s uses %s, which must be handed in", use.at, p.name(), use.what)
			}
		}
	}
}

type impureUse struct{ at, what string }

// impureUses finds what a file uses of the table.
func impureUses(t *testing.T, file string) []impureUse {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var uses []impureUse
	functions := map[string]string{} // by the name that the file knows them by
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value) // the parser knows it to be a string
		names, listed := impure[path]
		switch {
		case !listed:
			continue
		case names == nil:
			uses = append(uses, impureUse{set.Position(i.Pos()).String(), path})
			continue
		}
		local := path
		if i.Name != nil {
			local = i.Name.Name
		}
		for _, name := range names {
			functions[local+"."+name] = path + "." + name
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && functions[x.Name+"."+s.Sel.Name] != "" {
				uses = append(uses, impureUse{set.Position(s.Pos()).String(), functions[x.Name+"."+s.Sel.Name]})
			}
		}
		return true
	})
	return uses
}
