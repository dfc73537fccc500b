package yaml11

import (
	"strings"
	"unicode/utf8"
)

// maxNested bounds the depth that the quick way follows.
const maxNested = 200

// maxKey is the length of a key beyond which YAML has rules of its own.
const maxKey = 1000

// reader reads block YAML as it is usually written. It gives up, by unusual, on
// whatever it does not surely read as Helm's parser would: mistakes, anchors,
// tags, tabs, several documents, collections in braces over several lines.
type reader struct {
	text   string
	floats bool
	// pos is where the next thing begins, column its column; at the end of the
	// text column is -1.
	pos, column int
	// blank counts the empty lines before it, and comment tells of comments there.
	blank   int
	comment bool
	unusual bool
	// converted is true once a key was no text before it was a key.
	converted bool
	nested    int
}

// quick reads a document; ok is false when only the parser can tell.
func quick(text string, floats bool) (v any, ok bool) {
	if !printable(text) {
		return nil, false
	}
	r := &reader{text: text, floats: floats}
	r.line()
	if r.column < 0 || r.unusual {
		return nil, !r.unusual
	}
	switch {
	case r.dash():
		v = r.sequence(r.column)
	default:
		key, isKey := r.key()
		if !isKey {
			return nil, false
		}
		v = r.mapping(r.column, key)
	}
	return v, !r.unusual && r.column < 0
}

// printable says whether a text has only characters that mean nothing but
// themselves, line feeds and tabs.
func printable(text string) bool {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			return false
		}
		i += size
	}
	return true
}

func (r *reader) fail() any {
	r.unusual = true
	r.pos, r.column = len(r.text), -1
	return nil
}

// line goes to the next thing on a line of its own; pos is at the begin of a line.
func (r *reader) line() {
	r.blank, r.comment = 0, false
	for r.pos < len(r.text) {
		start := r.pos
		for r.pos < len(r.text) && r.text[r.pos] == ' ' {
			r.pos++
		}
		if r.pos == len(r.text) {
			break
		}
		switch c := r.text[r.pos]; c {
		case '\n':
			r.blank++
			r.pos++
			continue
		case '#':
			r.comment = true
			r.endLine()
			continue
		case '\t':
			r.fail()
			return
		}
		r.column = r.pos - start
		if r.column == 0 && r.marker() {
			r.fail()
		}
		return
	}
	r.column = -1
}

// marker says whether a line in the first column is a directive, or begins or
// ends a document.
func (r *reader) marker() bool {
	rest := r.text[r.pos:]
	return rest[0] == '%' || strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "...")
}

// endLine skips what is left of a line.
func (r *reader) endLine() {
	if i := strings.IndexByte(r.text[r.pos:], '\n'); i >= 0 {
		r.pos += i + 1
		return
	}
	r.pos = len(r.text)
}

// rest ends the line behind a value: nothing but spaces and a comment follows.
func (r *reader) rest() {
	start := r.pos
	r.spaces()
	if r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '\n', c == '#' && r.pos > start:
			r.endLine()
		default:
			r.fail()
			return
		}
	}
	r.line()
}

func (r *reader) spaces() {
	for r.pos < len(r.text) && r.text[r.pos] == ' ' {
		r.pos++
	}
}

// ended says whether nothing but a comment is left of the line; a space stands
// before pos.
func (r *reader) ended() bool {
	return r.pos == len(r.text) || r.text[r.pos] == '\n' || r.text[r.pos] == '#'
}

// gap says whether a space or the end of the line is at i.
func (r *reader) gap(i int) bool {
	return i >= len(r.text) || r.text[i] == ' ' || r.text[i] == '\n' || r.text[i] == '\t'
}

// dash says whether an item of a list begins here.
func (r *reader) dash() bool {
	return r.text[r.pos] == '-' && r.gap(r.pos+1)
}

func (r *reader) enter() bool {
	if r.nested++; r.nested > maxNested {
		r.fail()
	}
	return !r.unusual
}

