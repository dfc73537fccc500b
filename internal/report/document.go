package report

import (
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
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

// writeDocument writes v as JSON or YAML.
func writeDocument(w io.Writer, format Format, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
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
	return writeDocument(w, format, struct {
		header
		Failure
	}{headerOf("Error"), f})
}
