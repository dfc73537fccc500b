// Package chart holds Helm's rules: what a chart is made of, which subcharts it
// enables, how values reach them, what its templates see, and in which order its
// manifests come. It renders a chart as Helm 4 does, and is pure; render calls
// it, with the files that render/bundle loaded.
package chart

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/Masterminds/semver/v3"
)

// Chart is a chart, or a subchart of one.
type Chart struct {
	Meta Metadata
	// Values are the chart's own; import-values adds to them.
	Values map[string]any
	Schema []byte
	// defaults are the text of values.yaml.
	defaults []byte
	// Templates are the files of templates/, Files those that are neither
	// templates nor have a meaning of their own.
	Templates, Files []File
	Dependencies     []*Chart
	parent           *Chart
	// heads are the texts that Meta was read from: Chart.yaml, requirements.yaml.
	heads []File
	// off is what is turned off.
	off struct {
		dependencies []*Dependency
		charts       []*Chart
	}
}

// File is a file of a chart; its name is relative to the chart.
type File struct {
	Name string
	Data []byte
}

// Metadata is what Chart.yaml says. Templates see it as .Chart, by these names.
type Metadata struct {
	Name         string            `json:"name,omitempty"`
	Home         string            `json:"home,omitempty"`
	Sources      []string          `json:"sources,omitempty"`
	Version      string            `json:"version,omitempty"`
	Description  string            `json:"description,omitempty"`
	Keywords     []string          `json:"keywords,omitempty"`
	Maintainers  []*Maintainer     `json:"maintainers,omitempty"`
	Icon         string            `json:"icon,omitempty"`
	APIVersion   string            `json:"apiVersion,omitempty"`
	Condition    string            `json:"condition,omitempty"`
	Tags         string            `json:"tags,omitempty"`
	AppVersion   string            `json:"appVersion,omitempty"`
	Deprecated   bool              `json:"deprecated,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	KubeVersion  string            `json:"kubeVersion,omitempty"`
	Dependencies []*Dependency     `json:"dependencies,omitempty"`
	Type         string            `json:"type,omitempty"`
}

// Maintainer is one of a chart's maintainers.
type Maintainer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	URL   string `json:"url,omitempty"`
}

// Dependency is what Chart.yaml says of a subchart.
type Dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

// adopt makes charts the dependencies of a chart.
func (c *Chart) adopt(subs ...*Chart) {
	for _, sub := range subs {
		sub.parent = c
	}
	c.Dependencies = append(c.Dependencies, subs...)
}

// dependency finds a subchart by its name, which may be an alias.
func (c *Chart) dependency(name string) *Chart {
	for _, sub := range c.Dependencies {
		if sub.Meta.Name == name {
			return sub
		}
	}
	return nil
}

// fullPath is the chart's name in those of its templates: app/charts/db.
func (c *Chart) fullPath() string {
	if c.parent == nil {
		return c.Meta.Name
	}
	return c.parent.fullPath() + "/charts/" + c.Meta.Name
}

// place is the chart's folder for people: "" for the whole, charts/db.
func (c *Chart) place() string {
	_, below, _ := strings.Cut(c.fullPath(), "/")
	return below
}

func (c *Chart) library() bool { return strings.EqualFold(c.Meta.Type, "library") }

var aliasName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// check says what is wrong with Chart.yaml, and takes from its texts what cannot
// be printed.
func (m *Metadata) check() error {
	for _, text := range []*string{&m.Name, &m.Description, &m.Home, &m.Icon, &m.Condition, &m.Tags, &m.AppVersion, &m.KubeVersion} {
		*text = printable(*text)
	}
	for _, list := range [][]string{m.Sources, m.Keywords} {
		for i := range list {
			list[i] = printable(list[i])
		}
	}
	_, versionErr := semver.NewVersion(m.Version)
	switch {
	case m.Name == "":
		return wrongAt("name", "the chart has no name")
	case m.Name == "." || m.Name == ".." || m.Name != path.Base(m.Name):
		return wrongAt("name", "%q cannot be a chart's name", m.Name)
	case m.Version == "":
		return wrongAt("version", "the chart has no version")
	case versionErr != nil:
		return wrongAt("version", "the version %q is not a semantic version", m.Version)
	case !slices.Contains([]string{"", "application", "library"}, m.Type):
		return wrongAt("type", "the type %q is neither application nor library", m.Type)
	}
	for _, maintainer := range m.Maintainers {
		if maintainer == nil {
			return wrongAt("maintainers", "one of the maintainers is empty")
		}
		for _, text := range []*string{&maintainer.Name, &maintainer.Email, &maintainer.URL} {
			*text = printable(*text)
		}
	}
	return m.checkDependencies()
}

func (m *Metadata) checkDependencies() error {
	seen := map[string]bool{}
	for _, d := range m.Dependencies {
		if d == nil {
			return wrongAt("dependencies", "one of the dependencies is empty")
		}
		for _, text := range []*string{&d.Name, &d.Version, &d.Repository, &d.Condition} {
			*text = printable(*text)
		}
		for i := range d.Tags {
			d.Tags[i] = printable(d.Tags[i])
		}
		name := d.Name
		if d.Alias != "" {
			if name = d.Alias; !aliasName.MatchString(d.Alias) {
				return wrongAt("dependencies", "the alias %q of the dependency %s has other characters than letters, digits, _ and -", d.Alias, d.Name)
			}
		}
		if seen[name] {
			return wrongAt("dependencies", "two dependencies are called %q", name)
		}
		seen[name] = true
	}
	return nil
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
}

// seen is what templates see as .Chart.
func (m *Metadata) seen(root bool) map[string]any {
	out := map[string]any{
		"Name": m.Name, "Home": m.Home, "Sources": list(m.Sources, same), "Version": m.Version,
		"Description": m.Description, "Keywords": list(m.Keywords, same),
		"Maintainers": list(m.Maintainers, func(p *Maintainer) any {
			return map[string]any{"Name": p.Name, "Email": p.Email, "URL": p.URL}
		}),
		"Icon": m.Icon, "APIVersion": m.APIVersion, "Condition": m.Condition, "Tags": m.Tags,
		"AppVersion": m.AppVersion, "Deprecated": m.Deprecated, "Annotations": m.Annotations,
		"KubeVersion": m.KubeVersion, "Type": m.Type, "IsRoot": root,
		"Dependencies": list(m.Dependencies, func(d *Dependency) any {
			return map[string]any{
				"Name": d.Name, "Version": d.Version, "Repository": d.Repository, "Condition": d.Condition,
				"Tags": list(d.Tags, same), "Enabled": d.Enabled, "ImportValues": list(d.ImportValues, func(v any) any { return v }),
				"Alias": d.Alias,
			}
		}),
	}
	return out
}

func same(text string) any { return text }

func list[T any](items []T, of func(T) any) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = of(item)
	}
	return out
}
