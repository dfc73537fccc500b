package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/render"
)

// What a revision wanted is written as lines of JSON: a preamble, and then an
// object each. Pieces end at the end of a line, where they can.

// preamble is a Wanted without its objects.
type preamble struct {
	Origin render.Origin     `json:"origin"`
	Values map[string]any    `json:"values,omitempty"`
	Rules  policy.Rules      `json:"rules"`
	Random map[string]string `json:"random,omitempty"`
	Notes  string            `json:"notes,omitempty"`
	// Hooks stand here, for a belay that knows none takes every line for an object.
	Hooks []line `json:"hooks,omitempty"`
}

// line is an object with where it came from.
type line struct {
	Source object.Source  `json:"source"`
	Body   map[string]any `json:"body"`
}

// Pieces of content, before compression. Manifests compress tenfold, so a
// release of some hundred objects is one piece.
const (
	contentSmall = 256 << 10
	contentLarge = 2 << 20
)

var errContent = errors.New("the content is damaged")

// encodeContent gives the objects' bodies apart as well, as encodeLine writes them.
func encodeContent(w *render.Wanted) (items []item, bodies [][]byte, err error) {
	first, err := encodeLine(preamble{
		Origin: w.Origin, Values: w.Values, Rules: w.Rules, Random: w.Random, Notes: w.Notes, Hooks: linesOf(w.Hooks),
	})
	if err != nil {
		return nil, nil, err
	}
	items = make([]item, 1, 1+len(w.Objects))
	items[0] = item{data: first, mark: 1} // no border by itself
	bodies = make([][]byte, len(w.Objects))
	for i, o := range w.Objects {
		if o.Body == nil {
			return nil, nil, fmt.Errorf("encoding the object of %s: it has no body", o.Source)
		}
		source, err := encodeLine(o.Source)
		if err == nil {
			bodies[i], err = encodeLine(o.Body.Object)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("encoding %s: %w", o.ID(), err)
		}
		items = append(items, item{data: joined(source, bodies[i]), mark: markOf(o.ID())})
	}
	return items, bodies, nil
}

// joined is what encodeLine makes of a line of these two.
func joined(source, body []byte) []byte {
	source, body = bytes.TrimSuffix(source, []byte("\n")), bytes.TrimSuffix(body, []byte("\n"))
	return slices.Concat([]byte(`{"source":`), source, []byte(`,"body":`), body, []byte("}\n"))
}

func linesOf(objects []object.Object) []line {
	lines := make([]line, len(objects))
	for i, o := range objects {
		lines[i] = line{Source: o.Source, Body: o.Body.Object}
	}
	return lines
}

// encodeLine sorts map keys, so that equal values give equal bytes.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func decodeContent(raw []byte) (*render.Wanted, error) {
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	var p preamble
	// Integers must stay integers; encoding/json would make floats of them.
	if err := utiljson.Unmarshal(first, &p); err != nil {
		return nil, errContent // the cause could quote a value
	}
	w := &render.Wanted{Origin: p.Origin, Values: p.Values, Rules: p.Rules, Random: p.Random, Notes: p.Notes}
	for _, l := range p.Hooks {
		w.Hooks = append(w.Hooks, object.Object{Body: &unstructured.Unstructured{Object: l.Body}, Source: l.Source})
	}
	for len(rest) > 0 {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte("\n"))
		var l line
		if err := utiljson.Unmarshal(text, &l); err != nil || l.Body == nil {
			return nil, errContent
		}
		w.Objects = append(w.Objects, object.Object{Body: &unstructured.Unstructured{Object: l.Body}, Source: l.Source})
	}
	return w, nil
}

// encodeResult returns no items for a result that says nothing.
func encodeResult(r Result) ([]item, error) {
	if r.Error == "" && len(r.Hooks)+len(r.Tests) == 0 && (r.Diagnosis == nil || len(r.Diagnosis.Causes)+len(r.Diagnosis.Notes) == 0) {
		return nil, nil
	}
	data, err := encodeLine(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return []item{{data: data}}, nil
}
