package report

import (
	"fmt"
	"io"
)

// Version is what a binary knows of itself.
type Version struct {
	Version string `json:"version"`
	// Commit and Date are those of the checkout it was built from; Modified says
	// that it had changes.
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// WriteVersion writes the version in one line, or as a document.
func WriteVersion(w io.Writer, format Format, v Version) error {
	if format != Text {
		return WriteDocument(w, format, struct {
			header
			Version
		}{headerOf("Version"), v})
	}
	text := "belay " + v.Version
	if v.Commit != "" {
		text += " (" + v.Commit[:min(7, len(v.Commit))]
		if v.Modified {
			text += ", modified"
		}
		text += ")"
	}
	_, err := fmt.Fprintf(w, "%s %s %s\n", text, v.Go, v.Platform)
	return err
}
