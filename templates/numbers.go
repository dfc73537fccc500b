package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Values may hold json.Number: a number with the spelling that it was written
// in (1.20, 0777, 1e3). It prints as it was written, and counts as a number here.

// numeric functions take numbers of any kind.
var numeric = []string{
	"int", "int64", "float64", "toDecimal", "add", "add1", "sub", "div", "mod", "mul", "addf", "add1f", "subf", "divf",
	"mulf", "max", "biggest", "min", "maxf", "minf", "ceil", "floor", "round",
}

// withNumbers lets a function take json.Number as numbers.
func withNumbers(fn any) any {
	f := reflect.ValueOf(fn)
	return func(args ...any) (any, error) {
		for i, arg := range args {
			args[i] = plainNumber(arg)
		}
		return call(f, args)
	}
}

// plainNumber turns a json.Number into an int64 or float64.
func plainNumber(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	text := string(n)
	if i, err := strconv.ParseInt(text, 0, 64); err == nil && !strings.Contains(text, "_") {
		return i
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return text
}

// integer reads a whole number of any type.
func integer(v any) (int, bool) {
	v = plainNumber(v)
	rv := reflect.ValueOf(v)
	switch {
	case !rv.IsValid():
		return 0, false
	case rv.CanInt():
		return int(rv.Int()), true
	case rv.CanUint() && rv.Uint() < math.MaxInt:
		return int(rv.Uint()), true
	case rv.CanFloat() && rv.Float() == math.Trunc(rv.Float()) && math.Abs(rv.Float()) < 1<<53:
		return int(rv.Float()), true
	}
	return 0, false
}

// spelled prints as %s and %v what was written, as %d and %f the number.
type spelled json.Number

// Format implements fmt.Formatter.
func (n spelled) Format(f fmt.State, verb rune) {
	format := fmt.FormatString(f, verb)
	if strings.ContainsRune("svqxX", verb) {
		fmt.Fprintf(f, format, string(n))
		return
	}
	v := plainNumber(json.Number(n))
	if i, ok := v.(int64); ok && strings.ContainsRune("eEfFgG", verb) {
		v = float64(i)
	}
	fmt.Fprintf(f, format, v)
}

func printf(format string, args ...any) string {
	for i, arg := range args {
		if n, ok := arg.(json.Number); ok {
			args[i] = spelled(n)
		}
	}
	return fmt.Sprintf(format, args...)
}

// comparisons are those of text/template, with numbers of all types comparable.
func comparisons() map[string]any {
	ordered := func(ok func(c int) bool) func(a, b any) (bool, error) {
		return func(a, b any) (bool, error) {
			c, err := compare(a, b)
			return err == nil && ok(c), err
		}
	}
	return map[string]any{
		"eq": func(a any, others ...any) (bool, error) {
			if len(others) == 0 {
				return false, errors.New("two values are needed")
			}
			for _, b := range others {
				if same, err := equal(a, b); same || err != nil {
					return same, err
				}
			}
			return false, nil
		},
		"ne": func(a, b any) (bool, error) {
			same, err := equal(a, b)
			return !same && err == nil, err
		},
		"lt": ordered(func(c int) bool { return c < 0 }),
		"le": ordered(func(c int) bool { return c <= 0 }),
		"gt": ordered(func(c int) bool { return c > 0 }),
		"ge": ordered(func(c int) bool { return c >= 0 }),
	}
}

func equal(a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	if x, ok := a.(bool); ok {
		if y, ok := b.(bool); ok {
			return x == y, nil
		}
	}
	c, err := compare(a, b)
	return c == 0 && err == nil, err
}

// compare orders two numbers or two strings.
func compare(a, b any) (int, error) {
	x, y := reflect.ValueOf(plainNumber(a)), reflect.ValueOf(plainNumber(b))
	if x.IsValid() && y.IsValid() {
		switch {
		case x.Kind() == reflect.String && y.Kind() == reflect.String:
			return strings.Compare(x.String(), y.String()), nil
		case x.CanInt() && y.CanInt():
			return order(x.Int(), y.Int()), nil
		}
		f, ok1 := float(x)
		g, ok2 := float(y)
		if ok1 && ok2 {
			return order(f, g), nil
		}
	}
	return 0, fmt.Errorf("%s and %s cannot be compared", kindWord(a), kindWord(b))
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func float(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
