package templates

import (
	"bytes"
	"errors"
	"text/template/parse"
)

// Bounds of what one run may make, so that a mistake ends as an error.
const (
	maxOutput = 64 << 20
	maxDepth  = 1000
	maxRounds = 1_000_000
)

var errOutput = errors.New("more than 64 MiB of output")

// sink collects what a template writes, and notes for each line of it the line
// of the template that was executing. text/template hands over the very bytes of
// a text node, by which its place is known.
type sink struct {
	buf bytes.Buffer
	// source is nil where nobody asks for lines.
	source *source
	// line is the template's line that is being executed.
	line  int
	lines []int
	// fresh is true when the next byte begins a line of output.
	fresh bool
}

// newSink makes a sink that maps lines to those of a file.
func newSink(src *source) *sink { return &sink{source: src, line: 1, fresh: true} }

// reset makes a sink anew, with the memory it has.
func (s *sink) reset(src *source) {
	s.buf.Reset()
	s.source, s.line, s.lines, s.fresh = src, 1, s.lines[:0], true
}

func (s *sink) bytes() []byte { return s.buf.Bytes() }

// Write implements io.Writer for text/template.
func (s *sink) Write(p []byte) (int, error) {
	if s.buf.Len()+len(p) > maxOutput {
		return 0, errOutput
	}
	s.buf.Write(p)
	if s.source == nil {
		return len(p), nil
	}
	pos, isText := s.source.at(p)
	if isText {
		s.line = s.source.line(pos)
	}
	for rest := p; len(rest) > 0; {
		if s.fresh {
			s.lines = append(s.lines, s.line)
			s.fresh = false
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			break
		}
		rest = rest[end+1:]
		s.fresh = true
		if isText {
			s.line++
		}
	}
	return len(p), nil
}

// rendered is the number of the output's line that is being written.
func (s *sink) rendered() int {
	if s.fresh {
		return len(s.lines) + 1
	}
	return len(s.lines)
}

// own makes the texts of a list parts of the source's bytes.
func (s *source) own(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			n.Text = s.bytes[n.Pos : int(n.Pos)+len(n.Text)]
		case *parse.IfNode:
			s.own(n.List)
			s.own(n.ElseList)
		case *parse.WithNode:
			s.own(n.List)
			s.own(n.ElseList)
		case *parse.RangeNode:
			s.own(n.List)
			s.own(n.ElseList)
		}
	}
}
