package object

import "strings"

// oddText writes a text that does not begin with a letter, or cannot stand as it
// is, as the encoder would; ok is false for what only the encoder can tell.
func oddText(text string) (written string, ok bool) {
	if text == "" || text[0] == ' ' || text[len(text)-1] == ' ' || strings.HasPrefix(text, "---") {
		return "", false
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return "", false
		}
	}
	switch c := text[0]; {
	case strings.IndexByte("[]{}\"'&*!|>%@`#,", c) >= 0:
		return singleQuoted(text), true
	case isDigit(c):
		switch kind := digitsAnd(text); kind {
		case aNumber:
			return `"` + text + `"`, true
		case unclear:
			return "", false
		}
	case isLetter(c):
		if !indicates(text) {
			return "", false // a word that YAML means something else by
		}
	case c == '-':
		if rest := strings.TrimPrefix(text[1:], "-"); rest == "" || !isLetter(rest[0]) {
			return "", false
		}
	case strings.IndexByte("/$()^\\;_", c) < 0:
		return "", false
	}
	if indicates(text) {
		return singleQuoted(text), true
	}
	return text, true
}

// indicates says whether a text has within it what would end it.
func indicates(text string) bool {
	return text[len(text)-1] == ':' || strings.Contains(text, ": ") || strings.Contains(text, " #")
}

func singleQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

type digitKind int

const (
	notNumber digitKind = iota
	aNumber
	unclear
)

// digitsAnd tells what a text is that begins with a digit.
func digitsAnd(text string) digitKind {
	dots, others := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
		case c == '.':
			dots++
		case strings.IndexByte("abcdefABCDEFxXoO_+-:tTzZ ", c) >= 0:
			others = true
		default:
			return notNumber
		}
	}
	switch {
	case others:
		return unclear
	case dots > 1:
		return notNumber
	}
	return aNumber
}
