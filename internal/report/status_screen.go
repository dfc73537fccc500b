package report

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// StatusScreen shows a release's status again and again: on a terminal in place,
// elsewhere anew whenever something but an age has changed.
type StatusScreen struct {
	Writer   io.Writer
	Terminal bool
	// Size is the width and height of the terminal, asked at each drawing.
	Size func() (width, height int, ok bool)

	table liveTable
	last  string
}

// Draw shows a status.
func (s *StatusScreen) Draw(r ReleaseStatus, now time.Time, full bool) error {
	var b bytes.Buffer
	if err := Status(Sink{Writer: &b, Format: Text}, r, now, full); err != nil {
		return err
	}
	text := b.String()
	if !s.Terminal {
		same := s.withoutAges(r, now, full)
		if same == s.last {
			return nil
		}
		if s.last != "" {
			text = "\n" + text
		}
		s.last = same
		_, err := io.WriteString(s.Writer, text)
		return err
	}
	if text == s.last {
		return nil
	}
	s.last = text
	_, err := io.WriteString(s.Writer, s.frame(text))
	return err
}

// withoutAges is a status as it would be if all objects were made just now.
func (s *StatusScreen) withoutAges(r ReleaseStatus, now time.Time, full bool) string {
	r.Objects = slices.Clone(r.Objects)
	for i := range r.Objects {
		r.Objects[i].Created = now
	}
	r.Revision.When = now
	if r.Holder != nil {
		holder := *r.Holder
		holder.Since, holder.Renewed = now, now
		r.Holder = &holder
	}
	var b bytes.Buffer
	_ = Status(Sink{Writer: &b, Format: Text}, r, now, full) // a buffer takes all
	return lastTime().ReplaceAllString(b.String(), "")
}

// lastTime is how a cause says when a container last ended.
var lastTime = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`, last \S+ ago`) })

// frame replaces what was drawn before, and fits the screen.
func (s *StatusScreen) frame(text string) string {
	cols, rows := usualCols, usualRows
	if s.Size != nil {
		if w, h, ok := s.Size(); ok && w > 0 && h > 0 {
			cols, rows = w, h
		}
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if room := max(rows-1, 2); len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], "… "+itoa(more)+" more lines")
	}
	for i := range lines {
		lines[i] = cut(lines[i], max(cols-1, minWidth))
	}
	out := s.table.eraseAt(cols) + strings.Join(lines, "\n") + "\n"
	s.table.drawn = s.table.drawn[:0]
	for _, line := range lines {
		s.table.drawn = append(s.table.drawn, width(line))
	}
	return out
}
