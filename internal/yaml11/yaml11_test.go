package yaml11

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// seeds are documents that the quick way reads, and some that it must leave.
var seeds = []string{
	"", "\n", "# only a comment\n", "a: 1", "a: 1\n", "a:\n", "a: b # c\nd: e#f\n", "- a\n- 1\n-\n- ~\n",
	"a:\n- b\n- c: d\n  e: f\n- - g\n  - h\nz: 1\n", "a:\n  - b\n  -\n    c: d\n",
	"a: |\n  b\n   c\n\n  d\n\n\ne: >-\n  b\n  c\n\n  d\n    e\n  f\n", "a: |+\n\n  b\n\n\nc: |\nd: 1\n", "a: |\n b", "a: |-\n  \tb\n", "a: |\n    \n  b\n",
	"a: |\n  b\n # c\nd: 1\n", "- |\n a\n-  >\n  b\n\n\n", "a: |\n\tb\n", "a: >\n\n\n  b\n  \n   c\n",
	"a: b\n  c\n\n  d\ne: f\n", "a: b\n  # c\n  d\n", "a: b\n  c: d\n", "a:\n  b\n  c\n", "a:\n  \"b\"\nc: 'd''e'\n", "a: \"x\\n\\\"y\\\\\\t\\/\"\n", "a: \"\\u0041\\x41\"\n",
	"\"a b\": 1\n'c': 2\nd e : 3\n", "80: a\ntrue: b\non: c\n1.5: d\n~: e\n", "a: [b, 1, 'c', \"d\", [e], {f: g}]\nh: {}\ni: [ ]\n", "a: {\"b\":1, c: d}\n", "a: [b:c, http://d]\n", "a: [b: c]\n",
	"a: {b}\n", "a: [b\n  , c]\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "<<: {a: b}\n", "a: <<\n", "? a\n: b\n", "a: - b\n", "a: b: c\n", "a:b\n", "a: b:\n", "- a\nb: c\n", "a: b\n c: d\n",
	" a: b\nc: d\n", "---\na: b\n", "a: b\n---\nc: d\n", "a: b\n...\n", "%YAML 1.1\n---\na: b\n", "a: 'b'c\n", "a: \"b\" # c\n", "a: 'b'#c\n", "a:\tb\n", "a: b\tc\n", "a: b \t\n", "\ta: b\n",
	"a: 0777\nb: 0x1F\nc: 1e3\nd: 1_000\ne: .5\nf: -1\ng: +1\nh: 0b11\ni: 12345678901234567890\nj: 1.0\nk: 0.1\nl: 2001-01-01\nm: .inf\n", "a: 0o7\nb: -0b1\nc: 1.2.3\nd: 08\ne: 1e400\nf: -.5\n",
	"a: yes\nb: Off\nc: y\nd: NULL\ne: nil\nf: truely\n", "a: @b\n", "a: `b\n", "a: %b\n", "a: ,b\n", "a: :b\nc: ?d\ne: -f\n", "a: é\nü: 漢字\n", "a: \u0085b\n", "a: b\u2028c\n", "\ufeffa: b\n", "a: \x00\n", "a: \x7f\n", "a: \xff\n",
	"a: b\r\nc: d\r\n", "a: 1\na: 2\n", "a: |2\n   b\n", "a: | # c\n  b\n", "a:\n  b: 1\n c: 2\n", "a: []]\n", "a: }\n", "-a\n", "--- a\n", "a: ---\n", "a: ...\n", "a: --b\n", "#a\n b: c\n", "a: #b\n", "a:#b\n", "- #a\n  b: c\n", "-  a: b\n   c: d\n", "-\n  a: b\n", "-\n- a\n",
	"a: \"b\n  c\"\n", "a: 'b \n\n\n  c\n   d  '\ne: \"f \\\n  g\"\n", "a: 'b\nc'\n", "a: 'b\n  '\n", "a: '\n  b'\n", "a: ' \n  b'\n", "a: 'b\n\n  c'\n", strings.Repeat("- ", 300) + "a\n", strings.Repeat("k", 1100) + ": v\n",
}

// same reads a document both ways; quickly says that the quick one could.
func same(t *testing.T, text string) (quickly bool) {
	t.Helper()
	for _, floats := range []bool{false, true} {
		v, ok := quick(text, floats)
		if !ok {
			continue
		}
		quickly = true
		want, err := exact(text, floats)
		if err != nil {
			t.Errorf("the quick way reads %q as %v, the parser says: %v", text, v, err)
		} else if !reflect.DeepEqual(want, v) {
			t.Errorf("the quick way reads %q as %v, the parser as %v", text, v, want)
		}
	}
	return quickly
}

func TestTheQuickWayReadsWhatTheParserReads(t *testing.T) {
	for _, text := range seeds {
		same(t, text)
	}
}

func TestOfKeysThatAreAlikeInJSONTheSameIsTakenEveryTime(t *testing.T) {
	for text, want := range map[string]any{
		"1: number\n\"1\": text\n":              "text",
		"\"1\": text\n1: number\n":              "text",
		"1.: float\n1: int\n":                   "int",
		"1: int\n1.: float\n":                   "int",
		"1: a\n\"1\": b\n1: c\n\"1\": d\n1.: e": "d",
		"1: a\n1: b\n":                          "b",
	} {
		for range 20 {
			v, err := Decode(text, false)
			if m, ok := v.(map[string]any); err != nil || !ok || len(m) != 1 || m["1"] != want {
				t.Fatalf("%q: %v, %v, want %v", text, v, err, want)
			}
		}
	}
}

