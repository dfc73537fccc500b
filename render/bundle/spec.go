package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

// apiVersion is the only one that bundle.yaml can have.
const apiVersion = "belay.sh/v1alpha1"

// fileUse is a file that bundle.yaml names, and where.
type fileUse struct {
	name, path string
	line       int
}

// specReader reads bundle.yaml. Mistakes are collected.
type specReader struct {
	Spec
	files []fileUse
	// overlays are directories that bundle.yaml names.
	overlays []fileUse
	lines    map[string]int
	errs     []error
}

// field reads the value of a key; path is the key's.
type field func(path string, v any)

// readSpec reads bundle.yaml, in which some keys must be.
func readSpec(data []byte, required ...string) (*specReader, error) {
	r := &specReader{lines: map[string]int{}}
	v, err := object.DecodeMap(object.Input{
		File: SpecFile, Data: data, Exact: true,
		Visit: func(path string, line int, _ any) { r.lines[path] = line },
	})
	if err != nil {
		return r, err
	}
	r.mapping("", v, map[string]field{
		"apiVersion":   r.exactly(apiVersion),
		"kind":         r.exactly("Bundle"),
		"name":         r.label(&r.Name),
		"version":      r.text(&r.Version),
		"kubeVersion":  r.text(&r.KubeVersion),
		"dependencies": r.dependencies,
		"environments": r.environments,
		"rollout": func(path string, v any) {
			r.mapping(path, v, map[string]field{
				"timeout":               r.duration(&r.Rollout.Timeout),
				"failAfter":             r.duration(&r.Rollout.FailAfter),
				"maxRestarts":           r.count(&r.Rollout.MaxRestarts),
				"restartOnConfigChange": r.flag(&r.Rollout.RestartOnConfigChange),
			})
		},
		"history":   r.count(&r.History),
		"readiness": r.readiness,
		"fields":    r.fieldRules,
	})
	for _, key := range required {
		if v[key] == nil {
			r.fail("", "%s is missing", key)
		}
	}
	if err := checkConstraint(r.KubeVersion); err != nil {
		r.fail("kubeVersion", "kubeVersion: %v", err)
	}
	return r, errors.Join(r.errs...)
}

func (r *specReader) fail(path, format string, args ...any) {
	r.errs = append(r.errs, &object.Error{File: SpecFile, Line: max(1, r.lines[path]), Message: fmt.Sprintf(format, args...)})
}

// mapping reads a mapping with known keys.
func (r *specReader) mapping(path string, v any, fields map[string]field) {
	m, ok := v.(map[string]any)
	if !ok {
		if v != nil {
			r.fail(path, "%s: a mapping is expected", path)
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := object.JoinPath(path, object.EscapeKey(key))
		read, known := fields[key]
		if known {
			if m[key] != nil {
				read(at, m[key])
			}
			continue
		}
		names := slices.Sorted(maps.Keys(fields))
		if like := nearest.Name(key, names); like != "" {
			r.fail(at, "there is no key %q; the nearest is %q", at, like)
		} else {
			r.fail(at, "there is no key %q; there are %s", at, strings.Join(names, ", "))
		}
	}
}

func (r *specReader) exactly(want string) field {
	return func(path string, v any) {
		if v != want {
			r.fail(path, "%s must be %s", path, want)
		}
	}
}

// text reads a string, or a number as it is spelled.
func (r *specReader) text(into *string) field {
	return func(path string, v any) {
		switch v := v.(type) {
		case string:
			*into = v
		case json.Number, int64, float64:
			*into = fmt.Sprint(v)
		default:
			r.fail(path, "%s: a string is expected", path)
		}
	}
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// label reads a name that Kubernetes takes as a label and in names of objects.
func (r *specReader) label(into *string) field {
	return func(path string, v any) {
		before := len(r.errs)
		r.text(into)(path, v)
		if len(r.errs) == before && (len(*into) > 63 || !dnsLabel.MatchString(*into)) {
			r.fail(path, "%s: %q must be lower-case letters, digits and dashes, at most 63, no dash at an end", path, *into)
		}
	}
}

func (r *specReader) flag(into **bool) field {
	return func(path string, v any) {
		yes, ok := v.(bool)
		if !ok {
			r.fail(path, "%s: true or false is expected", path)
			return
		}
		*into = &yes
	}
}

func (r *specReader) duration(into *time.Duration) field {
	return func(path string, v any) {
		text, _ := v.(string)
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			r.fail(path, "%s: %q is not a duration such as 90s or 5m", path, fmt.Sprint(v))
			return
		}
		*into = d
	}
}

func (r *specReader) count(into *int) field {
	return func(path string, v any) {
		n, ok := v.(int64)
		if !ok || n < 1 || n > 1_000_000 {
			r.fail(path, "%s: a whole number above 0 is expected", path)
			return
		}
		*into = int(n)
	}
}

// fieldRules reads who wins fields that others set too.
func (r *specReader) fieldRules(path string, v any) {
	list, ok := v.([]any)
	if !ok {
		r.fail(path, "%s: a list is expected", path)
		return
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		var rule policy.FieldRule
		var decision string
		r.mapping(at, item, map[string]field{
			"group": r.text(&rule.Group), "kind": r.text(&rule.Kind), "name": r.text(&rule.Name),
			"path": r.text(&rule.Path), "manager": r.text(&rule.Manager), "onConflict": r.text(&decision),
		})
		if !slices.Contains(policy.Decisions, decision) {
			r.fail(at, "%s.onConflict: %q is not one of %s", at, decision, strings.Join(policy.Decisions, ", "))
			continue
		}
		rule.OnConflict = policy.Decision(decision)
		r.Fields = append(r.Fields, rule)
	}
}

func (r *specReader) environments(path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "%s: a mapping is expected", path)
		return
	}
	r.Environments = map[string]Environment{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		var e Environment
		r.mapping(object.JoinPath(path, object.EscapeKey(name)), m[name], map[string]field{
			"namespace": r.label(&e.Namespace),
			"release":   r.label(&e.Release),
			"values":    r.fileNames(&e.Values),
			"overlay":   r.overlay(&e.Overlay),
			"cluster": func(path string, v any) {
				r.mapping(path, v, map[string]field{
					"server": r.server(&e.Cluster.Server), "uid": r.text(&e.Cluster.UID), "context": r.text(&e.Cluster.Context),
				})
			},
		})
		r.Environments[name] = e
	}
}

func (r *specReader) fileNames(into *[]string) field {
	return func(key string, v any) {
		list, ok := v.([]any)
		if !ok {
			r.fail(key, "%s: a list of files is expected", key)
			return
		}
		for i, item := range list {
			at := fmt.Sprintf("%s[%d]", key, i)
			name, ok := item.(string)
			if !ok || name == "" {
				r.fail(at, "%s: the name of a file is expected", at)
				continue
			}
			*into = append(*into, path.Clean(name))
			r.files = append(r.files, fileUse{name: name, path: at, line: r.lines[at]})
		}
	}
}

// overlay reads the name of a directory of the bundle.
func (r *specReader) overlay(into *string) field {
	return func(key string, v any) {
		name, ok := v.(string)
		if !ok || name == "" {
			r.fail(key, "%s: the name of a directory is expected", key)
			return
		}
		*into = path.Clean(name)
		r.overlays = append(r.overlays, fileUse{name: name, path: key, line: r.lines[key]})
	}
}

func (r *specReader) server(into *string) field {
	return func(path string, v any) {
		text, _ := v.(string)
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			r.fail(path, "%s: a URL such as https://prod.example:6443 is expected", path)
			return
		}
		*into = text
	}
}
