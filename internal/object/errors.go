package object

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in the user's files, and where it is. Several are joined
// with errors.Join; Errors takes them apart again.
type Error struct {
	// File is relative to the bundle.
	File string
	// Line and Column count from 1; 0 is unknown.
	Line, Column int
	Message      string
	// Excerpt are the lines around, numbered, with a caret; ready to print.
	Excerpt []string
	// Hint is what to do about it; it is not part of Error().
	Hint string
}

// Error writes "file:line:column: message" and the excerpt below it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Place())
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	for _, line := range e.Excerpt {
		b.WriteByte('\n')
		b.WriteString(line)
	}
	return b.String()
}

// Place writes file:line:column, as far as they are known.
func (e *Error) Place() string {
	switch {
	case e.Line == 0:
		return e.File
	case e.Column == 0:
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
}

// Errors lists the located errors in err, which may be a join of them.
func Errors(err error) []*Error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []*Error
		for _, e := range joined.Unwrap() {
			all = append(all, Errors(e)...)
		}
		return all
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

// excerptWidth bounds a line of an excerpt, in characters.
const excerptWidth = 120

// Excerpt writes the line of src and the one before it, numbered, and a caret
// under width characters from column, with a note beside it. Column 0 points at
// the line's first character that is not blank.
func Excerpt(src []byte, line, column, width int, note string) []string {
	lines := linesAround(src, line)
	if lines == nil {
		return nil
	}
	text := lines[len(lines)-1]
	if column == 0 {
		column = 1 + utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t"))
		width = 1
	}
	skip := 0
	if utf8.RuneCountInString(text) > excerptWidth && column > excerptWidth/2 {
		skip = column - excerptWidth/2
	}
	out := make([]string, 0, 3)
	for i, l := range lines {
		out = append(out, strings.TrimRight(fmt.Sprintf("%5d | %s", line-len(lines)+1+i, cut(l, skip)), " "))
	}
	caret := "      | " + strings.Repeat(" ", max(0, column-1-skip)) + strings.Repeat("^", max(1, width))
	if note != "" {
		caret += " " + note
	}
	return append(out, caret)
}

// linesAround returns the line before the given one, if there is one, and it.
func linesAround(src []byte, line int) []string {
	var lines []string
	for n := 1; n <= line; n++ {
		if len(src) == 0 && n > 1 {
			return nil
		}
		text, rest, _ := bytes.Cut(src, []byte("\n"))
		if n >= line-1 {
			lines = append(lines, strings.ReplaceAll(strings.TrimRight(string(text), "\r"), "\t", " "))
		}
		src = rest
	}
	return lines
}

func cut(line string, skip int) string {
	r := []rune(strings.ToValidUTF8(line, "?"))
	if skip >= len(r) {
		return ""
	}
	r = r[skip:]
	if len(r) > excerptWidth {
		return string(r[:excerptWidth-1]) + "…"
	}
	return string(r)
}