// mapping reads a block mapping whose keys stand in a column. The first key is
// read already.
func (r *reader) mapping(column int, key string) any {
	if !r.enter() {
		return nil
	}
	m := map[string]any{}
	for {
		var v any
		r.spaces()
		if r.ended() {
			r.endLine()
			r.line()
			switch {
			case r.column > column:
				v = r.node(column)
			case r.column == column && r.column >= 0 && r.dash():
				v = r.sequence(column)
			}
		} else {
			v = r.value(column)
		}
		if r.unusual {
			return nil
		}
		before := len(m)
		m[key] = v
		if r.converted && len(m) == before {
			return r.fail() // 1 and "1" are two keys to the parser
		}
		if r.column < column {
			break
		}
		if r.column > column || r.dash() {
			return r.fail()
		}
		next, ok := r.key()
		if !ok {
			return r.fail()
		}
		key = next
	}
	r.nested--
	return m
}

// sequence reads a block list whose dashes stand in a column.
func (r *reader) sequence(column int) any {
	if !r.enter() {
		return nil
	}
	list := []any{}
	for {
		start := r.pos
		r.pos++
		r.spaces()
		var v any
		switch {
		case r.ended():
			r.endLine()
			if r.line(); r.column > column {
				v = r.node(column)
			}
		default:
			r.column = column + r.pos - start
			v = r.item(column)
		}
		if r.unusual {
			return nil
		}
		list = append(list, v)
		if r.column > column {
			return r.fail()
		}
		if r.column < column || !r.dash() {
			break
		}
	}
	r.nested--
	return list
}

// item reads what stands behind a dash.
func (r *reader) item(column int) any {
	if r.text[r.pos] == '\t' {
		return r.fail()
	}
	if r.dash() {
		return r.sequence(r.column)
	}
	if key, ok := r.key(); ok {
		return r.mapping(r.column, key)
	}
	return r.value(column)
}

// node reads a value that begins on a line of its own, deeper than parent.
func (r *reader) node(parent int) any {
	if r.dash() {
		return r.sequence(r.column)
	}
	if key, ok := r.key(); ok {
		return r.mapping(r.column, key)
	}
	return r.value(parent)
}

// key reads a key and its colon; if there is none, pos stays.
func (r *reader) key() (string, bool) {
	start := r.pos
	if r.unusual || start >= len(r.text) {
		return "", false
	}
	var key string
	switch r.text[start] {
	case '[', '{':
		return "", false
	case '"', '\'':
		text, ok := r.quoted(false)
		if !ok || r.pos >= len(r.text) || r.text[r.pos] != ':' || !r.gap(r.pos+1) {
			r.pos = start
			return "", false
		}
		key = text
	default:
		end := r.plainEnd(start)
		if end >= len(r.text) || r.text[end] != ':' || end == start {
			return "", false
		}
		text := strings.TrimRight(r.text[start:end], " ")
		if !startsPlain(r.text[start:]) || text == "<<" || strings.Contains(text, "\t") {
			r.fail()
			return "", false
		}
		v, ok := plain(text, r.floats)
		if name, isText := v.(string); ok && isText {
			key = name
		} else if name, err := jsonKeyOf(text); err == nil {
			key, r.converted = name, true
		} else {
			r.fail()
			return "", false
		}
		r.pos = end
	}
	if r.pos-start > maxKey {
		r.fail()
		return "", false
	}
	r.pos++
	return key, true
}

// plainEnd is where a plain text that begins at a place ends on its line: at a
// colon, at the space before a comment, or at the end of the line.
func (r *reader) plainEnd(start int) int {
	for i := start; i < len(r.text); i++ {
		switch r.text[i] {
		case '\n':
			return i
		case ':':
			if r.gap(i + 1) {
				return i
			}
		case '#':
			if i > start && (r.text[i-1] == ' ' || r.text[i-1] == '\t') {
				return i - 1
			}
		}
	}
	return len(r.text)
}

// startsPlain says whether a plain text surely begins here.
func startsPlain(text string) bool {
	switch text[0] {
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '\t', ' ', '\n':
		return false
	case '-', '?', ':':
		return len(text) > 1 && text[1] != ' ' && text[1] != '\n' && text[1] != '\t'
	}
	return true
}

// value reads a scalar, or a collection in brackets. indent is the column of the
// collection that it is in.
func (r *reader) value(indent int) any {
	if r.unusual || r.pos >= len(r.text) {
		return r.fail()
	}
	var v any
	switch r.text[r.pos] {
	case '|', '>':
		return r.block(indent)
	case '"', '\'':
		text, ok := r.quoted(true)
		if !ok {
			return r.fail()
		}
		v = text
	case '[', '{':
		if v = r.flow(); r.unusual {
			return nil
		}
	default:
		return r.plain(indent)
	}
	r.rest()
	return v
}
