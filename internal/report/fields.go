package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
)

type unstructuredObject = unstructured.Unstructured

// fields writes the changed fields of an object: single values under the path
// of their parent, long ones as a diff of lines under their own.
func (v *planView) fields(b *strings.Builder, c *diff.Change) {
	parent := "\x00" // no path
	for _, f := range c.Paths {
		if v.groups.has(c.ID, f) {
			continue
		}
		path := Clean(f.Path)
		switch {
		case f.Ownership:
			fmt.Fprintf(b, "    %s: only its ownership changes\n", path)
			parent = "\x00"
		case strings.Contains(f.Path, object.LastApplied) && f.To == nil && !v.o.Full:
			fmt.Fprintf(b, "    %s is removed\n", path)
			parent = "\x00"
		case object.IsSecretPath(c.ID, f.Path) && !v.o.ShowSecrets:
			fmt.Fprintf(b, "    %s: %s%s\n", path, v.masker.Change(f.From, f.To), presence(f))
			parent = "\x00"
		case simple(f.From) && simple(f.To):
			above, leaf := splitPath(c.ID, path)
			if above != parent && above != "" {
				fmt.Fprintf(b, "    %s\n", above)
			}
			parent = above
			depth := 3
			if above == "" {
				depth = 1 // it stands beside the paths, not below one
			}
			v.scalars(b, depth, leaf, f)
		default:
			fmt.Fprintf(b, "    %s\n", path)
			v.lines(b, f)
			parent = "\x00"
		}
	}
}

// presence says of a masked value whether it comes or goes.
func presence(f diff.PathChange) string {
	switch {
	case f.From == nil:
		return " is new"
	case f.To == nil:
		return " is removed"
	default:
		return ""
	}
}

// signed writes a line of a diff, below a path.
func (v *planView) signed(b *strings.Builder, sign, text string) { v.signedAt(b, sign, 3, text) }

// signedAt writes a line of a diff, depth characters from its sign.
func (v *planView) signedAt(b *strings.Builder, sign string, depth int, text string) {
	line := strings.TrimRight("  "+sign+strings.Repeat(" ", depth)+text, " ")
	switch sign {
	case "-":
		line = v.in(red, line)
	case "+":
		line = v.in(green, line)
	}
	b.WriteString(line + "\n")
}

// scalars writes the old and the new value of a field.
func (v *planView) scalars(b *strings.Builder, depth int, leaf string, f diff.PathChange) {
	from, to := scalarText(f.From), scalarText(f.To)
	if !v.o.Full {
		from, to = cutBoth(from, to)
	}
	write := func(sign string, value any, text string) {
		if value == nil {
			return
		}
		if s, ok := value.(string); ok && s == leaf {
			v.signedAt(b, sign, depth, "- "+text) // a member of a set
			return
		}
		v.signedAt(b, sign, depth, leaf+": "+text)
	}
	write("-", f.From, from)
	write("+", f.To, to)
}

// lines writes a change of something that takes several lines.
func (v *planView) lines(b *strings.Builder, f diff.PathChange) {
	limit := maxValueLines
	if v.o.Full {
		limit = 0
	}
	for _, l := range diffLines(blockText(f.From), blockText(f.To), limit) {
		v.signed(b, l.sign, l.text)
	}
}

// simple says that a value fits into a line.
func simple(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return false
	case []any:
		return len(value) == 0
	case string:
		return !strings.Contains(value, "\n")
	default:
		return true
	}
}

// blockText is a value as lines: text as it is, everything else as YAML.
func blockText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		if value == "" || strings.Contains(value, "\n") {
			return value
		}
		return scalarText(value) + "\n"
	default:
		return yamlText(value)
	}
}

func yamlText(value any) string {
	var b bytes.Buffer
	if err := object.EncodeValue(&b, value); err != nil {
		return fmt.Sprintln(value)
	}
	return b.String()
}

func yamlLines(value any) []string { return CleanLines(yamlText(value)) }

// plainText tells strings that YAML reads back as they are, unless they are
// numbers and the like.
func plainText(s string) bool {
	if s == "" || strings.HasSuffix(s, " ") || strings.HasSuffix(s, ":") ||
		strings.Contains(s, ": ") || strings.Contains(s, " #") {
		return false
	}
	if first, _ := utf8.DecodeRuneInString(s); !unicode.IsLetter(first) && !unicode.IsDigit(first) && !strings.ContainsRune("_./(<=^~$", first) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return harmful(r) || strings.ContainsRune("\"'\\", r) })
}

// scalarText writes a single value as YAML does, strings quoted where they
// could be taken for something else.
func scalarText(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		if !plainText(value) || readsAsOther(value) {
			return quoted(value)
		}
		return Clean(value)
	case map[string]any:
		return "{}"
	case []any:
		return "[]"
	default:
		data, err := json.Marshal(value)
		if err != nil {
			return Clean(fmt.Sprint(value))
		}
		return string(data)
	}
}

// readsAsOther says that YAML would read a plain string as a number, a boolean
// or null.
func readsAsOther(s string) bool {
	value, ok := object.Scalar(s, false)
	_, isText := value.(string)
	return !ok || !isText
}

// quoted writes a string in double quotes, control characters escaped.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `"` + Clean(s) + `"`
	}
	return Clean(strings.TrimSuffix(b.String(), "\n"))
}

// splitPath takes the last element off a path: spec.containers[nginx].image,
// metadata.labels[a/b], data.upstream.conf.
func splitPath(id object.ID, path string) (parent, leaf string) {
	if id.Group == "" && (id.Kind == "ConfigMap" || id.Kind == "Secret") {
		for _, field := range []string{"data", "binaryData", "stringData"} {
			if rest, ok := strings.CutPrefix(path, field+"."); ok {
				return field, rest
			}
		}
	}
	if strings.HasSuffix(path, "]") {
		if i := openingBracket(path); i > 0 {
			return path[:i], path[i+1 : len(path)-1]
		}
		return "", path
	}
	if i := strings.LastIndexByte(path, '.'); i > 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// openingBracket finds the bracket that the last character closes.
func openingBracket(path string) int {
	depth := 0
	for i := len(path) - 1; i >= 0; i-- {
		switch path[i] {
		case ']':
			depth++
		case '[':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// longValue is how much of a value in a line is shown without --full.
const longValue = 120

// cutBoth shortens two long values to where they differ.
func cutBoth(from, to string) (string, string) {
	a, b := []rune(from), []rune(to)
	if len(a) <= longValue && len(b) <= longValue {
		return from, to
	}
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	start := max(0, same-longValue/4)
	return cutFrom(a, start), cutFrom(b, start)
}

func cutFrom(r []rune, start int) string {
	if start >= len(r) {
		start = max(0, len(r)-longValue/4)
	}
	text := string(r[start:min(len(r), start+longValue)])
	if start > 0 {
		text = "…" + text
	}
	if start+longValue < len(r) {
		text += "…"
	}
	return text
}
