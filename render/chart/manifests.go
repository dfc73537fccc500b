package chart

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/yaml11"
	"github.com/belay-sh/belay/templates"
)

// document is one YAML document of a file.
type document struct {
	file string
	text []byte
	// known is what was read before; nil where nothing was.
	known *object.Known
	// origin maps a line of the text to the line of the file that made it.
	origin func(line int) int
	kind   string
	// raw is true for a document that is read as it is.
	raw bool
	// hook is true for a document that is a hook, and dropped for one of events
	// that Helm does not know.
	hook, dropped bool
	objects       []object.Object
}

// decoder reads what the templates make, while others are still rendered.
type decoder struct {
	known *object.Known
	group errgroup.Group
	// files are the names and documents of what was made, in the order it was.
	files []decodedFile
}

type decodedFile struct {
	name      string
	documents []document
	err       error
}

func newDecoder(files int, known *object.Known) *decoder {
	d := &decoder{known: known, files: make([]decodedFile, files)}
	d.group.SetLimit(runtime.GOMAXPROCS(0))
	return d
}

// add reads the i-th file in the background. Notes are no manifests.
func (d *decoder) add(i int, made *templates.Result) {
	if strings.HasSuffix(made.Name, "NOTES.txt") {
		return
	}
	d.group.Go(func() error {
		_, file, _ := strings.Cut(made.Name, "/")
		f := decodedFile{name: made.Name, documents: split(file, made.Text, made.Line)}
		var errs []error
		for k := range f.documents {
			f.documents[k].known = d.known
			errs = append(errs, f.documents[k].decode())
		}
		f.err = errors.Join(errs...)
		d.files[i] = f
		return nil
	})
}

// wait returns the mistakes of all files.
func (d *decoder) wait() error {
	_ = d.group.Wait() // the mistakes are the files'
	slices.SortStableFunc(d.files, func(a, b decodedFile) int { return strings.Compare(a.name, b.name) })
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.err)
	}
	return errors.Join(errs...)
}

// sorted takes the manifests, file by file in the order of their names, and sorts
// them as Helm does.
func (d *decoder) sorted(r *Result) {
	var documents []document
	for _, f := range d.files {
		documents = append(documents, f.documents...)
	}
	inOrder(documents)
	for _, d := range documents {
		switch {
		case d.dropped:
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s: a hook of an unknown event is left out", d.file))
		case d.hook:
			r.Hooks = append(r.Hooks, d.objects...)
		default:
			r.Objects = append(r.Objects, d.objects...)
		}
	}
}

// crds reads the objects of crds/, of the chart and then of its subcharts.
func (c *Chart) crds(r *Result) error {
	var documents []document
	c.crdDocuments(&documents)
	err := decodeAll(documents)
	for _, d := range documents {
		r.CRDs = append(r.CRDs, d.objects...)
	}
	return err
}

func (c *Chart) crdDocuments(documents *[]document) {
	for _, f := range c.Files {
		extension := strings.ToLower(path.Ext(f.Name))
		if strings.HasPrefix(f.Name, "crds/") && slices.Contains([]string{".yaml", ".yml", ".json"}, extension) {
			same := func(line int) int { return line }
			for _, d := range split(path.Join(c.place(), f.Name), f.Data, same) {
				d.raw = true
				*documents = append(*documents, d)
			}
		}
	}
	for _, sub := range c.Dependencies {
		sub.crdDocuments(documents)
	}
}

