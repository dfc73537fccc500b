package yaml11

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	yaml2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// Encode writes a value as Helm's toYaml does, whose way is to write JSON, to read
// that as YAML and to write it again. The text ends with a line feed.
func Encode(v any) ([]byte, error) {
	w := &writer{}
	if w.root(v); !w.unusual {
		return w.out, nil
	}
	return yaml.Marshal(v)
}

// writer writes block YAML as Helm's encoder does, byte for byte. It gives up, by
// unusual, on what it does not surely write alike.
type writer struct {
	out     []byte
	unusual bool
	nested  int
}

func (w *writer) fail() { w.unusual = true }

func (w *writer) root(v any) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.mapping(v, 0, false)
			return
		}
	case []any:
		if len(v) > 0 {
			w.list(v, 0, false)
			return
		}
	}
	if text, ok := v.(string); ok && (strings.Contains(text, "\n") || len(text) > lineWidth) {
		w.fail()
		return
	}
	w.value(v, 0)
}

func (w *writer) indent(n int) {
	const spaces = "                                "
	for ; n > len(spaces); n -= len(spaces) {
		w.out = append(w.out, spaces...)
	}
	w.out = append(w.out, spaces[:n]...)
}

// mapping writes the members of a mapping in a column; inline says that the first
// one stands behind the dash of a list's item.
func (w *writer) mapping(m map[string]any, column int, inline bool) {
	if w.nested++; w.nested > maxNested {
		w.fail()
	}
	var few [16]string
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	for _, key := range keys {
		if w.unusual || len(key) > 100 || !ascii(key) {
			w.fail()
			return
		}
		if !inline {
			w.indent(column)
		}
		inline = false
		w.line(key, neverFold)
		w.out = append(w.out, ':')
		switch v := m[key].(type) {
		case map[string]any:
			if len(v) > 0 {
				w.out = append(w.out, '\n')
				w.mapping(v, column+2, false)
				continue
			}
		case []any:
			if len(v) > 0 {
				w.out = append(w.out, '\n')
				w.list(v, column, false)
				continue
			}
		}
		w.out = append(w.out, ' ')
		w.value(m[key], column+2)
	}
	w.nested--
}

// list writes the items of a list whose dashes stand in a column.
func (w *writer) list(l []any, column int, inline bool) {
	if w.nested++; w.nested > maxNested {
		w.fail()
	}
	for _, item := range l {
		if w.unusual {
			return
		}
		if !inline {
			w.indent(column)
		}
		inline = false
		w.out = append(w.out, '-', ' ')
		switch item := item.(type) {
		case map[string]any:
			if len(item) > 0 {
				w.mapping(item, column+2, true)
				continue
			}
		case []any:
			if len(item) > 0 {
				w.list(item, column+2, true)
				continue
			}
		}
		w.value(item, column+2)
	}
	w.nested--
}

// value writes a scalar or an empty collection, and ends the line. Lines of texts
// that have several stand in a column.
func (w *writer) value(v any, column int) {
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, "null"...)
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case int:
		w.out = strconv.AppendInt(w.out, int64(v), 10)
	case int64:
		w.out = strconv.AppendInt(w.out, v, 10)
	case float64:
		w.float(v)
	case string:
		if w.literal(v, column) {
			return
		}
		w.line(v, column)
	case map[string]any:
		if v == nil {
			w.fail() // JSON has null for it
		}
		w.out = append(w.out, "{}"...)
	case []any:
		if v == nil {
			w.fail()
		}
		w.out = append(w.out, "[]"...)
	default:
		w.fail()
	}
	w.out = append(w.out, '\n')
}

// float writes a float, as an integer where JSON writes it as one.
func (w *writer) float(f float64) {
	switch {
	case f == 0 && !math.Signbit(f):
		w.out = append(w.out, '0')
	case f == math.Trunc(f) && math.Abs(f) < 1<<53 && f != 0:
		w.out = strconv.AppendInt(w.out, int64(f), 10)
	case math.Abs(f) >= 1e-6 && math.Abs(f) < 1<<53:
		w.out = strconv.AppendFloat(w.out, f, 'g', -1, 64)
	default:
		w.fail()
	}
}

// literal writes a text of several lines behind a |, where that is how the
// encoder would write it.
func (w *writer) literal(text string, column int) bool {
	if !strings.Contains(text, "\n") {
		return false
	}
	last := len(text) - 1
	if text[0] == ' ' || text[0] == '\n' || text[last] == '\n' && text[last-1] == '\n' {
		w.fail()
		return true
	}
	for i := range len(text) {
		c := text[i]
		if c != '\n' && (c < ' ' || c > '~') || c == ' ' && (i == last || text[i+1] == '\n') {
			return false
		}
	}
	w.out = append(w.out, '|')
	if text[last] != '\n' {
		w.out = append(w.out, '-')
	}
	w.out = append(w.out, '\n')
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line != "" {
			w.indent(column)
			w.out = append(w.out, line...)
		}
		w.out = append(w.out, '\n')
	}
	return true
}

