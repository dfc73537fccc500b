package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// chartLibrary are the functions of Helm's charts: sprig's without those that
// read the environment, Helm's own, and bounds where a mistake would take all
// memory. include and tpl belong to a scope.
func chartLibrary(now time.Time) template.FuncMap {
	f := template.FuncMap(sprig.TxtFuncMap())
	delete(f, "env")
	delete(f, "expandenv")
	// Helm asks no name server unless it is told to.
	f["getHostByName"] = func(string) string { return "" }
	maps.Copy(f, clockFunctions(now))
	maps.Copy(f, lenientClock(now))
	maps.Copy(f, chartEncodings())
	maps.Copy(f, durations())
	maps.Copy(f, boundedInCharts(f))
	f["semverCompare"] = semverCompare(f["semverCompare"])
	f["required"] = requiredInChart
	f["fail"] = func(message string) (string, error) { return "", &told{message} }
	return f
}

// chartFunctionNames are the names that the parser must know.
func chartFunctionNames() map[string]any {
	names := map[string]any(chartLibrary(time.Time{}))
	for _, name := range builtins {
		names[name] = true
	}
	for _, name := range []string{"eq", "ne", "lt", "le", "gt", "ge", "index", "slice", "printf", "include", "tpl", "lookup"} {
		names[name] = true
	}
	for _, name := range slices.Concat(randomNames, slices.Collect(maps.Keys(sitedInCharts))) {
		names[name] = placed{}
	}
	return names
}

// semverCompare remembers what the function answered, for charts ask of one version
// again and again.
func semverCompare(function any) any {
	compare, ok := function.(func(constraint, version string) (bool, error))
	if !ok {
		return function
	}
	type question struct{ constraint, version string }
	answers := map[question]bool{}
	return func(constraint, version string) (bool, error) {
		answer, known := answers[question{constraint, version}]
		if known {
			return answer, nil
		}
		answer, err := compare(constraint, version)
		if err == nil {
			answers[question{constraint, version}] = answer
		}
		return answer, err
	}
}

// told is a mistake in the chart author's own words.
type told struct{ message string }

func (t *told) Error() string { return t.message }

func requiredInChart(message string, v any) (any, error) {
	if v == nil || v == "" {
		return v, &told{message}
	}
	return v, nil
}

// lenientClock are clock functions that take what they cannot read for UTC, or
// for no time at all, as sprig's do.
func lenientClock(now time.Time) template.FuncMap {
	strict := clockFunctions(now)
	inZone, _ := strict["dateInZone"].(func(string, any, string) (string, error))
	lenient := func(format string, v any, zone string) string {
		text, err := inZone(format, v, zone)
		if err != nil {
			text, _ = inZone(format, v, "UTC") // which is always known
		}
		return text
	}
	return template.FuncMap{
		"dateInZone":     lenient,
		"date_in_zone":   lenient,
		"htmlDateInZone": func(v any, zone string) string { return lenient("2006-01-02", v, zone) },
		"toDate": func(format, text string) time.Time {
			t, _ := time.ParseInLocation(format, text, time.UTC) // the zero time, like sprig's
			return t
		},
	}
}

// boundedInCharts are functions whose results could take all memory.
func boundedInCharts(f template.FuncMap) template.FuncMap {
	until, _ := f["until"].(func(int) []int)
	step, _ := f["untilStep"].(func(int, int, int) []int)
	return template.FuncMap{
		"until": func(n int) ([]int, error) {
			if n > maxCount || n < -maxCount {
				return nil, fmt.Errorf("%d is more than %d", n, maxCount)
			}
			return until(n), nil
		},
		"untilStep": func(start, stop, by int) ([]int, error) {
			if by != 0 && (stop-start)/by > maxCount {
				return nil, fmt.Errorf("more than %d steps", maxCount)
			}
			return step(start, stop, by), nil
		},
		"repeat": repeat,
		"indent": indentInChart,
		"nindent": func(n int, text string) (string, error) {
			text, err := indentInChart(n, text)
			return "\n" + text, err
		},
	}
}

func indentInChart(n int, text string) (string, error) {
	if n < 0 {
		return "", errors.New("a negative indentation")
	}
	if n > 0 && (strings.Count(text, "\n")+1) > maxOutput/n {
		return "", errOutput
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad), nil
}
