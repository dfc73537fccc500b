package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/belay-sh/belay/internal/object"
)

// Clean makes text from a cluster safe for a terminal: control characters are
// written as escapes, so that a message or a log line cannot move the cursor,
// change colours or hide what follows. Line feeds and tabs become spaces.
func Clean(s string) string { return clean(s, ' ') }

// CleanLines is Clean for text of several lines, which keeps them.
func CleanLines(s string) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		lines[i] = clean(line, '\t')
	}
	return lines
}

func clean(s string, tab rune) string {
	if strings.IndexFunc(s, harmful) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteRune(tab)
		case r == '\n':
			b.WriteByte(' ')
		case harmful(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmful tells characters that terminals act on, bidirectional overrides
// included.
func harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}

// paint adds colour where it is on.
type paint bool

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	dim    = "2"
	bold   = "1"
)

func (p paint) in(color, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func itoa(n int) string { return strconv.Itoa(n) }

// count writes a number with its noun: 1 object, 2 objects.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return itoa(n) + " " + noun + "s"
}

// width counts the columns that s takes on a terminal.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// runeWidth is how many columns a character takes: what others write into a
// status may be Chinese, or hold an emoji.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r >= 0x300 && r < 0x370, r >= 0x200b && r < 0x2010, r >= 0xfe00 && r < 0xfe10:
		return 0
	case r >= 0x1100 && r < 0x1160, r >= 0x2e80 && r < 0xa4d0, r >= 0xac00 && r < 0xd7a4, r >= 0xf900 && r < 0xfb00,
		r >= 0xfe30 && r < 0xfe70, r >= 0xff00 && r < 0xff61, r >= 0x1f300 && r < 0x1fb00, r >= 0x20000 && r < 0x40000:
		return 2
	}
	return 1
}

// pad fills s with spaces up to n columns.
func pad(s string, n int) string {
	if w := width(s); w < n {
		return s + strings.Repeat(" ", n-w)
	}
	return s
}

// Age writes how long ago something was, in one unit: 12m, 3d. A clock that
// runs behind makes it 0s.
func Age(now, then time.Time) string {
	if then.IsZero() {
		return "?"
	}
	switch d := now.Sub(then); {
	case d < time.Second:
		return "0s"
	case d < 2*time.Minute:
		return itoa(int(d/time.Second)) + "s"
	case d < 2*time.Hour:
		return itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return itoa(int(d/time.Hour)) + "h"
	default:
		return itoa(int(d/(24*time.Hour))) + "d"
	}
}

// Duration writes a length of time for people: 21s, 3m10s, 400ms.
func Duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// names writes at most limit names, and how many more there are.
func names(ids []object.ID, namespace string, limit int) string {
	var parts []string
	for i, id := range ids {
		if limit > 0 && i == limit {
			parts = append(parts, fmt.Sprintf("… %d more (--full names all)", len(ids)-limit))
			break
		}
		parts = append(parts, id.In(namespace))
	}
	return strings.Join(parts, ", ")
}

// table writes rows in aligned columns, the last one unpadded.
func table(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(pad(cell, widths[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
