package chart

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/yaml11"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

// Load reads a chart and its subcharts from a bundle's files. Warnings are for
// the user. Mistakes are *object.Error.
func Load(files []bundle.File) (*Chart, []string, error) {
	l := &loader{}
	c, err := l.load(files, "")
	return c, l.warnings, err
}

type loader struct {
	warnings []string
}

// load reads one chart; at is its folder in the bundle, for messages.
func (l *loader) load(files []bundle.File, at string) (*Chart, error) {
	c := &Chart{}
	fail := func(name string, err error) error {
		return &object.Error{File: path.Join(at, name), Message: strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")}
	}
	head := slices.IndexFunc(files, func(f bundle.File) bool { return f.Name == bundle.ChartFile })
	if head < 0 && at == "" {
		return nil, &object.Error{File: ".helmignore", Message: "it leaves out Chart.yaml",
			Hint: "as in Helm, a pattern that begins with ! leaves out all that it does not match"}
	}
	if head < 0 {
		return nil, &object.Error{File: at, Message: "there is no Chart.yaml in it"}
	}
	if err := yaml.Unmarshal(files[head].Data, &c.Meta); err != nil {
		return nil, bundle.HeadError(path.Join(at, bundle.ChartFile), files[head].Data, err)
	}
	c.heads = []File{File(files[head])}
	if c.Meta.APIVersion == "" {
		c.Meta.APIVersion = "v1"
	}
	subcharts := map[string][]bundle.File{}
	for _, f := range files {
		if err := l.file(c, f, subcharts, at); err != nil {
			if len(object.Errors(err)) > 0 {
				return nil, err
			}
			return nil, fail(f.Name, err)
		}
	}
	if version := c.Meta.APIVersion; at == "" && version != "v1" && version != "v2" {
		return nil, placed(wrongAt("apiVersion", "the apiVersion %q is neither v1 nor v2", version), c.heads, at)
	}
	if err := c.Meta.check(); err != nil {
		return nil, placed(err, c.heads, at)
	}
	for _, name := range slices.Sorted(maps.Keys(subcharts)) {
		if name[0] == '_' || name[0] == '.' {
			continue
		}
		sub, err := l.subchart(name, subcharts[name], path.Join(at, "charts", name))
		if err != nil {
			return nil, err
		}
		c.adopt(sub)
	}
	return c, nil
}

// file puts a file where it belongs.
func (l *loader) file(c *Chart, f bundle.File, subcharts map[string][]bundle.File, at string) error {
	below, isSub := strings.CutPrefix(f.Name, "charts/")
	switch {
	case f.Name == bundle.ChartFile, f.Name == "Chart.lock":
	case f.Name == bundle.SpecFile && at == "" && isSpec(f.Data):
		// It is belay's, and no file of the chart.
	case f.Name == bundle.ValuesFile:
		if err := values.Bounded(f.Data); err != nil {
			return err
		}
		var err error
		c.defaults = f.Data
		if c.Values, err = ReadValues(f.Data); isSyntax(err) {
			return object.SyntaxError(object.Input{File: path.Join(at, f.Name), Data: f.Data, Hide: true}, err)
		}
		return err
	case f.Name == "values.schema.json":
		c.Schema = f.Data
	case f.Name == "requirements.yaml", f.Name == "requirements.lock":
		if f.Name == "requirements.yaml" {
			if err := yaml.Unmarshal(f.Data, &c.Meta); err != nil {
				return bundle.HeadError(path.Join(at, f.Name), f.Data, err)
			}
			c.heads = append(c.heads, File(f))
		}
		if c.Meta.APIVersion == "v1" {
			c.Files = append(c.Files, File(f))
		}
	case strings.HasPrefix(f.Name, "templates/"):
		c.Templates = append(c.Templates, File(f))
	case isSub && path.Ext(f.Name) != ".prov":
		name, _, _ := strings.Cut(below, "/")
		subcharts[name] = append(subcharts[name], bundle.File{Name: below, Data: f.Data})
	default:
		c.Files = append(c.Files, File(f))
	}
	return nil
}

// isSyntax says whether an error is that of a parser.
func isSyntax(err error) bool {
	return err != nil && slices.ContainsFunc([]string{"line ", "found ", "did not ", "could not ", "control "}, func(begin string) bool {
		return strings.HasPrefix(strings.TrimPrefix(err.Error(), "yaml: "), begin)
	})
}

// isSpec tells belay's bundle.yaml from a file of the chart's that has its name.
func isSpec(data []byte) bool { return bytes.Contains(data, []byte("belay.sh/")) }

func (l *loader) subchart(name string, files []bundle.File, at string) (*Chart, error) {
	if path.Ext(name) == ".tgz" {
		if files[0].Name != name {
			return nil, &object.Error{File: at, Message: "this is a folder; an archive is expected"}
		}
		unpacked, err := bundle.Unpack(bytes.NewReader(files[0].Data))
		if err != nil {
			return nil, &object.Error{File: at, Message: err.Error()}
		}
		return l.load(unpacked, at)
	}
	var own []bundle.File
	for _, f := range files {
		if _, inner, ok := strings.Cut(f.Name, "/"); ok {
			own = append(own, bundle.File{Name: inner, Data: f.Data})
		}
	}
	return l.load(own, at)
}

// ReadValues reads a file of values as Helm does: all numbers are floats, YAML
// 1.1 decides what is a boolean, documents are merged.
func ReadValues(data []byte) (map[string]any, error) {
	all := map[string]any{}
	documents, err := valueDocuments(data)
	if err != nil {
		return nil, err
	}
	for _, document := range documents {
		one, err := readTable(document)
		if err != nil {
			return nil, err
		}
		all = overlay(all, one)
	}
	return all, nil
}

// valueDocuments splits at lines that begin with "---".
func valueDocuments(data []byte) ([][]byte, error) {
	if !bytes.Contains(data, []byte("---")) {
		return [][]byte{data}, nil
	}
	var documents [][]byte
	start := 0
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if line := data[at:end]; bytes.HasPrefix(line, []byte("---")) {
			if rest := bytes.TrimSpace(line[3:]); len(rest) > 0 && rest[0] != '#' {
				return nil, fmt.Errorf("line %d: only a comment may follow ---", 1+bytes.Count(data[:at], []byte("\n")))
			}
			documents = append(documents, data[start:at])
			start = end
		}
		at = end
	}
	return append(documents, data[start:]), nil
}

