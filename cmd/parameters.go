package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/belay-sh/belay/render"
)

// parameters reads those of OpenShift Templates: of the files first, so that
// --param wins. All mistakes are reported. Files are read once, for one of them may
// be stdin.
func (s *sourceFlags) parameters(stdin io.Reader) ([]render.Parameter, error) {
	if s.parametersRead {
		return s.parametersGiven, nil
	}
	var all []render.Parameter
	var mistakes []string
	for _, file := range s.paramFiles {
		data, err := readInput(file, stdin)
		if errors.Is(err, errInterrupted) {
			return nil, errInterrupted
		}
		if err != nil {
			mistakes = append(mistakes, err.Error())
		}
		for i, line := range strings.Split(strings.TrimPrefix(string(data), "\uFEFF"), "\n") {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			p, err := parameterLine(line)
			if p.From = fmt.Sprintf("%s:%d", file, i+1); err != nil {
				mistakes = append(mistakes, p.From+": "+err.Error())
			}
			all = append(all, p)
		}
	}
	for _, text := range s.params {
		name, value, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			mistakes = append(mistakes, fmt.Sprintf("--param %q: NAME=VALUE is expected", text))
		}
		all = append(all, render.Parameter{Name: name, Value: value, From: "--param"})
	}
	if len(mistakes) == 0 {
		s.parametersGiven, s.parametersRead = all, true
		return all, nil
	}
	f := inputError(mistakes[0])
	f.lines = mistakes[1:]
	return nil, f
}

// parameterLine reads a line as oc does: a value may stand in quotes, and a
// comment behind it. Errors do not repeat the line, which may hold a password.
func parameterLine(line string) (render.Parameter, error) {
	name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
	p := render.Parameter{Name: strings.TrimSpace(name)}
	if !ok || p.Name == "" {
		return p, errors.New("NAME=VALUE is expected")
	}
	var err error
	p.Value, err = unquoted(strings.TrimSpace(value))
	return p, err
}

// unquoted takes off the quotes of a value, and the comment behind it.
func unquoted(text string) (string, error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		text, _, _ = strings.Cut(text, " #")
		return strings.TrimSpace(text), nil
	}
	quote := text[0]
	var value strings.Builder
	for i := 1; i < len(text); i++ {
		c := text[i]
		if c == quote {
			if rest := strings.TrimSpace(text[i+1:]); rest != "" && rest[0] != '#' {
				return "", errors.New("there is more behind the closing quote")
			}
			return value.String(), nil
		}
		if c == '\\' && quote == '"' && i+1 < len(text) {
			i++
			switch c = text[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
		}
		value.WriteByte(c)
	}
	return "", errors.New("a quote is opened and never closed")
}
