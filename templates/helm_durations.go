package templates

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// durations are Helm's functions that count with durations. What is no duration
// counts as none.
func durations() template.FuncMap {
	f := template.FuncMap{
		"mustToDuration": duration,
		"durationRoundTo": func(v, unit any) time.Duration {
			return stepped(v, unit, time.Duration.Round)
		},
		"durationTruncateTo": func(v, unit any) time.Duration {
			return stepped(v, unit, time.Duration.Truncate)
		},
	}
	for name, of := range map[string]func(time.Duration) any{
		"durationSeconds":      func(d time.Duration) any { return d.Seconds() },
		"durationMilliseconds": func(d time.Duration) any { return d.Milliseconds() },
		"durationMicroseconds": func(d time.Duration) any { return d.Microseconds() },
		"durationNanoseconds":  func(d time.Duration) any { return d.Nanoseconds() },
		"durationMinutes":      func(d time.Duration) any { return d.Minutes() },
		"durationHours":        func(d time.Duration) any { return d.Hours() },
		"durationDays":         func(d time.Duration) any { return d.Hours() / 24 },
		"durationWeeks":        func(d time.Duration) any { return d.Hours() / 24 / 7 },
	} {
		f[name] = func(v any) any {
			d, err := duration(v)
			if err != nil {
				d = 0
			}
			return of(d)
		}
	}
	return f
}

func stepped(v, unit any, step func(d, unit time.Duration) time.Duration) time.Duration {
	d, err := duration(v)
	if err != nil {
		return 0
	}
	u, err := duration(unit)
	if err != nil {
		return d
	}
	return step(d, u)
}

// duration reads a duration: 90s, or a number of seconds, also as text.
func duration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case time.Duration:
		return v, nil
	case nil:
		return 0, errors.New("invalid duration")
	case string:
		text := strings.TrimSpace(v)
		if text == "" {
			return 0, errors.New("empty duration")
		}
		if d, err := time.ParseDuration(text); err == nil {
			return d, nil
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, errors.New("the text is no duration")
		}
		return ofSeconds(seconds)
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt():
		if n := rv.Int(); n <= math.MaxInt64/int64(time.Second) && n >= math.MinInt64/int64(time.Second) {
			return time.Duration(n) * time.Second, nil
		}
	case rv.CanUint():
		if n := rv.Uint(); n <= math.MaxInt64/uint64(time.Second) {
			return time.Duration(n) * time.Second, nil //nolint:gosec // within bounds
		}
	case rv.CanFloat():
		return ofSeconds(rv.Float())
	default:
		return 0, fmt.Errorf("%s is no duration", kindWord(v))
	}
	return 0, errors.New("the duration is too long")
}

func ofSeconds(seconds float64) (time.Duration, error) {
	nanos := seconds * float64(time.Second)
	if math.IsNaN(nanos) || nanos > math.MaxInt64 || nanos < math.MinInt64 {
		return 0, errors.New("the duration is too long")
	}
	return time.Duration(nanos), nil
}
