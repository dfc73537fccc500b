package report

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/rollout"
)

// minSecret is the length from which a text is looked for in others: shorter
// ones are found everywhere.
const minSecret = 4

// hidden takes the place of a secret value that was found in a text.
const hidden = "‹hidden›"

// Secrets are the values of a release's Secrets, to be hidden where they turn
// up elsewhere: in notes, log lines, messages, and in objects that repeat them. What
// the release also says in clear, outside of Secrets, is none of them, unless it
// looks like a secret.
type Secrets struct {
	values []string // longest first
	public string   // what is said in clear
	with   *strings.Replacer
}

// SecretsOf collects the values of the Secrets among objects.
func SecretsOf(objects []object.Object) *Secrets {
	found := secretTexts(objects)
	if len(found) == 0 {
		return &Secrets{with: strings.NewReplacer()}
	}
	var public strings.Builder
	for _, o := range objects {
		if o.Body != nil && !isSecret(o) {
			eachString(o.Body.Object, func(s string) { public.WriteString(s + "\x00") })
		}
	}
	s := &Secrets{public: public.String()}
	for value := range found {
		if strong(value) || len(value) >= minSecret && !strings.Contains(s.public, value) {
			s.values = append(s.values, value)
		}
	}
	slices.SortFunc(s.values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, value := range s.values {
		pairs = append(pairs, value, hidden)
	}
	s.with = strings.NewReplacer(pairs...)
	return s
}

func isSecret(o object.Object) bool {
	return o.Body.GroupVersionKind().GroupKind() == object.SecretKind
}

// secretTexts are the values of the Secrets among objects, plain and encoded, and
// their lines.
func secretTexts(objects []object.Object) map[string]bool {
	found := map[string]bool{}
	for _, o := range objects {
		if o.Body == nil || !isSecret(o) {
			continue
		}
		for _, field := range []string{"data", "stringData"} {
			eachString(o.Body.Object[field], func(s string) {
				plain := s
				if decoded, err := base64.StdEncoding.DecodeString(s); err == nil && field == "data" {
					plain = string(decoded)
				}
				for _, one := range append(strings.Split(plain, "\n"), base64.StdEncoding.EncodeToString([]byte(plain))) {
					found[strings.TrimSpace(one)] = true
				}
			})
		}
	}
	return found
}

// strong says that a value looks like a secret, not like a word that a Secret happens
// to hold: a user's name, a host.
func strong(value string) bool {
	const long, short = 16, 8
	var lower, upper, digit, other int
	for _, r := range value {
		switch {
		case r >= 'a' && r <= 'z':
			lower = 1
		case r >= 'A' && r <= 'Z':
			upper = 1
		case r >= '0' && r <= '9':
			digit = 1
		case !strings.ContainsRune(".-_/: ", r):
			other = 1
		}
	}
	return len(value) >= long || len(value) >= short && lower+upper+digit+other > 1
}

// secretsOfPlan are those of what a plan wants and of what it found.
func secretsOfPlan(p *diff.Plan) *Secrets {
	if p == nil {
		return SecretsOf(nil)
	}
	var objects []object.Object
	if p.Wanted != nil {
		objects = slices.Concat(p.Wanted.Objects, p.Wanted.Hooks)
	}
	for i := range p.Changes {
		if live := p.Changes[i].Live; live != nil {
			objects = append(objects, object.Object{Body: live})
		}
	}
	return SecretsOf(objects)
}

func eachString(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case map[string]any:
		for _, item := range v {
			eachString(item, visit)
		}
	case []any:
		for _, item := range v {
			eachString(item, visit)
		}
	}
}

// Hide replaces secret values in a text.
func (s *Secrets) Hide(text string) string {
	if len(s.values) == 0 {
		return text
	}
	return s.with.Replace(text)
}

// HideDiagnosis is Hide for the parts of a diagnosis that others wrote.
func (s *Secrets) HideDiagnosis(d rollout.Diagnosis) rollout.Diagnosis {
	if len(s.values) == 0 {
		return d
	}
	d.Causes = slices.Clone(d.Causes)
	for i := range d.Causes {
		c := &d.Causes[i]
		c.Headline, c.Because = s.Hide(c.Headline), s.Hide(c.Because)
		c.State.Summary = s.Hide(c.State.Summary)
		c.Detail = slices.Clone(c.Detail)
		for j := range c.Detail {
			c.Detail[j] = s.Hide(c.Detail[j])
		}
	}
	d.Notes = slices.Clone(d.Notes)
	for i := range d.Notes {
		d.Notes[i] = s.Hide(d.Notes[i])
	}
	return d
}

// HideRuns is Hide for what hooks printed and how they ended.
func (s *Secrets) HideRuns(runs []release.HookRun) []release.HookRun {
	runs = slices.Clone(runs)
	for i := range runs {
		runs[i].Summary = s.Hide(runs[i].Summary)
		runs[i].Log = slices.Clone(runs[i].Log)
		for j := range runs[i].Log {
			runs[i].Log[j] = s.Hide(runs[i].Log[j])
		}
	}
	return runs
}

// HideValues returns a copy of values in which those that ended up in a Secret,
// or are part of what did, are masked.
func (s *Secrets) HideValues(values map[string]any) map[string]any {
	masked, ok := s.hideValue(values, &object.Masker{}).(map[string]any)
	if !ok {
		return values
	}
	return masked
}

func (s *Secrets) hideValue(v any, masker *object.Masker) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = s.hideValue(item, masker)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = s.hideValue(item, masker)
		}
		return l
	case nil, bool:
		return v
	default:
		if s.has(fmt.Sprint(v)) {
			return masker.Value(v)
		}
		return v
	}
}

// has says that a text is a secret value, or part of one, or holds one.
func (s *Secrets) has(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < minSecret || strings.Contains(s.public, text) {
		return false
	}
	for _, value := range s.values {
		if strings.Contains(value, text) || strings.Contains(text, value) {
			return true
		}
	}
	return false
}
