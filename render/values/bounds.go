package values

import (
	"bytes"
	"fmt"
)

// maxValues bounds the values of one file. What is meant as values has a few
// thousand; each takes memory in every layer.
const maxValues = 100_000

// Bounded refuses a file of more values than belay takes, before it is parsed. It
// counts what may begin a value; the lines of block scalars are text.
func Bounded(data []byte) error {
	count, block := 0, -1
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		text := bytes.TrimLeft(line, " ")
		indent := len(line) - len(text)
		text = bytes.TrimRight(text, " \t\r")
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if block >= 0 && indent > block {
			continue
		}
		block = -1
		if opensBlock(text) {
			block = indent
		}
		if count += inLine(text); count > maxValues {
			return fmt.Errorf("it holds more than %d values", maxValues)
		}
	}
	return nil
}

// inLine counts what may be values in a line. Quoted texts are skipped where they
// end in it.
func inLine(text []byte) int {
	count := 1
	for (text[0] == '-' || text[0] == '?') && len(text) > 2 && text[1] == ' ' {
		count++
		if text = bytes.TrimLeft(text[2:], " "); len(text) == 0 {
			return count
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ',', '[', '{', '&', '*':
			count++
		case '"', '\'':
			if end := quoted(text[i:]); end > 0 {
				i += end
			}
		}
	}
	return count
}

// quoted is the index at which a quoted text ends, or 0.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[i] == text[0]:
			return i
		}
	}
	return 0
}

// opensBlock says whether the lines that follow, indented, are one text.
func opensBlock(text []byte) bool {
	at := bytes.LastIndexAny(text, "|>")
	if at < 0 || at > 0 && text[at-1] != ' ' {
		return false
	}
	rest, _, _ := bytes.Cut(text[at+1:], []byte(" #"))
	return len(bytes.Trim(rest, "+-0123456789 ")) == 0
}
