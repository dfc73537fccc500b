package templates

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// machine are the functions that sprig has and belay has not.
var machine = [...]string{"env", "expandenv", "getHostByName"}

// wrongCount says of a call how many arguments the function takes; ours that are
// placed have one more than people see.
func wrongCount(message string) string {
	m := regexp.MustCompile(`^wrong number of args for (\w+): want (at least )?(\d+) got (\d+)$`).FindStringSubmatch(message)
	if m == nil {
		return message
	}
	want, _ := strconv.Atoi(m[3]) // digits
	got, _ := strconv.Atoi(m[4])
	name, placed := strings.CutPrefix(m[1], "_")
	if placed {
		want, got = want-1, got-1
	}
	noun := "arguments"
	if want == 1 {
		noun = "argument"
	}
	return fmt.Sprintf("%s takes %s%d %s, not %d", name, m[2], want, noun, got)
}

// pointAtCause finds in its line what an error of the parser speaks of.
func (s *source) pointAtCause(e *Error) {
	if m := regexp.MustCompile(`^undefined variable "(.+)"$`).FindStringSubmatch(e.Message); m != nil {
		e.Message = fmt.Sprintf("there is no variable %q here", m[1])
		s.pointAt(e, m[1])
		return
	}
	m := regexp.MustCompile(`^unexpected \{\{(end|else)\}\}$`).FindStringSubmatch(e.Message)
	if m == nil {
		return
	}
	e.Message = fmt.Sprintf("there is nothing here that {{ %s }} could belong to", m[1])
	text := s.text[s.starts[e.Line-1]:]
	text, _, _ = strings.Cut(text, "\n")
	found := regexp.MustCompile(`\{\{-?\s*(`+m[1]+`)\b`).FindAllStringSubmatchIndex(text, -1)
	if len(found) > 0 {
		e.Column = 1 + utf8.RuneCountInString(text[:found[len(found)-1][2]])
		e.TextColumn, e.Width = e.Column, len(m[1])
	}
}
