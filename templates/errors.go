package templates

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"github.com/belay-sh/belay/internal/nearest"
)

// Error is a mistake in a template, and where it is.
type Error struct {
	File string
	// Line and Column count from 1; Column 0 is unknown.
	Line, Column int
	// Width is the number of characters that are wrong.
	Width   int
	Message string
	// Note stands beside the caret: what there is instead.
	Note string
	// Text is where the mistake is, and TextLine and TextColumn the place in it: the
	// file's, or those of a text that tpl was given.
	Text                 string
	TextLine, TextColumn int
	// Trace are the calls that led to it, innermost first: `include "x" at
	// templates/front.yaml:3:7`.
	Trace []string

	// unknown is true when a name is not defined.
	unknown bool
}

// Error writes "file:line:column: message" and the trace.
func (e *Error) Error() string {
	out := e.Place() + ": " + e.Message
	if e.Note != "" {
		out += " (" + e.Note + ")"
	}
	for _, t := range e.Trace {
		out += "\n  in " + t
	}
	return out
}

// Place writes file:line:column.
func (e *Error) Place() string {
	if e.Column == 0 {
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// source is a text that templates were parsed from.
type source struct {
	name, text string
	// bytes is the text, too: text nodes are parts of it, up to its end's capacity.
	bytes []byte
	// starts are the offsets of the lines.
	starts []int
}

func newSource(name, text string) *source {
	s := &source{name: name, text: text, starts: make([]int, 1, 1+strings.Count(text, "\n"))}
	for at := 0; ; {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return s
		}
		at += end + 1
		s.starts = append(s.starts, at)
	}
}

// at returns the offset of a part of the bytes; false for what is none.
func (s *source) at(part []byte) (parse.Pos, bool) {
	offset := cap(s.bytes) - cap(part)
	known := len(part) > 0 && offset >= 0 && offset < len(s.bytes) && &s.bytes[offset] == &part[0]
	return parse.Pos(offset), known
}

// line returns the number of the line that holds an offset.
func (s *source) line(pos parse.Pos) int {
	return sort.SearchInts(s.starts, int(pos)+1)
}

func (s *source) position(pos parse.Pos) (line, column int) {
	pos = max(0, min(pos, parse.Pos(len(s.text))))
	line = s.line(pos)
	return line, 1 + utf8.RuneCountInString(s.text[s.starts[line-1]:pos])
}

func (s *source) place(pos parse.Pos) string {
	line, column := s.position(pos)
	if s.name == "" {
		return fmt.Sprintf("%d:%d of the text given to tpl", line, column)
	}
	return fmt.Sprintf("%s:%d:%d", s.name, line, column)
}

func (s *source) errorAt(pos parse.Pos, width int, format string, args ...any) *Error {
	line, column := s.position(pos)
	return &Error{
		File: s.name, Line: line, Column: column, Width: width, Message: fmt.Sprintf(format, args...),
		Text: s.text, TextLine: line, TextColumn: column,
	}
}

var (
	parseErrorHead = regexp.MustCompile(`^template: .*?:(\d+): `)
	unclosed       = regexp.MustCompile(`^(unclosed \w+) started at .*:(\d+)$`)
	undefinedFunc  = regexp.MustCompile(`^function "(.*)" not defined$`)
)

// parseError locates an error of the parser, which knows lines only.
func (s *source) parseError(err error, names map[string]any) *Error {
	message, line := err.Error(), 1
	if m := parseErrorHead.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // digits
	}
	if m := unclosed.FindStringSubmatch(message); m != nil {
		message = m[1]
		line, _ = strconv.Atoi(m[2]) // digits
	}
	line = min(line, len(s.starts))
	e := &Error{File: s.name, Line: line, Message: message, Text: s.text, TextLine: line}
	if m := undefinedFunc.FindStringSubmatch(message); m != nil {
		e.Message = fmt.Sprintf("there is no function %q", m[1])
		if slices.Contains(machine[:], m[1]) {
			e.Note = "templates do not look at the machine: give it as a value, with --set"
		} else if like := nearest.Name(m[1], slices.Sorted(maps.Keys(names))); like != "" {
			e.Note = "the nearest is " + like
		}
		s.pointAt(e, m[1])
		if begun := s.begun(line); begun > 0 {
			e.Message, e.Note = fmt.Sprintf("the action that begins at line %d is not closed: }} is missing", begun), ""
		}
	}
	if message == "unexpected EOF" {
		if block, at := s.openBlock(); at > 0 {
			e.Message = fmt.Sprintf("%s is not closed: {{ end }} is missing", block)
			e.Line, e.TextLine = at, at
			s.pointAt(e, block)
		}
	}
	s.pointAtCause(e)
	return e
}

// begun is the line in which the action began that a line continues; 0 when that
// line begins outside of actions.
func (s *source) begun(line int) int {
	before := s.text[:s.starts[line-1]]
	open := strings.LastIndex(before, "{{")
	if open < 0 || strings.Contains(before[open:], "}}") {
		return 0
	}
	if rest, _, _ := strings.Cut(s.text[s.starts[line-1]:], "{{"); strings.Contains(rest, "}}") {
		return 0 // it is closed, some lines on
	}
	return s.line(parse.Pos(open))
}