// lineWidth is the column behind which texts are folded at their next space.
const lineWidth = 80

// neverFold stands for a column.
const neverFold = -1

// line writes a text without line feeds. Where it is folded, it goes on in a column.
func (w *writer) line(text string, column int) {
	switch style(text) {
	case plainStyle:
		w.folded(text, column)
	case singleStyle:
		w.out = append(w.out, '\'')
		w.folded(strings.ReplaceAll(text, "'", "''"), column)
		w.out = append(w.out, '\'')
	case doubleStyle:
		w.out = append(w.out, '"')
		w.out = append(w.out, text...)
		w.out = append(w.out, '"')
	default:
		if !printable(text) { // the detour may see another text
			w.fail()
			return
		}
		data, err := yaml2.Marshal([]string{text})
		line := strings.TrimSuffix(strings.TrimPrefix(string(data), "- "), "\n")
		if err != nil || strings.Contains(line, "\n") || strings.HasPrefix(line, "!!") || w.column()+len(line) > lineWidth && strings.Contains(line, " ") {
			w.fail()
			return
		}
		w.out = append(w.out, line...)
	}
}

// column is the column that is written next.
func (w *writer) column() int { return len(w.out) - 1 - bytes.LastIndexByte(w.out, '\n') }

// folded writes a text and folds it where it is too long.
func (w *writer) folded(text string, column int) {
	at := w.column()
	if at+len(text) <= lineWidth || column == neverFold {
		w.out = append(w.out, text...)
		return
	}
	if column > lineWidth/2 {
		w.fail()
		return
	}
	for i := range len(text) {
		if text[i] == ' ' && at > lineWidth && i > 0 && i+1 < len(text) && text[i-1] != ' ' && text[i+1] != ' ' {
			w.out = append(w.out, '\n')
			w.indent(column)
			at = column
			continue
		}
		w.out = append(w.out, text[i])
		at++
	}
}

const (
	unsure = iota // only the encoder can tell
	plainStyle
	singleStyle
	doubleStyle
)

// style says how a text is quoted.
func style(text string) int {
	if text == "" {
		return doubleStyle
	}
	quoted := false
	switch c := text[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		if !numeric(text) || strings.Count(text, ".") > 1 && !strings.ContainsAny(text[1:], ":-") { // 1.2.3 is none
			break
		}
		if _, isNumber := decimal(text); isNumber {
			return doubleStyle
		}
		return unsure
	case len(text) <= 5 && strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		if v, ok := plain(text, false); ok && v != any(text) {
			return doubleStyle
		}
	case strings.IndexByte("#,[]{}&*!|>'\"%@` ", c) >= 0:
		quoted = true
	case c == '?' || c == ':' || c == '<' || c == '=':
		return unsure
	}
	if strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") || text[0] == '-' && (len(text) == 1 || text[1] == ' ') {
		quoted = true
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return unsure
		case c == ':' && (i+1 == len(text) || text[i+1] == ' '), c == '#' && i > 0 && text[i-1] == ' ':
			quoted = true
		}
	}
	if quoted || text[len(text)-1] == ' ' {
		return singleStyle
	}
	return plainStyle
}

// numeric says whether a text has no character that no number and no time has.
func numeric(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		case strings.IndexByte("_.:+-tTzZ xXoOpPiInNyY", c) >= 0:
		default:
			return false
		}
	}
	return true
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// compareKeys is the encoder's order of keys: letters behind all else, and numbers
// in a key by their value.
func compareKeys(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		letterA, letterB := letter(a[i]), letter(b[i])
		switch {
		case letterA && letterB:
			return int(a[i]) - int(b[i])
		case letterB:
			return -1
		case letterA:
			return 1
		}
		return compareNumbers(a, b, i)
	}
	return len(a) - len(b)
}

// compareNumbers compares keys that differ first at i, in no letter.
func compareNumbers(a, b string, i int) int {
	var numberA, numberB int64
	if a[i] == '0' || b[i] == '0' {
		for k := i - 1; k >= 0 && digit(a[k]); k-- {
			if a[k] != '0' {
				numberA, numberB = 1, 1
				break
			}
		}
	}
	endA, endB := i, i
	for ; endA < len(a) && digit(a[endA]); endA++ {
		numberA = numberA*10 + int64(a[endA]-'0')
	}
	for ; endB < len(b) && digit(b[endB]); endB++ {
		numberB = numberB*10 + int64(b[endB]-'0')
	}
	switch {
	case numberA != numberB:
		if numberA < numberB {
			return -1
		}
		return 1
	case endA != endB:
		return endA - endB
	}
	return int(a[i]) - int(b[i])
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
