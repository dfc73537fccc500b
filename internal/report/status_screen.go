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
	cols  int
}

// Draw shows a status.
func (s *StatusScreen) Draw(r ReleaseStatus, now time.Time, full bool) error {
	text := ""
	if s.Terminal {
		cols, rows := s.size()
		if text = fitStatus(r, now, full, max(cols-1, minWidth)); text == s.last && cols == s.cols {
			return nil
		}
		s.last, s.cols = text, cols
		text = s.frame(text, cols, rows)
	} else {
		same := s.withoutAges(r, now, full)
		if same == s.last {
			return nil
		}
		var b bytes.Buffer
		if s.last != "" {
			b.WriteString("\n")
		}
		s.last = same
		_ = Status(Sink{Writer: &b, Format: Text}, r, now, full) // a buffer takes all
		text = b.String()
	}
	_, err := io.WriteString(s.Writer, text)
	return err
}

func (s *StatusScreen) size() (cols, rows int) {
	if s.Size != nil {
		if w, h, ok := s.Size(); ok && w > 0 && h > 0 {
			return w, h
		}
	}
	return usualCols, usualRows
}

// fitStatus is a status in rows that fit a screen. The cause of a state takes its
// place, for there is seldom room for both.
func fitStatus(r ReleaseStatus, now time.Time, full bool, cols int) string {
	objects := statusRows(r, now, full)
	ready, longest := width("READY"), width("OBJECT")
	for _, row := range objects {
		ready, longest = max(ready, width(row.ready)), max(longest, width(row.object))
	}
	const age = 5
	column := nameColumn(longest, cols-age-4)
	line := func(cells ...string) string {
		return cut(pad(cells[0], ready)+"  "+pad(elide(cells[1], column), column)+"  "+pad(cells[2], age)+"  "+cells[3], cols) + "\n"
	}
	text := cut(strings.TrimSuffix(statusHead(r, now), "\n"), cols) + "\n"
	if len(objects) == 0 {
		return text + "no objects\n"
	}
	text += line("READY", "OBJECT", "AGE", "STATE")
	for _, row := range objects {
		text += line(row.ready, row.object, row.age, firstOf(withoutPod(row.cause), row.state))
	}
	return text
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

// withoutPod leaves out which pod a cause is about, at its beginning: "Pod/a-x cannot
// be scheduled", "container main of Pod/a-x exited 1".
func withoutPod(cause string) string {
	if strings.HasPrefix(cause, "Pod/") {
		_, cause, _ = strings.Cut(cause, " ")
		return cause
	}
	container, rest, ok := strings.Cut(cause, " of Pod/")
	if _, said, more := strings.Cut(rest, " "); ok && more && !strings.Contains(container, ":") {
		return container + " " + said
	}
	return cause
}

// frame replaces what was drawn before, and fits the height of the screen.
func (s *StatusScreen) frame(text string, cols, rows int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if room := max(rows-1, 2); len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], "… "+itoa(more)+" more lines")
	}
	out := s.table.eraseAt(cols) + strings.Join(lines, "\n") + "\n"
	s.table.drawn = s.table.drawn[:0]
	for _, line := range lines {
		s.table.drawn = append(s.table.drawn, width(line))
	}
	return out
}
