package templates

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// set is sprig's, but a mapping cannot be put into itself, which would hang
// whatever prints it.
func set(m map[string]any, key string, value any) (map[string]any, error) {
	if holds(value, m, 0) {
		return nil, errors.New("a mapping cannot hold itself")
	}
	m[key] = value
	return m, nil
}

// holds says whether m is v or somewhere in it.
func holds(v any, m map[string]any, depth int) bool {
	if depth > maxDepth {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if reflect.ValueOf(v).Pointer() == reflect.ValueOf(m).Pointer() {
			return true
		}
		for _, item := range v {
			if holds(item, m, depth+1) {
				return true
			}
		}
	case nil, string, bool, int64:
		return false
	default:
		list := reflect.ValueOf(v)
		if list.Kind() != reflect.Slice {
			return false
		}
		for i := range list.Len() {
			if holds(list.Index(i).Interface(), m, depth+1) {
				return true
			}
		}
	}
	return false
}

// acyclic guards a function that changes its first argument.
func acyclic(fn any) any {
	f := reflect.ValueOf(fn)
	return func(m map[string]any, more ...map[string]any) (any, error) {
		args := []any{m}
		for _, other := range more {
			for _, v := range other {
				if holds(v, m, 0) {
					return nil, errors.New("a mapping cannot hold itself")
				}
			}
			args = append(args, other)
		}
		return call(f, args)
	}
}

// maxCount bounds the lists that until, untilStep and seq make.
const maxCount = 1_000_000

func bounded(fn any) any {
	f := reflect.ValueOf(fn)
	return func(args ...any) (any, error) {
		for i, arg := range args {
			n, ok := integer(arg)
			if !ok {
				return nil, fmt.Errorf("a whole number is expected, not %s", kindWord(arg))
			}
			if n > maxCount || n < -maxCount {
				return nil, fmt.Errorf("%d is more than %d", n, maxCount)
			}
			args[i] = n
		}
		return call(f, args)
	}
}

// sized refuses to put texts together to more than a template may print: a
// text that grows by itself in a loop has no other end.
func sized(name string, fn any) any {
	f := reflect.ValueOf(fn)
	return func(args ...any) (any, error) {
		size := 0
		for _, arg := range args {
			size += textSize(arg)
		}
		if len(args) == 3 && name == "replace" {
			size += strings.Count(fmt.Sprint(args[2]), fmt.Sprint(args[0])) * textSize(args[1])
		}
		if size > maxOutput {
			return nil, fmt.Errorf("more than %d MiB of text", maxOutput>>20)
		}
		return call(f, args)
	}
}

func textSize(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []string:
		sum := 0
		for _, item := range v {
			sum += len(item)
		}
		return sum
	case []any:
		sum := 0
		for _, item := range v {
			sum += textSize(item)
		}
		return sum
	}
	return 0
}

func repeat(n int, text string) (string, error) {
	if n < 0 || n*len(text) > maxOutput || n > maxOutput {
		return "", fmt.Errorf("%d times is out of bounds", n)
	}
	return strings.Repeat(text, n), nil
}

func indent(n int, text string) (string, error) {
	if n < 0 || n > 1000 {
		return "", fmt.Errorf("%d spaces are out of bounds", n)
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad), nil
}
