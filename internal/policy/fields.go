package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/belay-sh/belay/internal/object"
)

// Decision says who wins a field that another manager set.
type Decision string

// The decisions. Yield leaves the field to the other, Force takes it over, Fail
// refuses the plan.
const (
	Yield Decision = "yield"
	Force Decision = "force"
	Fail  Decision = "fail"
)

// Decisions are the words of bundle.yaml and of belay.sh/fields.
var Decisions = []string{string(Yield), string(Force), string(Fail)}

// FieldRule says who wins the fields that it matches. Everything but OnConflict
// is a pattern in which * stands for any characters; an empty one matches all.
type FieldRule struct {
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Name  string `json:"name,omitempty"`
	// Path is a field, as plans write it, with all that is below it.
	Path string `json:"path,omitempty"`
	// Manager is the field manager that set the live value.
	Manager    string   `json:"manager,omitempty"`
	OnConflict Decision `json:"onConflict"`
}

// Decide returns what the first rule that matches says of a field that a manager
// set; empty when none does.
func (p Policy) Decide(path, manager string) Decision {
	for _, r := range p.Fields {
		if r.MatchPath(path) && Glob(r.Manager, manager) {
			return r.OnConflict
		}
	}
	return ""
}

// MatchPath says whether the rule is about a path or something above it.
func (r FieldRule) MatchPath(path string) bool {
	if Glob(r.Path, path) {
		return true
	}
	for i := range path {
		if (path[i] == '.' || path[i] == '[') && Glob(r.Path, path[:i]) {
			return true
		}
	}
	return false
}

// rulesFor are the bundle's rules that are about an object.
func rulesFor(id object.ID, rules []FieldRule) []FieldRule {
	var found []FieldRule
	for _, r := range rules {
		if (r.Group == "" || Glob(r.Group, id.Group)) && Glob(r.Kind, id.Kind) && Glob(r.Name, id.Name) {
			found = append(found, r)
		}
	}
	return found
}

// Glob matches a text against a pattern in which * stands for any characters,
// and which matches all when it is empty.
func Glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}

// readFields reads PATH[@MANAGER]=yield|force|fail, comma-separated.
func readFields(p *Policy, _ object.Object, value string) error {
	var errs []error
	var own []FieldRule
	for _, text := range splitOutside(value, ',') {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		r, err := fieldRule(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		own = append(own, r)
	}
	p.Fields = append(own, p.Fields...) // before the bundle's: it is closer
	return errors.Join(errs...)
}

func fieldRule(text string) (FieldRule, error) {
	i := strings.LastIndexByte(text, '=')
	if i <= 0 {
		return FieldRule{}, fmt.Errorf("%q is not PATH[@MANAGER]=yield, force or fail", text)
	}
	r := FieldRule{Path: strings.TrimSpace(text[:i]), OnConflict: Decision(strings.TrimSpace(text[i+1:]))}
	if err := oneOf(string(r.OnConflict), Decisions...); err != nil {
		return r, err
	}
	// A name in brackets may have an @ of its own.
	if at := strings.LastIndexByte(r.Path, '@'); at > strings.LastIndexByte(r.Path, ']') {
		r.Path, r.Manager = r.Path[:at], r.Path[at+1:]
		if r.Manager == "" {
			return r, fmt.Errorf("%q names no manager after @", text)
		}
	}
	if r.Path == "" {
		return r, fmt.Errorf("%q names no field; * is all of them", text)
	}
	return r, nil
}

// splitOutside splits a text at a character, but not within brackets.
func splitOutside(text string, at rune) []string {
	var parts []string
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == at && depth <= 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
