package object

import (
	"bytes"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// emitter writes values as the YAML encoder does, byte for byte, but knows what
// is usual in manifests: its work is a tenth of the encoder's.
type emitter struct {
	b *bytes.Buffer
	// unusual is set when only the encoder can write the value.
	unusual bool
}

// emit writes a document; it says whether it could.
func emit(b *bytes.Buffer, v any) bool {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return false
	}
	start := b.Len()
	e := &emitter{b: b}
	e.mapping(m, 0, false)
	if e.unusual {
		b.Truncate(start)
	}
	return !e.unusual
}

func (e *emitter) indent(n int) {
	const spaces = "                                "
	for ; n > len(spaces); n -= len(spaces) {
		e.b.WriteString(spaces)
	}
	e.b.WriteString(spaces[:n])
}

// mapping writes the members of a mapping; inline says that the first one stands
// behind the dash of a list's item.
func (e *emitter) mapping(m map[string]any, depth int, inline bool) {
	for _, key := range naturalKeys(m) {
		// Keys beyond ASCII are sorted by rules of their own.
		if e.unusual = e.unusual || strings.IndexFunc(key, func(r rune) bool { return r > '~' }) >= 0; e.unusual {
			return
		}
		if !inline {
			e.indent(depth)
		}
		inline = false
		if len(key) > 100 || !plain(key) {
			e.odd(key)
		} else {
			e.b.WriteString(key)
		}
		e.b.WriteByte(':')
		e.value(m[key], depth)
	}
}

// value writes what follows the colon of a key at a depth.
func (e *emitter) value(v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			e.b.WriteString(" {}\n")
			return
		}
		e.b.WriteByte('\n')
		e.mapping(v, depth+2, false)
	case []any:
		if len(v) == 0 {
			e.b.WriteString(" []\n")
			return
		}
		e.b.WriteByte('\n')
		e.list(v, depth, false)
	case string:
		e.b.WriteByte(' ')
		if strings.Contains(v, "\n") {
			e.literal(v, depth+2)
			return
		}
		e.scalar(v)
	default:
		e.b.WriteByte(' ')
		e.scalar(v)
	}
}

// list writes the items of a list whose dashes stand at a depth.
func (e *emitter) list(l []any, depth int, inline bool) {
	for _, item := range l {
		if e.unusual {
			return
		}
		if !inline {
			e.indent(depth)
		}
		inline = false
		e.b.WriteString("- ")
		switch item := item.(type) {
		case map[string]any:
			if len(item) == 0 {
				e.b.WriteString("{}\n")
				continue
			}
			e.mapping(item, depth+2, true)
		case []any:
			if len(item) == 0 {
				e.b.WriteString("[]\n")
				continue
			}
			e.list(item, depth+2, true)
		case string:
			if strings.Contains(item, "\n") {
				e.literal(item, depth+2)
				continue
			}
			e.scalar(item)
		default:
			e.scalar(item)
		}
	}
}

func (e *emitter) scalar(v any) {
	switch v := v.(type) {
	case nil:
		e.b.WriteString("null")
	case bool:
		e.b.WriteString(strconv.FormatBool(v))
	case int64:
		e.b.WriteString(strconv.FormatInt(v, 10))
	case string:
		if !plain(v) {
			e.odd(v)
			break
		}
		e.b.WriteString(v)
	default:
		e.odd(v)
	}
	e.b.WriteByte('\n')
}

// odd lets the encoder write one scalar.
func (e *emitter) odd(v any) {
	text, isText := v.(string)
	if isText && (awkwardText(text) || strings.Contains(text, "\n") || len(text) > 100 && strings.ContainsAny(text, "\t\r")) {
		e.unusual = true
		return
	}
	if quoted, ok := oddText(text); ok {
		e.b.WriteString(quoted)
		return
	}
	switch v.(type) {
	case string, float64:
	default:
		e.unusual = true
		return
	}
	data, err := yaml.Marshal(v)
	if err != nil {
		e.unusual = true
		return
	}
	e.b.Write(bytes.TrimSuffix(data, []byte("\n")))
}

// literal writes a text of several lines behind a |, where that is how the
// encoder would write it.
func (e *emitter) literal(text string, depth int) {
	body := strings.TrimRight(text, "\n")
	if body == "" || body[0] == ' ' || strings.HasPrefix(body, "\n") {
		e.unusual = true
		return
	}
	for i := range len(text) {
		c := text[i]
		if c != '\n' && (c < ' ' || c > '~') || c == ' ' && (i+1 == len(text) || text[i+1] == '\n') {
			e.unusual = true
			return
		}
	}
	switch len(text) - len(body) {
	case 0:
		e.b.WriteString("|-\n")
	case 1:
		e.b.WriteString("|\n")
	default:
		e.b.WriteString("|+\n")
	}
	for line := range strings.SplitSeq(body, "\n") {
		if line != "" {
			e.indent(depth)
			e.b.WriteString(line)
		}
		e.b.WriteByte('\n')
	}
	for range len(text) - len(body) - 1 {
		e.b.WriteByte('\n')
	}
}

// plain says whether a text surely stands as it is: it begins with a letter, and
// is no word that YAML means something else by.
func plain(text string) bool {
	if text == "" || (text[0]|0x20) < 'a' || (text[0]|0x20) > 'z' {
		return false
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return false
		case c == ':' && (i+1 == len(text) || text[i+1] == ' '):
			return false
		case c == '#' && text[i-1] == ' ':
			return false
		}
	}
	if text[len(text)-1] == ' ' {
		return false
	}
	if len(text) <= 5 {
		switch strings.ToLower(text) {
		case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
			return false
		}
	}
	return true
}
