package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/belay-sh/belay/internal/nearest"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
)

// Parameter is a value for the OpenShift Templates of plain manifests.
type Parameter struct {
	Name, Value string
	// From is how it was given, for errors: "--param", or a file.
	From string
}

// isTemplate says whether a manifest is an OpenShift Template.
func isTemplate(o object.Object) bool {
	if o.Body.GetKind() != "Template" {
		return false
	}
	version := o.Body.GetAPIVersion()
	_, has := o.Body.Object["objects"].([]any)
	return version == "template.openshift.io/v1" || version == "v1" && has
}

// expand puts the objects of OpenShift Templates in their places.
func expand(b *bundle.Bundle, objs []object.Object, o Options, w *Wanted) ([]object.Object, error) {
	if !slices.ContainsFunc(objs, isTemplate) {
		if len(o.Parameters) > 0 {
			return objs, &object.Error{File: b.Path, Message: "parameters were given, and no manifest is an OpenShift Template"}
		}
		return objs, nil
	}
	p := &processor{options: o, wanted: w, lines: map[string][]templateLines{}, known: map[string]bool{}, made: map[string]int{}}
	for _, f := range b.Files {
		p.lines[f.Name] = linesOf(f.Data)
	}
	var all []object.Object
	for _, obj := range objs {
		if !isTemplate(obj) {
			all = append(all, obj)
			continue
		}
		all = append(all, p.process(obj)...)
	}
	names := slices.Sorted(maps.Keys(p.known))
	for _, given := range o.Parameters {
		if p.known[given.Name] {
			continue
		}
		message := "there is no parameter " + given.Name
		if like := nearest.Name(given.Name, names); like != "" {
			message += "; the nearest is " + like
		} else if len(names) > 0 {
			message += "; there are: " + strings.Join(names[:min(len(names), 20)], ", ")
		}
		p.errs = append(p.errs, &object.Error{File: given.From, Message: message})
	}
	return all, errors.Join(p.errs...)
}

// processor makes objects out of Templates. Mistakes are collected.
type processor struct {
	options Options
	wanted  *Wanted
	lines   map[string][]templateLines
	known   map[string]bool
	// made counts the values generated at a place, for Templates of one name.
	made map[string]int
	errs []error
}

// templateLines are the lines of what a Template lists.
type templateLines struct {
	line                int
	objects, parameters []int
}

// linesOf finds the Templates of a file.
func linesOf(data []byte) []templateLines {
	var all []templateLines
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		if d.Decode(&doc) != nil || len(doc.Content) == 0 {
			return all
		}
		root := doc.Content[0]
		t := templateLines{line: root.Line}
		for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
			var items []int
			for _, item := range root.Content[i+1].Content {
				items = append(items, item.Line)
			}
			switch root.Content[i].Value {
			case "objects":
				t.objects = items
			case "parameters":
				t.parameters = items
			}
		}
		all = append(all, t)
	}
}

// process makes the objects of one Template.
func (p *processor) process(t object.Object) []object.Object {
	at := templateLines{}
	for _, l := range p.lines[t.Source.File] {
		if l.line == t.Source.Line {
			at = l
		}
	}
	before := len(p.errs)
	values := p.values(t, at)
	if len(p.errs) > before {
		return nil
	}
	if message, ok := t.Body.Object["message"].(string); ok {
		text, _ := substitute(message, values).(string)
		p.wanted.Notes += text
	}
	labels, _ := substitute(t.Body.Object["labels"], values).(map[string]any)
	items, _ := t.Body.Object["objects"].([]any)
	var objs []object.Object
	for i, item := range items {
		line := lineOf(at.objects, i, t.Source.Line)
		body, ok := item.(map[string]any)
		if !ok {
			p.fail(t, line, "objects[%d] is no manifest", i)
			continue
		}
		made, _ := substitute(body, values).(map[string]any)
		settle(body, made, labels)
		var text bytes.Buffer
		if err := object.EncodeValue(&text, made); err != nil {
			p.fail(t, line, "objects[%d]: %v", i, err)
			continue
		}
		decoded, err := object.DecodeInput(object.Input{File: t.Source.File, Data: text.Bytes(), Origin: func(int) int { return line }})
		if err != nil {
			p.errs = append(p.errs, err)
		}
		objs = append(objs, decoded...)
	}
	return objs
}

