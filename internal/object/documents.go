package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is one YAML document of a file.
type document struct {
	text []byte
	// before is the number of lines of the file before the document.
	before int
	root   *yaml.Node
}

// documents splits a file. Documents without content are left out.
func documents(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var docs []document
	start, line, startLine := 0, 0, 0
	for at := 0; at < len(data); line++ {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if at > start && boundary(data[at:end]) {
			docs = appendDocument(docs, data[start:at], startLine)
			start, startLine = at, line
		}
		at = end
	}
	return appendDocument(docs, data[start:], startLine)
}

// boundary says whether a line begins a document ("---", "--- # x", "--- {a: b}")
// or ends one ("..."). Only the first column counts, so that text in block
// scalars is left alone.
func boundary(line []byte) bool {
	if len(line) < 3 || line[0] != line[1] || line[1] != line[2] || (line[0] != '-' && line[0] != '.') {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

func appendDocument(docs []document, text []byte, before int) []document {
	if bytes.HasPrefix(text, []byte("...")) {
		text = append([]byte("#"), text[3:]...)
	}
	if blank(text) {
		return docs
	}
	if parts := jsonStream(text); parts != nil {
		for _, p := range parts {
			p.before += before
			docs = append(docs, p)
		}
		return docs
	}
	return append(docs, document{text: text, before: before})
}

// blank says whether there is nothing but comments and a marker.
func blank(text []byte) bool {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		if boundary(line) {
			line = line[3:]
		}
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// jsonStream splits JSON values that follow each other; nil when text is not JSON.
// What YAML does not share with JSON, tabs and surrogate pairs, is rewritten.
func jsonStream(text []byte) []document {
	body := text
	if boundary(body) {
		body = body[3:]
	}
	lead := len(text) - len(body)
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || (trimmed[0] != '{' && trimmed[0] != '[') {
		return nil
	}
	var docs []document
	dec := json.NewDecoder(bytes.NewReader(body))
	for dec.More() {
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return nil
		}
		first := int(dec.InputOffset()) - len(raw)
		docs = append(docs, document{
			text:   yamlOfJSON(raw),
			before: bytes.Count(text[:lead+first], []byte("\n")),
		})
	}
	return docs
}

var surrogates = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

func yamlOfJSON(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\t"), []byte(" "))
	return surrogates.ReplaceAllFunc(raw, func(pair []byte) []byte {
		high, err1 := strconv.ParseUint(string(pair[2:6]), 16, 16)
		low, err2 := strconv.ParseUint(string(pair[8:12]), 16, 16)
		if err1 != nil || err2 != nil {
			return pair
		}
		return utf8.AppendRune(nil, utf16.DecodeRune(rune(high), rune(low)))
	})
}

// parse fills in the document's root.
func (d *document) parse(in *Input) error {
	if i := invalidUTF8(d.text); i >= 0 {
		line := 1 + bytes.Count(d.text[:i], []byte("\n"))
		return in.failure(d, line, 0, "the text is not UTF-8")
	}
	var root yaml.Node
	err := yaml.Unmarshal(d.text, &root)
	if err != nil {
		return d.syntaxError(in, err)
	}
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		d.root = root.Content[0]
	}
	return nil
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// plainer says what the parser's words mean.
var plainer = map[string]string{
	"mapping values are not allowed in this context":         `a second ": " in one line: quote the value, or check the indentation`,
	"found character that cannot start any token":            "a value begins with a character that has a meaning in YAML: quote it",
	"did not find expected key":                              "the indentation fits nothing above, or a quote is misplaced",
	"could not find expected ':'":                            `a key without ":"`,
	"did not find expected '-' indicator":                    `the indentation fits nothing above: a list's items begin with "- "`,
	"found unexpected end of stream":                         "a quote is opened here and never closed",
	"did not find expected ',' or '}'":                       `a "{" is opened here and not closed, or a "," is missing`,
	"did not find expected ',' or ']'":                       `a "[" is opened here and not closed, or a "," is missing`,
	"did not find expected node content":                     "a value is missing, or a bracket is misplaced",
	"control characters are not allowed":                     "a control character is in it, which YAML does not allow",
	"block sequence entries are not allowed in this context": `"- " cannot stand here: a list begins on a line of its own`,
}

// SyntaxError says what a parser found wrong with a text that is one document,
// in plain words, and where. It is for packages that read YAML by other rules.
func SyntaxError(in Input, err error) error {
	return (&document{text: in.Data}).syntaxError(&in, err)
}

func (d *document) syntaxError(in *Input, err error) error {
	message := err.Error()
	line := 0
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // no number: line 0
	}
	if l := d.firstBadLine(); l > 0 {
		line = l
	}
	text := bytes.Split(d.text, []byte("\n"))
	if line > 0 && line <= len(text) {
		indent := text[line-1][:len(text[line-1])-len(bytes.TrimLeft(text[line-1], " \t"))]
		if bytes.ContainsRune(indent, '\t') {
			return in.failure(d, line, bytes.IndexByte(indent, '\t')+1, "a tab cannot indent YAML: use spaces")
		}
	}
	if better, ok := plainer[message]; ok {
		message = better
	} else if in.secret(d) {
		message = "invalid YAML" // the parser's words may quote the text
	}
	return in.failure(d, line, 0, "%s", message)
}

// firstBadLine finds where the document stops being YAML: the parser itself
// often names the line where the surrounding block began. 0 is unknown.
func (d *document) firstBadLine() int {
	var ends []int // offset behind each line
	for i, c := range d.text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(d.text) {
		ends = append(ends, len(d.text))
	}
	bad := func(n int) bool { // the first n lines
		var root yaml.Node
		return n > 0 && yaml.Unmarshal(d.text[:ends[n-1]], &root) != nil
	}
	if !bad(len(ends)) {
		return 0 // it is bad by other rules
	}
	low, high := 0, len(ends)
	for low+1 < high {
		if mid := (low + high) / 2; bad(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	// A prefix that ends within quotes or brackets is bad too: look further.
	const further = 40
	for n := high + 1; n <= min(high+further, len(ends)-1); n++ {
		if !bad(n) {
			high = n + 1
		}
	}
	return min(high, len(ends))
}

// failure makes a located error; line and column are the document's.
func (in *Input) failure(d *document, line, column int, format string, args ...any) *Error {
	e := &Error{File: in.File, Message: fmt.Sprintf(format, args...)}
	if line == 0 {
		line = 1
	}
	e.Line, e.Column = in.line(d.before+line), column
	text := d.text
	if in.secret(d) {
		text = redact(text)
	}
	e.Excerpt = Excerpt(text, line, column, 1, "")
	renumber(e.Excerpt, d.before)
	if in.Origin != nil {
		e.Column = 0
		e.Excerpt = append([]string{"  rendered:"}, e.Excerpt...)
	}
	return e
}

// line maps a line of the text to one of the file.
func (in *Input) line(n int) int {
	if in.Origin == nil {
		return n
	}
	return in.Origin(n)
}

// renumber adds to the line numbers of an excerpt.
func renumber(excerpt []string, add int) {
	for i, line := range excerpt {
		number, rest, _ := strings.Cut(line, "|")
		if n, err := strconv.Atoi(strings.TrimSpace(number)); err == nil {
			excerpt[i] = fmt.Sprintf("%5d |%s", n+add, rest)
		}
	}
}

var (
	secretKind = regexp.MustCompile(`(?m)(?:^|[\s{,"'])kind["']?\s*:\s*["']?Secret`)
	keyOfLine  = regexp.MustCompile(`^\s*(?:- )*["']?[\w./-]+["']?:(?:\s|$)`)
)

// secret says whether a document's values must not be shown.
func (in *Input) secret(d *document) bool { return in.Hide || secretKind.Match(d.text) }

// redact leaves the keys of YAML text and hides the rest.
func redact(text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		key := keyOfLine.FindString(line)
		if strings.TrimSpace(line[len(key):]) == "" || boundary([]byte(line)) {
			continue
		}
		if key == "" {
			key = line[:len(line)-len(strings.TrimLeft(line, " \t"))]
			lines[i] = key + "‹hidden›"
			continue
		}
		lines[i] = strings.TrimRight(key, " ") + " ‹hidden›"
	}
	return []byte(strings.Join(lines, "\n"))
}
