package helm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/chart"
)

// maxRecord bounds a record when it is unpacked; it is at most 1 MiB packed.
const maxRecord = 256 << 20

// wire is what matters of a record. Both versions of Helm write it alike.
type wire struct {
	Version int `json:"version"`
	Info    struct {
		LastDeployed string `json:"last_deployed"`
		Description  string `json:"description"`
		Status       Status `json:"status"`
		Notes        string `json:"notes"`
	} `json:"info"`
	Chart struct {
		Metadata struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"metadata"`
		Files []struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		} `json:"files"`
	} `json:"chart"`
	Config   json.RawMessage `json:"config"`
	Manifest string          `json:"manifest"`
	Hooks    []struct {
		Path     string `json:"path"`
		Manifest string `json:"manifest"`
	} `json:"hooks"`
}

// errRecord never says more: a parser's words may quote values.
var errRecord = errors.New("its record is damaged")

// read makes a revision of a record. One that cannot be read keeps what its
// labels tell.
func read(kind object.Kind, u *unstructured.Unstructured) Revision {
	labels := u.GetLabels()
	r := Revision{
		Status: Status(labels["status"]), When: u.GetCreationTimestamp().Time,
		record: record{kind: kind, name: u.GetName(), uid: string(u.GetUID())},
	}
	r.Number, _ = strconv.Atoi(labels["version"]) // else its name tells, below
	if _, number, ok := strings.Cut(u.GetName()[strings.LastIndex(u.GetName(), "."):], ".v"); ok && r.Number == 0 {
		r.Number, _ = strconv.Atoi(number)
	}
	w, err := unpack(kind, u)
	if err != nil {
		r.Err = err
		return r
	}
	r.Description = w.Info.Description
	if w.Info.Status != "" {
		r.Status = w.Info.Status
	}
	if when, err := time.Parse(time.RFC3339Nano, w.Info.LastDeployed); err == nil {
		r.When = when
	}
	r.Wanted, r.Err = w.wanted()
	return r
}

// unpack decodes the payload: base64 of gzip of JSON, in a Secret in base64 once
// more. Old ones are not compressed.
func unpack(kind object.Kind, u *unstructured.Unstructured) (*wire, error) {
	text, _, _ := unstructured.NestedString(u.Object, "data", "release")
	if kind == secretKind {
		outer, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errRecord
		}
		text = string(outer)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		return nil, errRecord
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b, 0x08}) {
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, errRecord
		}
		if data, err = io.ReadAll(io.LimitReader(zip, maxRecord+1)); err != nil || len(data) > maxRecord {
			return nil, errRecord
		}
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, errRecord
	}
	return &w, nil
}

// wanted is what the revision wanted. Its values are those that were given to
// Helm; the chart's defaults are not part of them.
func (w *wire) wanted() (*render.Wanted, error) {
	wanted := &render.Wanted{
		Origin: render.Origin{Bundle: w.Chart.Metadata.Name, Version: w.Chart.Metadata.Version, Chart: true},
		Notes:  w.Info.Notes,
	}
	if len(w.Config) > 0 {
		// Integers must stay integers; encoding/json would make floats of them.
		if err := utiljson.Unmarshal(w.Config, &wanted.Values); err != nil {
			return nil, errRecord
		}
	}
	recorded := chart.Recorded{Manifest: w.Manifest}
	for _, f := range w.Chart.Files {
		recorded.Files = append(recorded.Files, chart.File{Name: f.Name, Data: f.Data})
	}
	for _, h := range w.Hooks {
		recorded.Hooks = append(recorded.Hooks, chart.File{Name: h.Path, Data: []byte(h.Manifest)})
	}
	made, err := recorded.Read()
	if err != nil {
		return nil, err
	}
	wanted.Objects, wanted.Hooks = append(made.CRDs, made.Objects...), made.Hooks
	return wanted, nil
}
