package templates

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode/utf8"
)

// chartErrorHead is how text/template begins an error of execution.
var chartErrorHead = regexp.MustCompile(`(?s)^template: (.*?):(\d+):(\d+): executing .*? at <(.*?)>: (.*)$`)

// callPlace is a place on the way to a mistake: a call of include or tpl, or the
// mistake itself.
type callPlace struct {
	// name is the template file's, tplName for a text of tpl.
	name         string
	line, offset int
	// code is what stood there.
	code    string
	message string
}

// locate turns an error of a run into an *Error: at the innermost place that is
// in a file, with the calls that led to it. f is the file that was rendered.
func (r *chartRun) locate(f ChartFile, err error) error {
	places, cause := r.calls(err)
	var located *Error
	if errors.As(cause, &located) && located.File != "" {
		return located
	}
	if len(places) == 0 {
		return &Error{Message: err.Error()}
	}
	last := len(places) - 1
	message := places[last].message
	if cause != nil {
		message = cause.Error()
	}
	if located != nil { // a text of tpl that cannot be parsed
		message = fmt.Sprintf("in the text given to tpl, %d:%d: %s", located.TextLine, max(1, located.TextColumn), located.Message)
	}
	at := last
	for at > 0 && places[at].name == tplName {
		at--
	}
	if at < last && located == nil {
		message = fmt.Sprintf("in the text given to tpl, %d:%d: %s", places[last].line, places[last].offset+1, message)
	}
	e := r.errorAt(places[at], message)
	if m := nilPointer.FindStringSubmatch(message); m != nil && at == last {
		e.Note = missingIn(f.Dot(), places[at].code, m[1])
	}
	for i := at - 1; i >= 0 && len(e.Trace) < maxTrace; i-- {
		if places[i].name != tplName {
			e.Trace = append(e.Trace, fmt.Sprintf("%s at %s", places[i].code, r.errorAt(places[i], "").Place()))
		}
	}
	return e
}

// calls takes an error apart, outermost first. cause is what went wrong within a
// function; nil when it was the template itself.
func (r *chartRun) calls(err error) (places []callPlace, cause error) {
	for err != nil {
		var exec template.ExecError
		if !errors.As(err, &exec) {
			return places, err
		}
		m := chartErrorHead.FindStringSubmatch(exec.Err.Error())
		if m == nil {
			return places, err
		}
		line, _ := strconv.Atoi(m[2]) // digits
		offset, _ := strconv.Atoi(m[3])
		places = append(places, callPlace{name: m[1], line: line, offset: offset, code: m[4], message: m[5]})
		err = errors.Unwrap(exec.Err)
	}
	return places, nil
}

// nilPointer is text/template's way to say that there is nothing to look into.
var nilPointer = regexp.MustCompile(`^nil pointer evaluating .*\.(\w+)$`)

// conversion is Go's way to say that a function was given something else.
var conversion = regexp.MustCompile(`interface conversion: interface \{\} is (.+), not (.+)$`)

func (r *chartRun) errorAt(p callPlace, message string) *Error {
	if m := nilPointer.FindStringSubmatch(message); m != nil {
		message = fmt.Sprintf("%s: there is nothing that could have a member %q", p.code, m[1])
	}
	message = wrongType.ReplaceAllStringFunc(message, func(text string) string {
		m := wrongType.FindStringSubmatch(text)
		return fmt.Sprintf("%s is expected here, not %s", typeWord(m[1]), typeWord(m[2]))
	})
	message = conversion.ReplaceAllStringFunc(message, func(text string) string {
		m := conversion.FindStringSubmatch(text)
		return fmt.Sprintf("%s is expected here, not %s", typeWord(m[2]), typeWord(m[1]))
	})
	// What it cannot iterate over may be a secret.
	message = iterateOver.ReplaceAllString(wrongCount(message), "range needs a list, a mapping or a number")
	s := r.set.sources[p.name]
	if s == nil {
		return &Error{File: p.name, Line: p.line, Message: message}
	}
	pos := s.lineStart(p.line) + parse.Pos(p.offset)
	width := utf8.RuneCountInString(leadingWord(s.text[min(int(pos), len(s.text)):]))
	return s.errorAt(pos, max(1, width), "%s", strings.TrimSpace(message))
}

// missingIn says what there is beside the value that a chain like .Values.a.b lacks,
// given the member that was asked of it; "" where that cannot be told.
func missingIn(dot any, code, member string) string {
	keys := strings.Split(strings.TrimPrefix(code, "$"), ".")
	if len(keys) < 3 || keys[0] != "" || keys[1] != "Values" {
		return ""
	}
	at := reflect.ValueOf(dot)
	for i, key := range keys[1:] {
		for at.Kind() == reflect.Interface {
			at = at.Elem()
		}
		if at.Kind() != reflect.Map || at.Type().Key().Kind() != reflect.String {
			return ""
		}
		next := at.MapIndex(reflect.ValueOf(key).Convert(at.Type().Key()))
		if next.IsValid() && !next.IsZero() {
			at = next
			continue
		}
		if i+2 >= len(keys) || keys[i+2] != member {
			return "" // it was another dot
		}
		var names []string
		for _, name := range at.MapKeys() {
			names = append(names, name.String())
		}
		slices.Sort(names)
		return listing(keys[i], key, names, "")
	}
	return ""
}
