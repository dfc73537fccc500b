package chart

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/values"
)

// Defaults are the values files of a chart and its subcharts, those that others
// outweigh first.
func (c *Chart) Defaults() []values.Layer {
	var layers []values.Layer
	for _, sub := range c.Dependencies {
		layers = append(layers, sub.Defaults()...)
	}
	if c.defaults == nil {
		return layers
	}
	return append(layers, values.Layer{
		Kind: values.File, Name: path.Join(c.place(), bundle.ValuesFile), Data: c.defaults, Below: c.below(),
	})
}

// Import is a mapping of values that a chart takes over from a subchart.
type Import struct {
	// To is the path at which they are taken over, empty for the top; From is where
	// the subchart has them.
	To, From string
}

// Imports lists what import-values take over, in a chart that was rendered.
func (c *Chart) Imports() []Import {
	var all []Import
	at := strings.Join(c.below(), ".")
	for _, d := range c.Meta.Dependencies {
		for _, v := range d.ImportValues {
			if done, ok := v.(map[string]string); ok {
				to := at
				if done["parent"] != "." {
					to = object.JoinPath(at, done["parent"])
				}
				all = append(all, Import{To: to, From: object.JoinPath(object.JoinPath(at, d.Name), done["child"])})
			}
		}
	}
	for _, sub := range c.Dependencies {
		all = append(all, sub.Imports()...)
	}
	return all
}

// AllValues are the defaults of a chart, those of its subcharts below their names.
// They must not be changed.
func (c *Chart) AllValues() map[string]any {
	all := make(map[string]any, len(c.Values)+len(c.Dependencies))
	for _, sub := range c.Dependencies {
		all[sub.Meta.Name] = sub.AllValues()
	}
	return overlay(all, c.Values)
}

// below are the keys under which the chart's values are those of the whole.
func (c *Chart) below() []string {
	if c.parent == nil {
		return nil
	}
	return append(c.parent.below(), c.Meta.Name)
}

// Knows says whether a word stands anywhere in a chart or its subcharts where it
// may be the key of a value: a template, a schema, defaults and what is commented
// out there, a condition, a subchart's name. Subcharts that are turned off count.
func (c *Chart) Knows(word string) bool {
	texts := [][]byte{c.Schema, c.defaults}
	for _, f := range c.Templates {
		texts = append(texts, f.Data)
	}
	for _, d := range slices.Concat(c.Meta.Dependencies, c.off.dependencies) {
		texts = append(texts, []byte(strings.Join(append([]string{d.Name, d.Alias, d.Condition}, d.Tags...), " ")))
	}
	if slices.ContainsFunc(texts, func(text []byte) bool { return hasWord(string(text), word) }) {
		return true
	}
	subs := slices.Concat(c.Dependencies, c.off.charts)
	return slices.ContainsFunc(subs, func(sub *Chart) bool { return sub.Meta.Name == word || sub.Knows(word) })
}

// Mentions says whether a word stands in a template of a chart or its subcharts.
func (c *Chart) Mentions(word string) bool {
	return slices.ContainsFunc(c.Templates, func(f File) bool { return hasWord(string(f.Data), word) }) ||
		slices.ContainsFunc(c.Dependencies, func(sub *Chart) bool { return sub.Mentions(word) })
}

// Reads lists the paths of values that the templates of a chart and its subcharts
// name: .Values.a.b, and conditions. An empty path is all of them.
func (c *Chart) Reads() map[string]bool {
	read := map[string]bool{}
	c.reads(regexp.MustCompile(`\.Values\b((?:\.[A-Za-z_]\w*)*)`), read)
	return read
}

func (c *Chart) reads(chain *regexp.Regexp, into map[string]bool) {
	prefix := ""
	for _, key := range c.below() {
		prefix = object.JoinPath(prefix, object.EscapeKey(key))
	}
	for _, f := range c.Templates {
		for _, m := range chain.FindAllSubmatch(f.Data, -1) {
			named := strings.TrimPrefix(string(m[1]), ".")
			into[object.JoinPath(prefix, named)] = true
			if named == "global" || strings.HasPrefix(named, "global.") {
				into[named] = true
			}
		}
	}
	for _, d := range c.Meta.Dependencies {
		for condition := range strings.SplitSeq(d.Condition, ",") {
			into[object.JoinPath(prefix, strings.TrimSpace(condition))] = d.Condition != ""
		}
		for _, tag := range d.Tags {
			into["tags."+tag] = true
		}
	}
	for _, sub := range c.Dependencies {
		sub.reads(chain, into)
	}
}

// hasWord says whether a word stands in a text, not as a part of another one.
func hasWord(text, word string) bool {
	letter := func(at int) bool {
		if at < 0 || at >= len(text) {
			return false
		}
		c := text[at]
		return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		if at := from + i; !letter(at-1) && !letter(at+len(word)) {
			return true
		}
		from += i + 1
	}
}
