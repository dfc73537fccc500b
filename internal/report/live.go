package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
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
	var rows []string
	for i, row := range under {
		if room := height - 1 - len(rows); room == 0 || room == 1 && i < len(under)-1 {
			if room == 1 {
				rows = append(rows, cut(fmt.Sprintf("       … %d more", len(under)-i), cols))
			}
			break
		}
		rows = append(rows, cut(fmt.Sprintf("%5s  ", Duration(now.Sub(row.began).Truncate(time.Second)))+pad(p.name(row.id), p.column)+"  "+liveWords(row), cols))
	}
	return append(rows, cut(clock(now.Sub(p.o.Began))+"  "+bar(finished, p.total), cols))
}

func liveWords(row *progressRow) string {
	text := waitWords(row.state)
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
	r := []rune(s)
	out := string(r[:max(0, cols-1)]) + "…"
	if !utf8.ValidString(out) {
		return s
	}
	return out
}
