package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/belay-sh/belay/render"
)

// Explained writes where values came from, one a line: the value, then the places
// that set it, the one that counts last.
func Explained(s Sink, all []render.Explained) error {
	if s.Format != Text {
		return WriteDocument(s.Writer, s.Format, all)
	}
	for _, e := range all {
		value, err := json.Marshal(e.Value)
		if err != nil {
			return err
		}
		from := strings.Join(e.From, " → ")
		if from == "" {
			from = "no file; a chart's rules make it"
		}
		if _, err := fmt.Fprintf(s.Writer, "%s = %s: %s\n", e.Path, value, from); err != nil {
			return err
		}
	}
	return nil
}
