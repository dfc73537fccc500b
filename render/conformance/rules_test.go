package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rules are rules of Helm's, and how to break each in our source.
var rules = []struct{ name, file, from, to string }{
	{"null removes a chart's value", "render/chart/values.go", "case upper == nil && !m.keepNulls && had[key]:", "case false:"},
	{"a chart's own nulls are dropped", "render/chart/values.go", "		if v == nil {\n			return\n		}", ""},
	{"a parent's global values win", "render/chart/values.go", "into[key] = table\n	}\n	sub", "into[key] = below\n	}\n	sub"},
	{"a condition outweighs tags", "render/chart/dependencies.go", "	c.byTags(seen, told)\n	c.byConditions(seen, at, told)", "	c.byConditions(seen, at, told)\n	c.byTags(seen, told)"},
	{"an alias is the subchart's name", "render/chart/dependencies.go", "out.Meta.Name = alias", "_ = alias"},
	{"import-values yields to the parent", "render/chart/dependencies.go", "c.Values = keep.tables(copyMap(seen), imported, \"\")", "c.Values = keep.tables(imported, copyMap(seen), \"\")"},
	{"a parent's definition wins", "templates/helm.go", "return deepB - deepA", "return deepA - deepB"},
	{"what does not exist prints as nothing", "templates/helm.go", "text = []byte(strings.ReplaceAll(string(text), noValue, \"\"))", "_ = text"},
	{"definitions in tpl are known in it", "templates/helm_run.go", "	own := r.newScope(clone.Option(\"missingkey=zero\"))", "	own := &scope{set: clone}"},
	{"numbers of values are floats", "render/chart/load.go", "yaml11.Decode(string(data), true)", "yaml11.Decode(string(data), false)"},
	{"manifests come in the order of kinds", "render/chart/order.go", "return placeA - placeB", "return 0 * (placeA - placeB)"},
	{"hooks of unknown events are dropped", "render/chart/manifests.go", "d.dropped = true", ""},
	{"flags count by family", "render/values/helm.go", "[]Kind{SetJSON, Set, SetString, SetFile, SetLiteral}", "[]Kind{SetLiteral, SetFile, SetString, Set, SetJSON}"},
	{"a library's manifests are not rendered", "render/chart/render.go", "if c.library() && ", "if false && "},
	{".helmignore", "render/bundle/chart.go", "case matched && (folder || !rule.foldered):", "case false:"},
}

// TestBrokenRulesAreNoticed breaks one rule at a time and expects the random
// charts to tell.
func TestBrokenRulesAreNoticed(t *testing.T) {
	if os.Getenv("BELAY_SOAK") == "" {
		t.Skip("takes minutes; BELAY_SOAK asks for it")
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			file, err := filepath.Abs(filepath.Join("..", "..", rule.file))
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(source), rule.from) {
				t.Fatalf("%s has no %q: write this test anew", rule.file, rule.from)
			}
			broken := filepath.Join(t.TempDir(), "broken.go")
			overlay := filepath.Join(t.TempDir(), "overlay.json")
			if err := os.WriteFile(broken, []byte(strings.Replace(string(source), rule.from, rule.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, data, 0o600); err != nil {
				t.Fatal(err)
			}
			run := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-run", "^(TestRandomCharts|TestWrittenCharts)$", ".")
			run.Env = append(os.Environ(), "BELAY_SOAK=")
			out, err := run.CombinedOutput()
			if err == nil {
				t.Error("nobody noticed")
			}
			if strings.Contains(string(out), "[build failed]") {
				t.Errorf("the broken copy does not compile:\n%.2000s", out)
			}
		})
	}
}
