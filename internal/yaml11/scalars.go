package yaml11

import (
	"strings"

	yaml2 "go.yaml.in/yaml/v2"
)

// quoted reads a text in quotes, over several lines if it may; ok is false for
// escapes that are rare.
func (r *reader) quoted(lines bool) (text string, ok bool) {
	quote := r.text[r.pos]
	start := r.pos + 1
	several := false
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '\n':
			if several = true; !lines {
				return "", false
			}
		case c == '\\' && quote == '"':
			if i++; i < len(r.text) && r.text[i] == '\n' {
				return "", false
			}
		case c == quote && quote == '\'' && i+1 < len(r.text) && r.text[i+1] == '\'':
			i++
		case c == quote:
			text = r.text[start:i]
			if several {
				if text, ok = folded(text); !ok {
					return "", false
				}
			}
			r.pos = i + 1
			return unquoted(text, quote)
		}
	}
	return "", false
}

// folded joins the lines of a quoted text; ok is false where tabs stand about, or
// a line begins in the first column.
func folded(text string) (string, bool) {
	if strings.Contains(text, "\t") {
		return "", false
	}
	first, rest, _ := strings.Cut(text, "\n")
	b := append(make([]byte, 0, len(text)), strings.TrimRight(first, " ")...)
	breaks := 1
	for more := true; more; {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		inner := strings.TrimLeft(line, " ")
		if more {
			inner = strings.TrimRight(inner, " ")
		}
		switch {
		case inner == "" && more:
			breaks++
			continue
		case !strings.HasPrefix(line, " "):
			return "", false
		case breaks == 1:
			b = append(b, ' ')
		default:
			b = appendBreaks(b, breaks-1)
		}
		b = append(b, inner...)
		breaks = 1
	}
	return string(b), true
}

// unquoted resolves the escapes within quotes.
func unquoted(text string, quote byte) (string, bool) {
	if quote == '\'' {
		if strings.Contains(text, "''") {
			text = strings.ReplaceAll(text, "''", "'")
		}
		return text, true
	}
	at := strings.IndexByte(text, '\\')
	if at < 0 {
		return text, true
	}
	b := make([]byte, 0, len(text))
	for ; at >= 0; at = strings.IndexByte(text, '\\') {
		b = append(b, text[:at]...)
		if at+1 >= len(text) {
			return "", false
		}
		switch c := text[at+1]; c {
		case '"', '\\':
			b = append(b, c)
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'r':
			b = append(b, '\r')
		default:
			return "", false
		}
		text = text[at+2:]
	}
	return string(append(b, text...)), true
}

// plain reads a plain scalar, which may go on on deeper lines.
func (r *reader) plain(indent int) any {
	if !startsPlain(r.text[r.pos:]) {
		return r.fail()
	}
	text, ok := r.plainLine()
	if !ok {
		return r.fail()
	}
	if r.comment || r.column <= indent {
		v, ok := plain(text, r.floats)
		if !ok {
			return r.fail()
		}
		return v
	}
	b := []byte(text)
	for {
		if r.blank == 0 {
			b = append(b, ' ')
		}
		for range r.blank {
			b = append(b, '\n')
		}
		more, ok := r.plainLine()
		if !ok {
			return r.fail()
		}
		b = append(b, more...)
		if r.comment || r.column <= indent {
			v, ok := plain(string(b), r.floats)
			if !ok {
				return r.fail()
			}
			return v
		}
	}
}

// plainLine reads a plain scalar's part of a line, and goes to the next. comment
// then also tells of one on the line itself.
func (r *reader) plainLine() (string, bool) {
	end := r.plainEnd(r.pos)
	if end < len(r.text) && r.text[end] == ':' {
		return "", false
	}
	text := strings.TrimRight(r.text[r.pos:end], " ")
	if strings.Contains(text, "\t") || end < len(r.text) && r.text[end] == '\t' {
		return "", false
	}
	commented := end < len(r.text) && r.text[end] != '\n'
	r.pos = end
	r.endLine()
	r.line()
	r.comment = r.comment || commented
	return text, !r.unusual
}

// plain says what a plain scalar means.
func plain(text string, floats bool) (v any, ok bool) {
	switch c := text[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		return number(text, floats)
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0 && len(text) <= 5:
		switch text {
		case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
			return true, true
		case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
			return false, true
		case "~", "null", "Null", "NULL":
			return nil, true
		}
	}
	return text, true
}

