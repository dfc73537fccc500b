package report

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

const (
	// maxValueLines is how many lines of one value are shown without --full.
	maxValueLines = 60
	// maxDiffWork bounds the work on one value: beyond it, what differs is shown
	// as removed and added whole.
	maxDiffWork  = 200 << 20
	contextLines = 1
)

// diffLine is a line of a diff; its sign is "-", "+" or " ".
type diffLine struct{ sign, text string }

// diffLines compares two texts line by line, with a line of context. limit 0
// shows all.
func diffLines(from, to string, limit int) []diffLine {
	var all []diffLine
	switch {
	case from == "":
		all = signAll(nil, "+", to)
	case to == "":
		all = signAll(nil, "-", from)
	default:
		all = hunks(from, to)
	}
	if limit > 0 && len(all) > limit+1 {
		left := len(all) - limit
		all = append(all[:limit:limit], diffLine{" ", fmt.Sprintf("… %d more lines (--full shows all)", left)})
	}
	return all
}

func signAll(all []diffLine, sign, text string) []diffLine {
	if text == "" {
		return all
	}
	for _, line := range CleanLines(text) {
		all = append(all, diffLine{sign, line})
	}
	return all
}

// hunks compares two texts that are both there. Equal beginnings and ends are
// cut off first, for most changes of long values are small.
func hunks(from, to string) []diffLine {
	head := commonHead(from, to)
	tail := commonTail(from[head:], to[head:])
	head = lineBefore(from, head)
	tail = len(from) - lineAfter(from, len(from)-tail)
	oldPart, newPart := from[head:len(from)-tail], to[head:len(to)-tail]
	edits := udiff.Lines(oldPart, newPart)
	// Making hunks of edits takes time with their product.
	if len(edits)*len(oldPart) > maxDiffWork {
		return signAll(signAll(nil, "-", oldPart), "+", newPart)
	}
	unified, err := udiff.ToUnifiedDiff("", "", oldPart, edits, contextLines)
	if err != nil {
		return signAll(signAll(nil, "-", oldPart), "+", newPart)
	}
	var all []diffLine
	for i, h := range unified.Hunks {
		if i > 0 {
			all = append(all, diffLine{" ", "…"})
		}
		for _, line := range h.Lines {
			sign := map[udiff.OpKind]string{udiff.Delete: "-", udiff.Insert: "+", udiff.Equal: " "}[line.Kind]
			text := clean(strings.TrimSuffix(line.Content, "\n"), '\t')
			if !strings.HasSuffix(line.Content, "\n") && line.Kind != udiff.Equal {
				text += " (no newline at the end)"
			}
			all = append(all, diffLine{sign, text})
		}
	}
	return all
}

// lineBefore is where the line that ends at i begins.
func lineBefore(s string, i int) int {
	if i == 0 {
		return 0
	}
	return strings.LastIndexByte(s[:i-1], '\n') + 1
}

// lineAfter is where the line that begins at i ends.
func lineAfter(s string, i int) int {
	if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(s)
}

// commonHead is the length of the whole lines with which both texts begin.
func commonHead(a, b string) int {
	n, end := min(len(a), len(b)), 0
	for i := range n {
		if a[i] != b[i] {
			break
		}
		if a[i] == '\n' {
			end = i + 1
		}
	}
	return end
}

// commonTail is the length of the whole lines with which both texts end.
func commonTail(a, b string) int {
	n, end := min(len(a), len(b)), 0
	for i := 1; i <= n; i++ {
		if a[len(a)-i] != b[len(b)-i] {
			break
		}
		if i < n && a[len(a)-i-1] == '\n' && b[len(b)-i-1] == '\n' || i == n && len(a) == len(b) {
			end = i
		}
	}
	return end
}
