package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// liveTable is the part of a terminal that is drawn anew: a row for each object
// under way, and one bar for the whole. Lines that are final scroll up above it.
type liveTable struct {
	paint
	// drawn are the widths of the rows on the screen.
	drawn []int
	last  string
	// pending are lines that wait for the next drawing.
	pending string
}

// Limits of the table.
const (
	minWidth  = 20
	maxRows   = 20
	barWidth  = 30
	usualCols = 80
	usualRows = 24
)

// frame makes what is to be written: the old table gone, the lines that were
// pending, and the new table. It is empty when nothing would change.
func (t *liveTable) frame(p *Progress, now time.Time) string {
	cols, screen := t.screen(p)
	rows := t.rows(p, max(cols-1, minWidth), max(1, min(maxRows, screen-2)), now)
	table := strings.Join(rows, "\n")
	if t.pending == "" && table == t.last {
		return ""
	}
	text := t.eraseAt(cols) + t.pending
	if len(rows) > 0 {
		text += t.in(dim, table) + "\n"
	}
	t.pending, t.last, t.drawn = "", table, t.drawn[:0]
	for _, row := range rows {
		t.drawn = append(t.drawn, width(row))
	}
	return text
}

func (t *liveTable) screen(p *Progress) (cols, rows int) {
	if p.o.Size != nil {
		if w, h, ok := p.o.Size(); ok && w > 0 && h > 0 {
			return w, h
		}
	}
	return usualCols, usualRows
}

// end makes the table go; the lines stay.
func (t *liveTable) end(p *Progress) string {
	cols, _ := t.screen(p)
	text := t.eraseAt(cols) + t.pending
	t.pending, t.drawn, t.last = "", nil, ""
	return text
}

// eraseAt moves to the table's first row and clears the rest of the screen.
// Where the terminal became narrower, rows have been wrapped.
func (t *liveTable) eraseAt(cols int) string {
	up := 0
	for _, w := range t.drawn {
		up++
		if w > cols {
			up += (w - 1) / cols
		}
	}
	if up == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", up)
}

// rows are the table's, at most height of them and cols wide.
func (t *liveTable) rows(p *Progress, cols, height int, now time.Time) []string {
	var under []*progressRow
	finished := 0
	for _, row := range p.rows {
		if row.ended {
			finished++
		} else {
			under = append(under, row)
		}
	}
	if p.total == 0 || finished == p.total {
		return nil
	}
	if len(under) > height-1 { // what has trouble must be in sight
		slices.SortStableFunc(under, func(a, b *progressRow) int {
			return cmp.Compare(a.troubleRank(now), b.troubleRank(now))
		})
	}
	column := nameColumn(p.column, cols)
	var rows []string
	for i, row := range under {
		if room := height - 1 - len(rows); room == 0 || room == 1 && i < len(under)-1 {
			if room == 1 {
				rows = append(rows, cut(fmt.Sprintf("       … %d more", len(under)-i), cols))
			}
			break
		}
		age := fmt.Sprintf("%5s  ", Duration(now.Sub(row.began).Truncate(time.Second)))
		rows = append(rows, cut(age+pad(elide(p.name(row.id), column), column)+"  "+liveWords(row, now), cols))
	}
	return append(rows, cut(clock(now.Sub(p.o.Began))+"  "+bar(finished, p.total), cols))
}

func (r *progressRow) troubleRank(now time.Time) int {
	if r.state.Reason != "" || r.stuck(now) != "" {
		return 0
	}
	return 1
}

// wordsRoom is what names leave on a row for what is said of the object.
const wordsRoom = 34

// nameColumn is how wide the names of objects are on a screen.
func nameColumn(longest, cols int) int { return min(longest, max(cols-wordsRoom, minWidth)) }

// elide shortens a name in its middle: its kind and its end tell it from others.
func elide(name string, n int) string {
	r := []rune(name)
	if len(r) <= n {
		return name
	}
	tail := (n - 1) / 2
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}

// liveWords say how far an object is. What holds it up comes first, for the end
// of a row may be cut off.
func liveWords(row *progressRow, now time.Time) string {
	if row.stuck(now) != "" {
		return "retrying: " + row.trying // its age stands before it
	}
	text, reason := Clean(row.state.Summary), Clean(row.state.Reason)
	if reason != "" && !strings.Contains(text, reason) {
		text = joinWords(reason, text)
	}
	if row.wrote && text == "" {
		return "waiting"
	}
	if text == "" {
		return "…"
	}
	return text
}

func bar(done, total int) string {
	filled := barWidth * done / total
	return fmt.Sprintf("%s%s  %d of %d", strings.Repeat("━", filled), strings.Repeat("─", barWidth-filled), done, total)
}

// cut shortens a row to the width of the screen.
func cut(s string, cols int) string {
	if width(s) <= cols {
		return s
	}
	room := max(0, cols-1)
	for i, r := range s {
		if room -= runeWidth(r); room < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
