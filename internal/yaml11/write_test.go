package yaml11

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// texts are strings that are written in all ways there are.
var texts = []string{
	"", "a", "b c", " a", "a ", "a: b", "a:", "a:b", "a #b", "a#b", "#a", "-", "- a", "-a", "--", "---", "---a", "...", ".", "..", ".a", "?", "? a", "?a", ":", ": a", ":a",
	"yes", "No", "on", "~", "null", "NULL", "true", "y", "n", "nope", "1", "0", "007", "08", "1.5", "1e3", "0x1F", "1_0", "-1", "+1", "+", "1.2.3", "1.2.3.4", "1:30", "1:60", "190:20:30.15",
	"2001-01-01", "2001-1-1", "2001-01-01T00:00:00Z", "2001", "0b1", "0o7", ".5", ".inf", ".nan", "-.inf", "inf", "nan", "1.", "1e", "0x", "12345678901234567890", "30s", "5m", "1Gi", "100m", "0.0.0.0",
	"<<", "=", "!a", "&a", "*a", "|", ">", "'", "\"", "'a'", "it's", "%a", "@a", "`a", ",a", "[a]", "{a}", "{{ a }}", "a,b", "a[0]", "\ta", "a\tb", "é", "漢字", "a\u0085b", "a\u2028b", "\x7f", "\x00", "\xff", "😀",
	"a\nb", "a\nb\n", "a\n\nb\n", "a\n\n", "\na", "\n", "\n\n", " a\nb", "a\n b", "a \nb", "a\nb ", "a\tb\nc", "a\r\nb", "é\nb", "# a\nb", "- a\n- b\n", "{{- if }}\n", "a:\n  b: c\n",
	strings.Repeat("long words ", 30), strings.Repeat("it's: long  words ", 9) + "x", strings.Repeat("a", 200), strings.Repeat("ab ", 27) + "x", strings.Repeat("é a ", 40), strings.Repeat("long words ", 30) + "\nx", strings.Repeat("k", 90), strings.Repeat("k", 130), "a\\b", "a\"b", "http://a/b?c=d&e", "$(A)", "a=b", "/a/b", "a | b",
}

func compareWritten(t *testing.T, v any) (quickly bool) {
	t.Helper()
	w := &writer{}
	w.root(v)
	want, wantErr := yaml.Marshal(v)
	got, err := Encode(v)
	if (err == nil) != (wantErr == nil) || string(got) != string(want) {
		t.Errorf("%#v is written as\n%s (%v), by Helm as\n%s (%v)", v, got, err, want, wantErr)
	}
	return !w.unusual
}

func TestTextsAreWrittenAsHelmWritesThem(t *testing.T) {
	for _, text := range texts {
		for _, v := range []any{
			text, map[string]any{"a": text}, []any{text}, map[string]any{text: 1}, map[string]any{"a": map[string]any{"b": []any{text, map[string]any{"c": text, "d": []any{text}}}}},
		} {
			compareWritten(t, v)
		}
	}
}

func TestValuesAreWrittenAsHelmWritesThem(t *testing.T) {
	for _, v := range []any{
		nil, true, 1, int64(-7), 0.0, math.Copysign(0, -1), 1.5, 1e-7, 1e-6, 0.1, 1e15, 1e16, 1e21, 123456789.0, 9007199254740993.0, -2.5e-5, map[string]any{}, []any{}, map[string]any(nil), []any(nil),
		[]any{[]any{1, []any{2, 3}}, []any{}, map[string]any{}, []any{map[string]any{"a": []any{"b"}}}}, map[string]any{"a": nil, "b": []any{nil}, "c": map[string]any{}},
		map[string]int{"a": 1}, []string{"a"}, map[string]any{"a": []string{"b"}}, uint8(3), map[string]any{"a": map[string]string{"b": "c"}},
		map[string]any{"a1": 1, "a10": 2, "a2": 3, "a01": 4, "a": 5, "A": 6, "a-b": 7, "a.b": 8, "a_b": 9, "ab": 10, "1": 11, "10": 12, "2": 13, "": 14, "true": 15, "a001": 18, "a100": 19, "a010": 20},
		map[string]any{"a1b2": 16, "a1b10": 17, "a2b1": 18, "a0b": 19}, // others with these have no order
	} {
		compareWritten(t, v)
	}
}

func TestRandomValuesAreWrittenAsHelmWritesThem(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	quickly := 0
	const all = 3000
	for range all {
		if compareWritten(t, randomValue(random, 4)) {
			quickly++
		}
	}
	if quickly < all/3 {
		t.Errorf("only %d of %d values are written quickly", quickly, all)
	}
}

func randomValue(random *rand.Rand, depth int) any {
	switch n := random.IntN(12); {
	case depth > 0 && n < 5:
		m := map[string]any{}
		for range random.IntN(4) {
			// With a letter behind the number some keys would have no order.
			key := fmt.Sprintf("%c%d%c", 'a'+random.IntN(3), random.IntN(30), "-."[random.IntN(2)])
			if random.IntN(8) == 0 {
				key = texts[random.IntN(len(texts))]
			}
			m[key] = randomValue(random, depth-1)
		}
		return m
	case depth > 0 && n < 8:
		var list []any
		for range random.IntN(4) {
			list = append(list, randomValue(random, depth-1))
		}
		return list
	case n == 8:
		return float64(random.IntN(1000)) / float64(1+random.IntN(10))
	case n == 9:
		return []any{nil, true, false, 3, int64(4)}[random.IntN(5)]
	}
	if random.IntN(2) == 0 {
		return "usual-text"
	}
	return texts[random.IntN(len(texts))]
}