func readTable(data []byte) (map[string]any, error) {
	if plain, err := yaml11.Decode(string(data), true); err == nil {
		switch m := plain.(type) {
		case nil:
			return map[string]any{}, nil
		case map[string]any:
			return m, nil
		}
		return nil, errors.New("values must be a mapping")
	}
	m := map[string]any{}
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, plainer(err)
	}
	return m, nil
}

// plainer takes from an error what quotes the text, which may be secret.
func plainer(err error) error {
	message := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.TrimPrefix(message, "yaml: ")
	if head, _, ok := strings.Cut(message, "`"); ok {
		message = head + "…"
	}
	return fmt.Errorf("%s", message)
}

// overlay merges b over a into a new mapping: mappings are merged, all else is
// replaced, null stays.
func overlay(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	for key, v := range b {
		over, isTable := v.(map[string]any)
		under, wasTable := out[key].(map[string]any)
		if isTable && wasTable {
			v = overlay(under, over)
		}
		out[key] = v
	}
	return out
}

// Missing lists the dependencies that Chart.yaml names and charts/ has not.
func (c *Chart) Missing() []string {
	var missing []string
	for _, d := range c.Meta.Dependencies {
		if c.dependency(d.Name) == nil {
			missing = append(missing, d.Name)
		}
	}
	return missing
}
