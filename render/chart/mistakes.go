package chart

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"

	"github.com/belay-sh/belay/internal/object"
)

// wrong is a mistake at a key of Chart.yaml.
type wrong struct{ key, message string }

func (w *wrong) Error() string { return w.message }

func wrongAt(key, format string, args ...any) error {
	return &wrong{key: key, message: fmt.Sprintf(format, args...)}
}

// place finds the file and the line of a mistake at a key. at is the chart's
// folder. Where the key is missing, the file is all there is to say.
func (w *wrong) place(heads []File, at string) *object.Error {
	e := &object.Error{File: path.Join(at, "Chart.yaml"), Message: w.message}
	key := regexp.MustCompile(`(?m)^["']?` + regexp.QuoteMeta(w.key) + `["']?[ \t]*:`)
	for _, f := range heads {
		if found := key.FindIndex(f.Data); found != nil {
			e.File, e.Line = path.Join(at, f.Name), 1+bytes.Count(f.Data[:found[0]], []byte("\n"))
			e.Column = 1
			e.Excerpt = object.Excerpt(f.Data, e.Line, 1, len(w.key), "")
		}
	}
	return e
}

// placed gives a mistake in Chart.yaml its place.
func placed(err error, heads []File, at string) error {
	var w *wrong
	if errors.As(err, &w) {
		return w.place(heads, at)
	}
	return err
}