func TestUsualManifestsAreReadQuickly(t *testing.T) {
	for _, text := range []string{
		"# Source: app/templates/x.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: \"x\"\n  labels: {a: b}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n      - name: c\n        image: 'i:1.0'\n        args: [\"--a\", \"-b\"]\n        resources: {}\n        ports:\n          - containerPort: 80\n            name: http\n",
		"kind: ConfigMap\ndata:\n  a.json: |-\n    {\"a\": \"\\u0041\"}\n  b: >\n    folded\n    text\n  c: one\n    two\n",
	} {
		if !same(t, text) {
			t.Errorf("only the parser reads %q", text)
		}
	}
}

// TestRandomDocumentsAreReadAlike joins pieces at random, and breaks seeds.
func TestRandomDocumentsAreReadAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"a", "b c", "key:", "key: ", "- ", "-", ": ", ":", " #", "# c", "\n", "\n", "\n  ", "\n    ", "\n ", "|", "|-", ">", ">+", "'q'", "\"r\"", "'", "\"", "\\n", "[", "]", "{", "}", ", ", "1", "0x1", "true", "null", "~", ".5", "-1", "--", "é", "\t", "  ", "%", "&x", "*x", "!", "?", "<<", "...",
	}
	quickly := 0
	for range 60_000 {
		var b strings.Builder
		if random.IntN(2) == 0 {
			seed := seeds[random.IntN(len(seeds))]
			cut := random.IntN(len(seed) + 1)
			b.WriteString(seed[:cut] + pieces[random.IntN(len(pieces))] + seed[min(len(seed), cut+random.IntN(3)):])
		} else {
			for range 1 + random.IntN(12) {
				b.WriteString(pieces[random.IntN(len(pieces))])
			}
		}
		if same(t, b.String()) {
			quickly++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d documents were read quickly", quickly)
	if quickly < 5_000 {
		t.Errorf("only %d documents were read quickly", quickly)
	}
}

// TestRandomTreesAreReadAlike writes nested collections in the ways that charts do.
func TestRandomTreesAreReadAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	quickly := 0
	for range 3_000 {
		w := &treeWriter{random: random}
		w.mapping(0, 0)
		if same(t, w.b.String()) {
			quickly++
		}
		if t.Failed() {
			return
		}
	}
	if quickly < 2_000 {
		t.Errorf("only %d documents were read quickly", quickly)
	}
}

type treeWriter struct {
	random *rand.Rand
	b      strings.Builder
}

func (w *treeWriter) pad(n int) { w.b.WriteString(strings.Repeat(" ", n)) }

func (w *treeWriter) mapping(indent, depth int) {
	for i := range 1 + w.random.IntN(4) {
		if i > 0 || indent == 0 {
			w.pad(indent)
		}
		fmt.Fprintf(&w.b, "k%d:", i)
		w.value(indent, depth)
	}
}

func (w *treeWriter) value(indent, depth int) {
	switch kind := w.random.IntN(9); {
	case kind == 0 && depth < 5:
		deeper := indent + 1 + w.random.IntN(4)
		w.b.WriteString(w.comment() + "\n")
		w.pad(deeper)
		w.mapping(deeper, depth+1)
	case kind == 1 && depth < 5:
		w.b.WriteString("\n")
		deeper := indent + w.random.IntN(3)
		for range 1 + w.random.IntN(3) {
			w.pad(deeper)
			w.b.WriteString("- ")
			w.mapping(deeper+2, depth+1)
		}
	case kind == 2:
		w.b.WriteString(" " + []string{"|", "|-", "|+", ">", ">-", ">+"}[w.random.IntN(6)] + "\n")
		deeper := indent + 1 + w.random.IntN(3)
		for range w.random.IntN(5) {
			if w.random.IntN(3) > 0 {
				w.pad(deeper + w.random.IntN(2)*w.random.IntN(3))
				w.b.WriteString([]string{"text", "# no comment", "- x: y", "{{ x }}", "a b  ", ""}[w.random.IntN(6)])
			}
			w.b.WriteString("\n")
		}
	case kind == 3:
		w.b.WriteString(" some words\n")
		for range w.random.IntN(3) {
			w.pad(indent + 1 + w.random.IntN(3))
			w.b.WriteString([]string{"more", "- words", "\n", "and, more [x]"}[w.random.IntN(4)] + "\n")
		}
	default:
		w.b.WriteString(" " + []string{
			"1", "-2.5", "true", "no", "~", "text", "'a ''b'' c'", `"a \"b\" \\ c"`, "[]", "{}", "[a, 'b', 3]", "{a: b, c: [1]}", "a:b", "10m", "1.2.3", "0640", "2024-01-01", "*", "http://a/b?c#d", "",
		}[w.random.IntN(20)] + w.comment() + "\n")
	}
}

func (w *treeWriter) comment() string {
	return []string{"", "", " # why", "  "}[w.random.IntN(4)]
}

func FuzzQuick(f *testing.F) {
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { same(t, text) })
}
