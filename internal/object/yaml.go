package object

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Input is YAML or JSON text, and how to read it.
type Input struct {
	// File names the text in errors and sources.
	File string
	Data []byte
	// Origin maps a line of Data to the line of File that made it, for text that
	// was rendered from a template; nil where Data is File's content.
	Origin func(line int) int
	// Hide keeps values out of error excerpts. Those of Secrets always are.
	Hide bool
	// Exact keeps the spelling of numbers that printing would change, as
	// json.Number. Not for manifests.
	Exact bool
	// Visit, if set, is told the path, the line of File and the value of every
	// node, children first; a later call for a path replaces an earlier one.
	Visit func(path string, line int, value any)
	// Placed, if set, is told the line of Data that each object begins at, in order.
	Placed func(line int)
}

// Decode reads the manifests of a file: YAML or JSON, any number of documents,
// lists expanded. Documents without content are left out. All mistakes are
// reported at once, as a join of *Error.
func Decode(data []byte, file string) ([]Object, error) {
	return DecodeInput(Input{File: file, Data: data})
}

// DecodeInput is Decode for text whose lines come from elsewhere.
func DecodeInput(in Input) ([]Object, error) {
	in.Exact, in.Visit = false, nil
	docs := documents(in.Data)
	read := make([]reading, len(docs))
	atOnce(len(docs), func(i int) { read[i] = docs[i].read(&in) })
	var objs []Object
	var errs []error
	for _, r := range read {
		objs = append(objs, r.objects...)
		errs = append(errs, r.errs...)
		for _, line := range r.lines {
			if in.Placed != nil {
				in.Placed(line)
			}
		}
	}
	return objs, errors.Join(errs...)
}

// reading is what a document says, and the lines that its objects begin at.
type reading struct {
	objects []Object
	lines   []int
	errs    []error
}

func (d document) read(in *Input) reading {
	if err := d.parse(in); err != nil {
		return reading{errs: []error{err}}
	}
	if d.root == nil {
		return reading{}
	}
	c := &converter{in: in, doc: &d}
	v := c.value(d.root, "")
	if len(c.errs) > 0 {
		return reading{errs: c.errs}
	}
	m := &manifests{converter: c}
	m.add(v, d.root, "", "")
	return reading{objects: m.objects, lines: m.lines, errs: c.errs}
}

// fewDocuments are read faster by one.
const fewDocuments = 8

// atOnce calls fn for each of n, on all processors.
func atOnce(n int, fn func(i int)) {
	if n <= fewDocuments {
		for i := range n {
			fn(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	all.Wait()
}

// DecodeMap reads a file that holds one mapping, such as values. An empty file
// is an empty map. All mistakes are reported at once, as a join of *Error.
func DecodeMap(in Input) (map[string]any, error) {
	docs := documents(in.Data)
	if len(docs) == 0 {
		return map[string]any{}, nil
	}
	d := docs[0]
	if len(docs) > 1 {
		return nil, in.failure(&docs[1], 1, 0, "a second document; this file holds one")
	}
	if err := d.parse(&in); err != nil {
		return nil, err
	}
	if d.root == nil {
		return map[string]any{}, nil
	}
	c := &converter{in: &in, doc: &d}
	v := c.value(d.root, "")
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, in.failure(&d, d.root.Line, d.root.Column, "%s where a mapping is expected", Describe(v))
}

// DecodeValue reads one YAML value of any type from a short text, such as a flag.
func DecodeValue(in Input) (any, error) {
	d := document{text: in.Data}
	if err := d.parse(&in); err != nil {
		return nil, err
	}
	if d.root == nil {
		return nil, nil
	}
	c := &converter{in: &in, doc: &d}
	v := c.value(d.root, "")
	return v, errors.Join(c.errs...)
}

// Describe names the type of a value of YAML or JSON for people: "a mapping".
func Describe(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}

// manifests turns the values of a document into objects.
type manifests struct {
	*converter
	objects []Object
	lines   []int
}

// add appends the object or the list of objects that v is. apiVersion and kind
// are what a surrounding typed list implies.
func (m *manifests) add(v any, n *yaml.Node, apiVersion, kind string) {
	body, ok := v.(map[string]any)
	if !ok {
		if v != nil {
			m.fail(n, "%s where a manifest is expected", Describe(v))
		}
		return
	}
	if _, set := body["apiVersion"]; !set && apiVersion != "" {
		body["apiVersion"] = apiVersion
	}
	if _, set := body["kind"]; !set && kind != "" {
		body["kind"] = kind
	}
	if items, ok := listItems(body); ok {
		of, version := impliedKind(body)
		for i, item := range items {
			m.add(item, find(n, "items", i), version, of)
		}
		return
	}
	if isPlainList(body) {
		m.fail(find(n, "items"), "items: %s where a list is expected", Describe(body["items"]))
		return
	}
	if !m.check(body, n) {
		return
	}
	m.lines = append(m.lines, m.doc.before+n.Line)
	m.objects = append(m.objects, Object{
		Body:   &unstructured.Unstructured{Object: body},
		Source: Source{File: m.in.File, Line: m.in.line(m.doc.before + n.Line)},
	})
}

// listItems tells a list (List, ConfigMapList) from an object whose kind only
// ends like one: lists have items and no name.
func listItems(body map[string]any) ([]any, bool) {
	kind, ok := body["kind"].(string)
	if !ok || !strings.HasSuffix(kind, "List") {
		return nil, false
	}
	plain := isPlainList(body)
	if meta, ok := body["metadata"].(map[string]any); ok && meta["name"] != nil && !plain {
		return nil, false
	}
	items, ok := body["items"]
	if !ok {
		return nil, plain
	}
	list, ok := items.([]any)
	return list, ok || items == nil
}

// isPlainList says whether this is the one kind that is nothing but a list.
func isPlainList(body map[string]any) bool {
	return body["kind"] == "List" && body["apiVersion"] == "v1"
}

// impliedKind is what the items of a ConfigMapList need not say.
func impliedKind(list map[string]any) (kind, apiVersion string) {
	kind, _ = list["kind"].(string)
	if kind == "List" {
		return "", ""
	}
	apiVersion, _ = list["apiVersion"].(string)
	return strings.TrimSuffix(kind, "List"), apiVersion
}
