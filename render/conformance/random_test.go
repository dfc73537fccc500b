package conformance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	belayvalues "github.com/belay-sh/belay/render/values"
)

// setting makes what a user gives.
func (g *generator) setting(number int) setting {
	var s setting
	subs := []string{"sub0", "sub1", "sub2", "sub0-as0"}
	for i := range g.IntN(3) {
		name := fmt.Sprintf("user%d-%d.yaml", number, i)
		g.write(name, g.yaml(g.values(subs, true)))
		s.files = append(s.files, filepath.Join(g.dir, name))
		g.did("-f")
	}
	for range g.IntN(4) {
		path := pick(g, "a", "n.c", "sub0.a", "sub1.enabled", "global.x", "l[1].k", "l[0]", "n.l[0][1]", `x\.y`, "sub0.global.a")
		f := pick(g,
			flag{belayvalues.Set, path + "=" + pick(g, "1", "true", "null", "x", "{1,b}", "007", `a\,b`, "TRUE", "", "1.5")},
			flag{belayvalues.SetString, path + "=" + pick(g, "1", "true", "null")},
			flag{belayvalues.SetJSON, path + "=" + pick(g, `{"q":[1,2.5]}`, "null", "3", `"s"`)},
			flag{belayvalues.SetLiteral, path + "=a,b={c}"},
			flag{belayvalues.SetJSON, `{"a":{"b":1},"sub1":{"a":null}}`})
		s.flags = append(s.flags, f)
		g.did(string(f.kind))
	}
	if g.chance(20) {
		s.upgrade = true
	}
	if g.chance(30) {
		s.kubeVersion, s.apis = pick(g, "1.31.2-gke.5", "v1.28.0"), []string{"extra/v1"}
		g.did("--kube-version")
	}
	return s
}

func TestRandomCharts(t *testing.T) {
	charts := 1000
	if os.Getenv("BELAY_SOAK") != "" {
		charts = 20000
	}
	const shards = 2
	counts, rendered := make([]map[string]int, shards), make([]int, shards)
	t.Run("shards", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				counts[shard] = map[string]int{}
				for seed := shard; seed < charts && !t.Failed(); seed += shards {
					if randomChart(t, seed, counts[shard]) {
						rendered[shard]++
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	var names []string
	for name := range counts[0] {
		n := counts[0][name] + counts[1][name]
		names = append(names, fmt.Sprintf("%s %d", name, n))
		if n < 20 {
			t.Errorf("%s was used %d times", name, n)
		}
	}
	slices.Sort(names)
	sum := rendered[0] + rendered[1]
	t.Logf("%d charts, %d rendered, the others refused by both; %s", charts, sum, strings.Join(names, ", "))
	if sum < charts*3/4 {
		t.Errorf("only %d charts rendered", sum)
	}
}

// randomChart compares one chart. It says whether it can be rendered at all.
func randomChart(t *testing.T, seed int, count map[string]int) bool {
	dir := t.TempDir()
	g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 1)), dir: dir, count: count} //nolint:gosec // repeatable
	g.chart("app", "app", 2)
	if g.chance(20) {
		pack(t, filepath.Join(dir, "app", "charts"))
		g.did("archived subcharts")
	}
	s := g.setting(seed)
	rendered, d := differs(filepath.Join(dir, "app"), s)
	if d != "" {
		t.Errorf("seed %d: %+v:\n%.3000s", seed, s, d)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	return rendered
}