func lineOf(lines []int, i, otherwise int) int {
	if i < len(lines) {
		return lines[i]
	}
	return otherwise
}

func (p *processor) fail(t object.Object, line int, format string, args ...any) {
	p.errs = append(p.errs, &object.Error{File: t.Source.File, Line: line, Message: fmt.Sprintf(format, args...)})
}

// values are those of a Template's parameters: given, its own, or generated.
func (p *processor) values(t object.Object, at templateLines) map[string]string {
	values := map[string]string{}
	list, _ := t.Body.Object["parameters"].([]any)
	for i, item := range list {
		m, _ := item.(map[string]any)
		name, _ := m["name"].(string)
		line := lineOf(at.parameters, i, t.Source.Line)
		if name == "" {
			p.fail(t, line, "parameters[%d] has no name", i)
			continue
		}
		p.known[name] = true
		value := ""
		if v := m["value"]; v != nil {
			value = fmt.Sprint(v)
		}
		given := false
		for _, g := range p.options.Parameters {
			if g.Name == name {
				value, given = g.Value, true
			}
		}
		if generator, _ := m["generate"].(string); !given && value == "" && generator != "" {
			from, _ := m["from"].(string)
			made, err := p.generate(t, name, generator, from)
			if err != nil {
				p.fail(t, line, "parameter %s: %v", name, err)
			}
			value = made
		} else if required, _ := m["required"].(bool); required && value == "" {
			p.fail(t, line, "parameter %s is required: give it with --param %s=…", name, name)
		}
		values[name] = value
	}
	return values
}

// generate makes a value from an expression, or gives back the remembered one.
func (p *processor) generate(t object.Object, name, generator, from string) (string, error) {
	if generator != "expression" {
		return "", fmt.Errorf("there is no generator %q; there is expression", generator)
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, from) // never fails
	// By the Template's name: its file may be named another way, or be stdin, the next time.
	place := fmt.Sprintf("Template/%s: %s %x", t.Body.GetName(), name, h.Sum32())
	p.made[place]++
	key := fmt.Sprintf("Template/%s: %s generate#%d %x", t.Body.GetName(), name, p.made[place], h.Sum32())
	if p.wanted.Random == nil {
		p.wanted.Random = map[string]string{}
	}
	var value string
	if text, known := p.options.Random[key]; known && json.Unmarshal([]byte(text), &value) == nil {
		p.wanted.Random[key] = text
		return value, nil
	}
	value, err := fromExpression(from, p.options.Entropy)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	p.wanted.Random[key] = string(text)
	return value, err
}

var (
	partial = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([a-zA-Z0-9_]+)\}`) })
	entire  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\$\{\{([a-zA-Z0-9_]+)\}\}$`) })
)

// substitute replaces ${X} within texts, and a text that is ${{X}} by the value
// that it spells. Names that are no parameters stay.
func substitute(v any, values map[string]string) any {
	switch v := v.(type) {
	case string:
		if m := entire().FindStringSubmatch(v); m != nil {
			value, known := values[m[1]]
			if !known {
				return v
			}
			typed, err := object.DecodeValue(object.Input{Data: []byte(value)})
			if err != nil {
				return value
			}
			return typed
		}
		return partial().ReplaceAllStringFunc(v, func(reference string) string {
			if value, known := values[reference[2:len(reference)-1]]; known {
				return value
			}
			return reference
		})
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			name, ok := substitute(key, values).(string)
			if !ok {
				name = key
			}
			m[name] = substitute(item, values)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = substitute(item, values)
		}
		return l
	}
	return v
}

// settle does to an object what OpenShift does: a namespace that is fixed in a
// Template is dropped, and the Template's labels are added.
func settle(before, made, labels map[string]any) {
	meta, ok := made["metadata"].(map[string]any)
	if !ok {
		return
	}
	if written, _ := before["metadata"].(map[string]any); written != nil {
		if ns, _ := written["namespace"].(string); !strings.Contains(ns, "${") {
			delete(meta, "namespace")
		}
	}
	if len(labels) == 0 {
		return
	}
	own, ok := meta["labels"].(map[string]any)
	if !ok {
		own = map[string]any{}
		meta["labels"] = own
	}
	maps.Copy(own, labels)
}
