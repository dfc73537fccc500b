package object

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxExpanded bounds the values that aliases and merges may add to a document.
const maxExpanded = 200_000

// converter turns YAML nodes into JSON values. Mistakes are collected.
type converter struct {
	in   *Input
	doc  *document
	errs []error
	// open are the anchors being expanded, expanded the values made by it.
	open     []*yaml.Node
	expanded int
	spent    bool
}

func (c *converter) fail(n *yaml.Node, format string, args ...any) {
	c.errs = append(c.errs, c.in.failure(c.doc, n.Line, n.Column, format, args...))
}

// value converts a node. path is followed only when the input wants to be told.
func (c *converter) value(n *yaml.Node, path string) any {
	if c.spent {
		return nil
	}
	if len(c.open) > 0 {
		if c.expanded++; c.expanded > maxExpanded {
			c.spent = true
			c.fail(c.open[0], "aliases expand to more than %d values", maxExpanded)
			return nil
		}
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.alias(n, path)
	case yaml.MappingNode:
		return c.mapping(n, path)
	case yaml.SequenceNode:
		return c.sequence(n, path)
	case yaml.ScalarNode:
		v := c.scalar(n)
		c.visit(path, n, v)
		return v
	}
	c.fail(n, "unexpected YAML")
	return nil
}

func (c *converter) visit(path string, n *yaml.Node, v any) {
	if c.in.Visit != nil {
		c.in.Visit(path, c.in.line(c.doc.before+n.Line), v)
	}
}

func (c *converter) alias(n *yaml.Node, path string) any {
	if slices.Contains(c.open, n.Alias) {
		c.fail(n, "an anchor that contains itself")
		return nil
	}
	c.open = append(c.open, n.Alias)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	return c.value(n.Alias, path)
}

func (c *converter) sequence(n *yaml.Node, path string) any {
	if !c.plainTag(n, "!!seq") {
		return nil
	}
	list := make([]any, len(n.Content))
	for i, item := range n.Content {
		list[i] = c.value(item, c.join(path, "["+strconv.Itoa(i)+"]"))
	}
	c.visit(path, n, list)
	return list
}

func (c *converter) mapping(n *yaml.Node, path string) any {
	if !c.plainTag(n, "!!map") {
		return nil
	}
	m := make(map[string]any, len(n.Content)/2)
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Tag == "!!merge" && k.Style == 0 {
			merges = append(merges, v)
			continue
		}
		key, ok := c.key(k)
		if !ok {
			continue
		}
		if _, twice := m[key]; twice {
			c.fail(k, "%q: mapping key already defined at line %d", key, c.in.line(c.doc.before+c.lineOfKey(n, key)))
			continue
		}
		at := c.join(path, EscapeKey(key))
		m[key] = c.value(v, at)
		if v.Kind != yaml.ScalarNode {
			c.visit(at, k, m[key]) // a mapping is found at its key
		}
	}
	for _, v := range merges {
		c.merge(m, v, path)
	}
	c.visit(path, n, m)
	return m
}

// lineOfKey finds where a mapping defines a key first.
func (c *converter) lineOfKey(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i].Line
		}
	}
	return n.Line
}

// merge adds what "<<" names, without overriding.
func (c *converter) merge(m map[string]any, n *yaml.Node, path string) {
	if c.spent {
		return
	}
	target := n
	if n.Kind == yaml.AliasNode {
		target = n.Alias
	}
	switch target.Kind {
	case yaml.MappingNode:
		from, ok := c.value(n, path).(map[string]any)
		if !ok {
			return // reported
		}
		for k, v := range from {
			if _, defined := m[k]; !defined {
				m[k] = v
			}
		}
	case yaml.SequenceNode:
		if slices.Contains(c.open, target) {
			c.fail(n, "an anchor that contains itself")
			return
		}
		c.open = append(c.open, target)
		defer func() { c.open = c.open[:len(c.open)-1] }()
		for _, item := range target.Content {
			c.merge(m, item, path)
		}
	default:
		c.fail(n, `"<<" takes a mapping or a list of mappings`)
	}
}

// key reads a mapping key. Plain 80, true and 1.5 are the strings they look like.
func (c *converter) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		c.fail(n, "a mapping key must be a string")
		return "", false
	}
	if quoted(n) {
		return n.Value, true
	}
	if v, ok := Scalar(n.Value, true); ok && v == nil {
		c.fail(n, "a mapping key must not be null")
		return "", false
	}
	return n.Value, true
}

func quoted(n *yaml.Node) bool {
	return n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

func (c *converter) scalar(n *yaml.Node) any {
	if n.Style&yaml.TaggedStyle != 0 {
		return c.tagged(n)
	}
	if quoted(n) {
		return n.Value
	}
	v, ok := Scalar(n.Value, c.in.Exact)
	if !ok {
		c.fail(n, "a number that JSON cannot hold; quote it to make it a string")
	}
	return v
}

// tagged reads a scalar with a tag of its own.
func (c *converter) tagged(n *yaml.Node) any {
	v, ok := Scalar(n.Value, c.in.Exact)
	switch n.ShortTag() {
	case "!!str", "!":
		return n.Value
	case "!!null", "!!bool", "!!int":
		if ok {
			return v
		}
	case "!!float":
		if _, isText := v.(string); ok && !isText {
			return v
		}
	}
	c.fail(n, "the tag %s cannot be used here", n.ShortTag())
	return nil
}

// plainTag refuses tags on lists and mappings, which Kubernetes knows none of.
func (c *converter) plainTag(n *yaml.Node, tag string) bool {
	if n.Style&yaml.TaggedStyle == 0 || n.ShortTag() == tag {
		return true
	}
	c.fail(n, "the tag %s cannot be used here", n.ShortTag())
	return false
}

// join makes paths only when somebody is told of them.
func (c *converter) join(path, element string) string {
	if c.in.Visit == nil {
		return ""
	}
	return JoinPath(path, element)
}

// JoinPath appends an escaped key or an "[index]" to a path.
func JoinPath(path, element string) string {
	if path == "" || strings.HasPrefix(element, "[") {
		return path + element
	}
	return path + "." + element
}

// EscapeKey writes a mapping key as it stands in paths: dots, commas, brackets
// and equals signs get a backslash.
func EscapeKey(key string) string {
	if !strings.ContainsAny(key, `.,=[]\`) {
		return key
	}
	return strings.NewReplacer(`\`, `\\`, `.`, `\.`, `,`, `\,`, `=`, `\=`, `[`, `\[`, `]`, `\]`).Replace(key)
}

// find walks from a node to the one at keys and indices, as far as it can.
func find(n *yaml.Node, path ...any) *yaml.Node {
	for _, element := range path {
		for n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		next := child(n, element)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(n *yaml.Node, element any) *yaml.Node {
	switch at := element.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && at < len(n.Content) {
			return n.Content[at]
		}
	case string:
		if n.Kind != yaml.MappingNode {
			return nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == at {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// path writes elements for people: spec.ports[0].name.
func path(elements ...any) string {
	out := ""
	for _, e := range elements {
		switch e := e.(type) {
		case int:
			out += fmt.Sprintf("[%d]", e)
		case string:
			out = JoinPath(out, EscapeKey(e))
		}
	}
	return out
}
