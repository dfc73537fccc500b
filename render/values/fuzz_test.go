package values_test

import (
	"encoding/json"
	"testing"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/values"
)

// Whatever files of values hold, they merge into values whose every leaf has a
// place, or end in located errors.
func FuzzValues(f *testing.F) {
	f.Add(defaults, "front: {replicas: null, hosts: [x]}")
	f.Add("a: &x {b: 1}\nc: {<<: *x, d: [*x, *x]}", "a: 1\nc: {d: null}")
	f.Add("a: 0x1F\nb: 1_000\nc: .5\nd: !!str 1\ne: 2020-01-01\nf: .inf", "? [a]\n: b")
	f.Add("\ufeffa: 1\r\nb:\r\n- c\r\n", "{\"a\": 1e400, \"b\": \"\\ud83d\\ude00\"}")
	f.Add("a.b: {\"c[0]\": {d\\=e: 1}}", "a.b: {\"c[0]\": 1}")
	f.Fuzz(func(t *testing.T, one, two string) {
		m, err := values.Merge([]values.Layer{file("one.yaml", one), file("two.yaml", two)})
		if err != nil {
			if len(object.Errors(err)) == 0 {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		if _, err := json.Marshal(values.Plain(m.Values)); err != nil {
			t.Fatal(err)
		}
		for _, path := range m.Paths() {
			if len(m.Explain(path)) == 0 {
				t.Errorf("nobody set %q", path)
			}
		}
	})
}