// openBlock finds the last block that has no end, and its line; 0 where counting
// does not tell.
func (s *source) openBlock() (block string, line int) {
	type opened struct {
		word string
		at   int
	}
	var open []opened
	words := regexp.MustCompile(`\{\{-?\s*(if|range|with|define|block|end)\b`)
	for _, m := range words.FindAllStringSubmatchIndex(s.text, -1) {
		word := s.text[m[2]:m[3]]
		switch {
		case word != "end":
			open = append(open, opened{word, m[0]})
		case len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return "", 0
	}
	last := open[len(open)-1]
	return last.word, s.line(parse.Pos(last.at))
}

// pointAt sets the column of a word that stands once in the error's line.
func (s *source) pointAt(e *Error, word string) {
	end := len(s.text)
	if e.Line < len(s.starts) {
		end = s.starts[e.Line]
	}
	text := s.text[s.starts[e.Line-1]:end]
	if strings.Count(text, word) == 1 {
		e.Column = 1 + utf8.RuneCountInString(text[:strings.Index(text, word)])
		e.TextColumn, e.Width = e.Column, utf8.RuneCountInString(word)
	}
}

var (
	execErrorHead = regexp.MustCompile(`(?s)^template: .*?:(\d+):(\d+): executing .*? at <.*?>: `)
	callError     = regexp.MustCompile(`^error calling ([\w.]+): `)
	wrongType     = regexp.MustCompile(`wrong type for value; expected (\S+); got (\S+)`)
	iterateOver   = regexp.MustCompile(`(?s)range can't iterate over .*`)
)

// locate turns an error of text/template into an Error, unless it is one.
func (r *renderer) locate(s *source, w *sink, err error) error {
	var located *Error
	if errors.As(err, &located) {
		return located
	}
	message := err.Error()
	m := execErrorHead.FindStringSubmatch(message)
	if m == nil {
		e := s.errorAt(s.lineStart(w.line), 1, "%s", message)
		e.Column = 0
		return r.traced(e)
	}
	message = message[len(m[0]):]
	line, _ := strconv.Atoi(m[1]) // digits
	offset, _ := strconv.Atoi(m[2])
	pos := s.lineStart(line) + parse.Pos(offset)
	width := 1
	if c := callError.FindStringSubmatch(message); c != nil {
		message = strings.TrimPrefix(c[1], "_") + message[len(c[0])-2:]
	}
	if word := leadingWord(s.text[min(int(pos), len(s.text)):]); word != "" {
		width = utf8.RuneCountInString(word)
	}
	message = wrongType.ReplaceAllStringFunc(message, func(text string) string {
		m := wrongType.FindStringSubmatch(text)
		return fmt.Sprintf("%s is expected here, not %s", typeWord(m[1]), typeWord(m[2]))
	})
	// What it cannot iterate over may be a secret.
	message = iterateOver.ReplaceAllString(wrongCount(message), "range needs a list, a mapping or a number")
	message = strings.TrimPrefix(strings.TrimPrefix(message, "fail: "), "round: ")
	return r.traced(s.errorAt(pos, width, "%s", message))
}

func (s *source) lineStart(line int) parse.Pos {
	return parse.Pos(s.starts[max(0, min(line, len(s.starts))-1)])
}

func leadingWord(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '.' && r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return text
	}
	return text[:end]
}

// typeWord says a Go type in the words of YAML.
func typeWord(goType string) string {
	switch {
	case strings.HasPrefix(goType, "map["):
		return "a mapping"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "float"), goType == "json.Number":
		return "a number"
	case goType == "string":
		return "a string"
	case goType == "bool":
		return "a boolean"
	}
	return goType
}

// frame is a call of include or tpl.
type frame struct {
	site *site
	// name is what was included; empty for tpl.
	name string
}

// maxTrace bounds the calls that an error names.
const maxTrace = 8

// traced adds to an error the calls that led to it. An error in a text that
// tpl was given is located at the call.
func (r *renderer) traced(e *Error) *Error {
	for i := len(r.stack) - 1; i >= 0; i-- {
		f := r.stack[i]
		place := f.site.source.place(f.site.pos)
		if f.name != "" {
			if len(e.Trace) < maxTrace {
				e.Trace = append(e.Trace, fmt.Sprintf("include %q at %s", f.name, place))
			}
			continue
		}
		if e.File == "" {
			e.Message = fmt.Sprintf("in the text given to tpl, %d:%d: %s", e.TextLine, max(1, e.TextColumn), e.Message)
			e.Line, e.Column = f.site.source.position(f.site.pos)
			e.File = f.site.source.name
		} else if len(e.Trace) < maxTrace {
			e.Trace = append(e.Trace, "tpl at "+place)
		}
	}
	return e
}
