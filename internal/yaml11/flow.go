package yaml11

import "strings"

// flow reads a collection in brackets or braces that ends on its line.
func (r *reader) flow() any {
	if !r.enter() {
		return nil
	}
	open := r.text[r.pos]
	r.pos++
	var v any
	if open == '[' {
		v = r.flowSequence()
	} else {
		v = r.flowMapping()
	}
	r.nested--
	return v
}

func (r *reader) flowSequence() any {
	list := []any{}
	for r.flowNext(']') {
		v := r.flowValue()
		if r.unusual || !r.flowEnd(']') {
			return r.fail()
		}
		list = append(list, v)
	}
	if r.unusual {
		return nil
	}
	return list
}

func (r *reader) flowMapping() any {
	m := map[string]any{}
	for r.flowNext('}') {
		var key string
		if c := r.text[r.pos]; c == '"' || c == '\'' {
			text, ok := r.quoted(false)
			if !ok || r.pos >= len(r.text) || r.text[r.pos] != ':' {
				return r.fail()
			}
			key = text
		} else {
			text, ok := r.flowPlain()
			if !ok || r.pos >= len(r.text) || r.text[r.pos] != ':' || r.text[r.pos-1] == ' ' {
				return r.fail()
			}
			v, ok := plain(text, r.floats)
			name, isText := v.(string)
			if !ok || !isText {
				return r.fail()
			}
			key = name
		}
		r.pos++
		r.spaces()
		if r.pos >= len(r.text) {
			return r.fail()
		}
		v := r.flowValue()
		if r.unusual || !r.flowEnd('}') {
			return r.fail()
		}
		m[key] = v
	}
	if r.unusual {
		return nil
	}
	return m
}

// flowNext goes to the next element; it is false behind the closing bracket.
func (r *reader) flowNext(closing byte) bool {
	r.spaces()
	if r.pos >= len(r.text) || r.text[r.pos] == '\n' {
		r.fail()
		return false
	}
	if r.text[r.pos] == closing {
		r.pos++
		return false
	}
	return true
}

// flowEnd goes behind the comma after an element, or stays at the closing bracket.
func (r *reader) flowEnd(closing byte) bool {
	r.spaces()
	if r.pos >= len(r.text) {
		return false
	}
	switch r.text[r.pos] {
	case ',':
		r.pos++
		return true
	case closing:
		return true
	}
	return false
}

func (r *reader) flowValue() any {
	switch r.text[r.pos] {
	case '[', '{':
		return r.flow()
	case '"', '\'':
		text, ok := r.quoted(false)
		if !ok {
			return r.fail()
		}
		return text
	}
	text, ok := r.flowPlain()
	if !ok {
		return r.fail()
	}
	v, ok := plain(text, r.floats)
	if !ok {
		return r.fail()
	}
	return v
}

// flowPlain reads a plain text within brackets: of characters that mean nothing there.
func (r *reader) flowPlain() (string, bool) {
	start := r.pos
	if c := r.text[start]; !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '/' || c == '.' || c == '$') {
		return "", false
	}
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; c {
		case ',', ']', '}':
			return strings.TrimRight(r.text[start:r.pos], " "), true
		case ':':
			if r.pos+1 < len(r.text) && r.text[r.pos+1] == ' ' {
				return r.text[start:r.pos], true
			}
			if r.pos+1 >= len(r.text) || strings.IndexByte(",[]{}\n\t", r.text[r.pos+1]) >= 0 {
				return "", false
			}
		case '[', '{', '?', '#', '\n', '\t', '"', '\'':
			return "", false
		}
	}
	return "", false
}