// number reads what may be a number.
func number(text string, floats bool) (v any, ok bool) {
	if n, ok := decimal(text); ok {
		return whole(n, floats), true
	}
	dots := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			dots++
		case c >= '0' && c <= '9', c == '_', c == '+', c == '-', strings.IndexByte("abcdefABCDEFxXoOiInNfF", c) >= 0:
		default:
			return text, true
		}
	}
	if dots > 1 {
		return text, true
	}
	if text[0] == '-' && strings.Trim(text, "-") == "" {
		return nil, false // it may be a marker
	}
	v, err := exact(text, floats)
	return v, err == nil
}

// decimal reads a number without a sign, at most 18 digits, none of them a leading 0.
func decimal(text string) (int64, bool) {
	if len(text) > 18 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var n int64
	for i := range len(text) {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// jsonKeyOf writes a plain key that is no text.
func jsonKeyOf(text string) (string, error) {
	var v any
	if err := yaml2.Unmarshal([]byte(text), &v); err != nil {
		return "", err
	}
	return jsonKey(v)
}

// block reads a block scalar; indent is the column of the collection that it is in.
func (r *reader) block(indent int) any {
	literal := r.text[r.pos] == '|'
	r.pos++
	header := r.text[r.pos:]
	if i := strings.IndexByte(header, '\n'); i >= 0 {
		header = header[:i]
	}
	r.pos += len(header)
	var keep, strip bool
	switch strings.TrimRight(header, " ") {
	case "":
	case "-":
		strip = true
	case "+":
		keep = true
	default:
		return r.fail()
	}
	if r.pos < len(r.text) {
		r.pos++
	}
	b := &blockReader{reader: r, literal: literal}
	if !b.read(indent) {
		return r.fail()
	}
	if !strip && b.lineEnd {
		b.out = append(b.out, '\n')
	}
	if keep {
		b.out = appendBreaks(b.out, b.breaks)
	}
	text := string(b.out)
	r.pos -= b.spaces // back to the begin of the line that is not the scalar's
	r.line()
	return text
}

// blockReader reads the lines of a block scalar.
type blockReader struct {
	*reader
	literal bool
	out     []byte
	// lineEnd says that a line's end is not yet written, breaks counts the empty
	// lines behind it.
	lineEnd bool
	breaks  int
	// indent is where the lines begin, 0 before the first one; spaces stand before pos.
	indent, spaces int
}

func (b *blockReader) read(parent int) bool {
	deepest, ok := b.skip()
	if !ok {
		return false
	}
	b.indent = max(deepest, parent+1, 1)
	wasBlank := false
	for b.spaces == b.indent && b.pos < len(b.text) {
		c := b.text[b.pos]
		isBlank := c == ' ' || c == '\t'
		if !b.literal && b.lineEnd && !wasBlank && !isBlank {
			if b.breaks == 0 {
				b.out = append(b.out, ' ')
			}
		} else if b.lineEnd {
			b.out = append(b.out, '\n')
		}
		b.out = appendBreaks(b.out, b.breaks)
		b.lineEnd, b.breaks = false, 0
		wasBlank = isBlank
		end := strings.IndexByte(b.text[b.pos:], '\n')
		if end < 0 {
			b.out = append(b.out, b.text[b.pos:]...)
			b.pos, b.spaces = len(b.text), 0
			return true
		}
		b.out = append(b.out, b.text[b.pos:b.pos+end]...)
		b.pos += end + 1
		b.lineEnd = true
		if _, ok := b.skip(); !ok {
			return false
		}
	}
	return true
}

// skip goes over empty lines, and over the spaces that the next line begins with,
// at most indent. It returns the most spaces that a line had.
func (b *blockReader) skip() (deepest int, ok bool) {
	for {
		b.spaces = 0
		for (b.indent == 0 || b.spaces < b.indent) && b.pos < len(b.text) && b.text[b.pos] == ' ' {
			b.pos++
			b.spaces++
		}
		deepest = max(deepest, b.spaces)
		if b.pos == len(b.text) {
			return deepest, true
		}
		switch b.text[b.pos] {
		case '\t':
			return deepest, b.indent != 0 && b.spaces >= b.indent
		case '\n':
			b.breaks++
			b.pos++
		default:
			return deepest, true
		}
	}
}

func appendBreaks(out []byte, n int) []byte {
	for range n {
		out = append(out, '\n')
	}
	return out
}