// split splits a file at every line that begins with "---".
func split(file string, text []byte, origin func(int) int) []document {
	var documents []document
	add := func(part []byte, line int) {
		trimmed := bytes.TrimLeftFunc(part, unicode.IsSpace)
		if len(trimmed) == 0 {
			return
		}
		line += bytes.Count(part[:len(part)-len(trimmed)], []byte("\n"))
		documents = append(documents, document{file: file, text: trimmed, origin: func(n int) int { return origin(line + n) }})
	}
	start, startLine, line := 0, 0, 0
	for at := 0; at < len(text); line++ {
		if bytes.HasPrefix(text[at:], []byte("---")) {
			add(text[start:at], startLine)
			for at += 3; at < len(text) && (text[at] == ' ' || text[at] == '\t'); at++ {
			}
			start, startLine = at, line
		}
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	add(text[start:], startLine)
	return documents
}

// decodeAll decodes documents, several at once. All mistakes are reported.
func decodeAll(documents []document) error {
	errs := make([]error, len(documents))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range documents {
		g.Go(func() error {
			errs[i] = documents[i].decode()
			return nil
		})
	}
	_ = g.Wait() // the mistakes of all documents are in errs
	return errors.Join(errs...)
}

// decode reads a document as Helm does: YAML 1.1, the later of two equal keys.
func (d *document) decode() error {
	// Helm writes all manifests but hooks into one file, each with a line end
	// behind it, which a block scalar at the end of a document may show.
	end := "\n"
	if d.raw {
		end = ""
	}
	body, err := d.read(end)
	if err != nil || body == nil {
		return err
	}
	d.kind, _ = body["kind"].(string)
	if d.readHook(body); d.hook && !d.raw {
		if body, err = d.read(""); err != nil {
			return err
		}
	}
	return d.add(body, "", "")
}

// read reads the manifest that the text is with an end; nil when there is none.
func (d *document) read(end string) (map[string]any, error) {
	var text strings.Builder
	text.Grow(len(d.text) + len(end))
	text.Write(d.text)
	text.WriteString(end)
	plain, err := object.Read(d.known, text.String(), func() (any, error) { return yaml11.Decode(text.String(), false) })
	switch {
	case errors.Is(err, yaml11.ErrNotJSON):
		return nil, d.fail("a value that JSON cannot hold")
	case err != nil:
		return nil, d.syntaxError(err)
	}
	if plain == nil {
		return nil, nil
	}
	body, ok := plain.(map[string]any)
	if !ok {
		return nil, d.fail("this is not a manifest: a mapping is expected")
	}
	return body, nil
}

// add takes a manifest, or those of a list. apiVersion and kind are what a typed
// list implies.
func (d *document) add(body map[string]any, apiVersion, kind string) error {
	if body["apiVersion"] == nil && apiVersion != "" {
		body["apiVersion"], body["kind"] = apiVersion, kind
	}
	own, _ := body["kind"].(string)
	version, _ := body["apiVersion"].(string)
	items, isItems := body["items"].([]any)
	if of, isList := strings.CutSuffix(own, "List"); isList && (isItems || body["items"] == nil) {
		if of == "" {
			version = ""
		}
		for _, item := range items {
			member, ok := item.(map[string]any)
			if !ok {
				return d.fail("an item of a list is not a manifest")
			}
			if err := d.add(member, version, of); err != nil {
				return err
			}
		}
		return nil
	}
	meta, _ := body["metadata"].(map[string]any)
	name, isText := meta["name"].(string)
	generated, _ := meta["generateName"].(string)
	switch {
	case version == "":
		return d.fail("apiVersion is missing")
	case own == "":
		return d.fail("kind is missing")
	case !isText && meta["name"] != nil:
		return d.fail("metadata.name: a string is expected; quote it")
	case name == "" && generated != "" && !d.hook:
		return d.fail("metadata.generateName would make another object at every apply: give it a metadata.name")
	case name == "" && generated == "":
		return d.fail("metadata.name is missing")
	}
	d.objects = append(d.objects, object.Object{
		Body: &unstructured.Unstructured{Object: body}, Source: object.Source{File: d.file, Line: d.origin(d.firstLine())},
	})
	return nil
}

// firstLine is the line of the document's first key; comments stand before it.
func (d *document) firstLine() int {
	line := 1
	for rest := d.text; len(rest) > 0; line++ {
		text, after, _ := bytes.Cut(rest, []byte("\n"))
		if text = bytes.TrimSpace(text); len(text) > 0 && text[0] != '#' {
			return line
		}
		rest = after
	}
	return 1
}

// HookAnnotation is the annotation that makes a manifest a hook.
const HookAnnotation = "helm.sh/hook"

// hookEvents are the events that Helm knows.
var hookEvents = []string{
	"pre-install", "post-install", "pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback",
	"pre-delete", "post-delete", "test", "test-success",
}

func (d *document) readHook(body map[string]any) {
	meta, _ := body["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	v, ok := annotations[HookAnnotation]
	if !ok {
		return
	}
	d.hook = true
	text, _ := v.(string)
	for event := range strings.SplitSeq(text, ",") {
		if !slices.Contains(hookEvents, strings.ToLower(strings.TrimSpace(event))) {
			d.dropped = true
		}
	}
}

var secretKind = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^kind:\s*["']?Secret`) })

func (d *document) syntaxError(err error) error {
	return object.SyntaxError(object.Input{File: d.file, Data: d.text, Origin: d.origin}, err)
}

// fail says what is wrong with the whole document.
func (d *document) fail(message string) error {
	e := &object.Error{File: d.file, Line: d.origin(1), Message: message}
	if !secretKind().Match(d.text) {
		e.Excerpt = append([]string{"  rendered:"}, object.Excerpt(d.text, 1, 0, 1, "")...)
	}
	return e
}
