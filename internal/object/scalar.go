package object

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Scalar reads a plain YAML scalar by the core schema of YAML 1.2 (on, yes and
// 1_000 are strings), save that 0644 is octal, as Kubernetes has always read
// file modes. The result is nil, bool, int64, float64 or string. A number that
// printing would spell differently (1.20, 1e3, 0777) is a json.Number with its
// spelling when exact is set, unless it is zero, so that it stays false. ok is false for infinities and NaN, which JSON
// cannot hold.
func Scalar(text string, exact bool) (value any, ok bool) {
	if text == "" {
		return nil, true
	}
	switch c := text[0]; {
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		return number(text, exact)
	case strings.IndexByte("tTfFnN~", c) < 0:
		return text, true
	}
	switch text {
	case "null", "Null", "NULL", "~":
		return nil, true
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return text, true
}

func number(text string, exact bool) (any, bool) {
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case ".inf", ".nan":
		return nil, false
	}
	if i, ok := integer(text); ok {
		if exact && i != 0 && strconv.FormatInt(i, 10) != text {
			return json.Number(text), true
		}
		return i, true
	}
	if !decimal(text) {
		return text, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, false // out of range
	}
	if exact && f != 0 && strconv.FormatFloat(f, 'g', -1, 64) != text {
		return json.Number(text), true
	}
	return Number(f), true
}

// Number returns a float as JSON would give it back: a whole number is an int64.
func Number(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return f
}

// integer reads decimal, 0x, 0o and, with a leading zero, octal integers.
func integer(text string) (int64, bool) {
	digits := strings.TrimLeft(text, "+-")
	if digits == "" || len(text)-len(digits) > 1 || strings.Contains(digits, "_") {
		return 0, false
	}
	base := 10
	if len(digits) > 1 && digits[0] == '0' {
		switch {
		case digits[1] == 'x':
			base, digits = 16, digits[2:]
		case digits[1] == 'o':
			base, digits = 8, digits[2:]
		case strings.Trim(digits, "01234567") == "":
			base = 8
		}
	}
	if text[0] == '-' {
		digits = "-" + digits
	}
	i, err := strconv.ParseInt(digits, base, 64)
	return i, err == nil
}

// decimal says whether text is [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
func decimal(text string) bool {
	rest := text
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	whole, rest := digits(rest)
	fraction := 0
	if rest != "" && rest[0] == '.' {
		fraction, rest = digits(rest[1:])
	}
	if whole+fraction == 0 {
		return false
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '-' || rest[0] == '+') {
			rest = rest[1:]
		}
		var n int
		if n, rest = digits(rest); n == 0 {
			return false
		}
	}
	return rest == ""
}

// digits counts the digits that text begins with, and returns what follows.
func digits(text string) (int, string) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n, text[n:]
}
