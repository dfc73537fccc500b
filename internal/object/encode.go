package object

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"
)

// encodedAtOnce bounds the manifests that are held as text before they are written.
const encodedAtOnce = 256

// Encode writes manifests as YAML documents, each with a comment that names its
// source. Equal objects give equal bytes.
func Encode(w io.Writer, objs []Object) error {
	for batch := range slices.Chunk(objs, encodedAtOnce) {
		texts := make([]bytes.Buffer, len(batch))
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i := range batch {
			g.Go(func() error { return encode(&texts[i], batch[i]) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i := range texts {
			if _, err := texts[i].WriteTo(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// encode writes one manifest.
func encode(b *bytes.Buffer, o Object) error {
	b.WriteString("---\n")
	if source := o.Source.String(); source != "" && !strings.ContainsAny(source, "\r\n") {
		b.WriteString("# source: " + source + "\n")
	}
	if emit(b, o.Body.Object) {
		return nil // written as the encoder would have, but quicker
	}
	return EncodeValue(b, o.Body.Object)
}

// EncodeValue writes one value as YAML, keys sorted, indented by two.
func EncodeValue(w io.Writer, v any) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if awkward(v) {
		n, err := node(v)
		if err != nil {
			return err
		}
		v = n
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	return enc.Close()
}

// awkwardText says whether the encoder would write a string so that parsers read
// another one: a merge key, or line breaks that only YAML 1.1 knows.
func awkwardText(s string) bool {
	return s == "<<" || strings.ContainsAny(s, "\u0085\u2028\u2029")
}

func awkward(v any) bool {
	switch v := v.(type) {
	case string:
		return awkwardText(v)
	case []any:
		return slices.ContainsFunc(v, awkward)
	case map[string]any:
		for key, item := range v {
			if awkwardText(key) || awkward(item) {
				return true
			}
		}
	}
	return false
}

// node writes a value as a YAML node, with awkward strings in double quotes.
func node(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case string:
		if awkwardText(v) {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: v}, nil
		}
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			child, err := node(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		return n, nil
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range sortedKeys(v) {
			k, err := node(key)
			if err != nil {
				return nil, err
			}
			child, err := node(v[key])
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, k, child)
		}
		return n, nil
	}
	n := &yaml.Node{}
	return n, n.Encode(v)
}
