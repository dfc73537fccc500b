package report

import (
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/diff"
)

// apiVersion is the version of all documents. Within it, fields are added and
// never change their meaning.
const apiVersion = "belay.sh/v1alpha1"

// header begins every document.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func headerOf(kind string) header { return header{apiVersion, kind} }

// WriteDocument writes a document as JSON or YAML, among Events in one line.
func WriteDocument(w io.Writer, format Format, v any) error {
	marshal := func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") }
	if format == Events {
		marshal = json.Marshal // one line
	}
	data, err := marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the document: %w", err)
	}
	if format == YAML {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return fmt.Errorf("encoding the document: %w", err)
		}
	} else {
		data = append(data, '\n')
	}
	_, err = w.Write(data)
	return err
}

// ErrorDocument writes an error as a document of kind Error.
func ErrorDocument(w io.Writer, format Format, f Failure) error {
	type mistake struct {
		File    string `json:"file,omitempty"`
		Line    int    `json:"line,omitempty"`
		Column  int    `json:"column,omitempty"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}
	mistakes := make([]mistake, len(f.Mistakes))
	for i, m := range f.Mistakes {
		mistakes[i] = mistake{m.File, m.Line, m.Column, m.Message, m.Hint}
	}
	return WriteDocument(w, format, struct {
		header
		Failure
		Mistakes []mistake `json:"mistakes,omitempty"`
	}{headerOf("Error"), f, mistakes})
}

// RefusedDocument writes the refusals of a plan as a document of kind Error.
func RefusedDocument(w io.Writer, format Format, code int, p *diff.Plan) error {
	refused := make([]Failure, len(p.Refused))
	for i, r := range hideRefusals(secretsOfPlan(p), p.Refused) {
		refused[i] = refusalFailure(r)
	}
	return WriteDocument(w, format, struct {
		header
		Code    int       `json:"code"`
		Refused []Failure `json:"refused"`
	}{headerOf("Error"), code, refused})
}
