package object

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// slowly writes a value with the YAML encoder.
func slowly(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var texts = []string{
	"", "a", "yes", "No", "true", "null", "x: y", "x:", "a#b", "a #b", " lead", "trail ", "two\nlines", "two\nlines\n", "many\n\n\n", "\nlead",
	"a\n  b\n c\n", "tab\tin", "a\n\tb", "cr\r\n", "1", "1e3", "0x1", "12:30", "é", "\u2028", "- x", "*x", "&x", "!x", "%x", "@x", "`x", "'x'", "\"x\"",
	"a, b", "{x}", "[x]", "a{b}", "Ctrl\x01", "{{ x }}", "~", "=", "<<", ".5", "v1.2.3", "/path/to", "10m", "a\nb \nc", "end \n", "http://x.y:80/z?a=b#c",
	"10.0.0.1", "1.5", "8080", "007", "1.", "1..2", "8080/tcp", "12:30:45: x", "5m #", "--flag=a", "--flag: a", "-f", "-1", "--1", "[5m]: x", "'it''s'", "it's: x", "y:", "no: x", "/a: b", "$labels.x #1", "1 2", "0o7", "9_0",
	"Infinity", "nan", ".nan", "0777", "2021-01-01", "on", "N", "|", ">", "?x", "-", "--- x", "a---", "a\n---\nb", "$(X)", "line\n\nline\n", "  \n", "a:\tb", "a\n# b",
}

var odd = []string{"a1", "a10", "a2", "a-b", "a.b", "app.kubernetes.io/name", "0", "01", "1", "10", "9", "A", "Z", "_x", "x_", "x-1", "x-01", "true", "é", "-x", "a b", "a:"}

func tree(r *rand.Rand, depth int) any {
	switch n := r.IntN(10); {
	case depth > 0 && n < 4:
		m := map[string]any{}
		for range r.IntN(6) {
			m[odd[r.IntN(len(odd))]] = tree(r, depth-1)
		}
		return m
	case depth > 0 && n < 6:
		l := []any{}
		for range r.IntN(4) {
			l = append(l, tree(r, depth-1))
		}
		return l
	case n == 6:
		return []any{int64(r.IntN(1000)), r.Float64() * 1e10, float64(1e21), true, nil, int64(-5)}[r.IntN(6)]
	}
	return texts[r.IntN(len(texts))]
}

func TestEmittingIsEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	quick := 0
	for range 20000 {
		v := map[string]any{"k": tree(r, 4), "z": tree(r, 2)}
		if awkward(v) {
			continue
		}
		var b bytes.Buffer
		if !emit(&b, v) {
			continue
		}
		quick++
		if d := cmp.Diff(slowly(t, v), b.String()); d != "" {
			t.Fatalf("%#v\n%s", v, d)
		}
	}
	if quick < 1000 {
		t.Errorf("only %d values were written quickly", quick)
	}
}
