package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/belay-sh/belay/internal/object"
)

// mistake is something wrong with what the user wrote.
type mistake struct {
	id     object.ID
	source object.Source
	// text is complete when source is empty.
	text string
}

func (p *planner) mistake(it *item, text string) {
	p.mistakes = append(p.mistakes, mistake{id: it.ID, source: it.Source, text: text})
}

// line writes a mistake as file:line: object: text.
func (p *planner) line(m mistake) string {
	if m.source == (object.Source{}) {
		return m.text
	}
	return m.source.String() + ": " + p.name(m.id) + ": " + m.text
}

// columns writes rows with their second column aligned.
func columns(rows [][2]string) []string {
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row[0] + strings.Repeat(" ", width-utf8.RuneCountInString(row[0])+2) + row[1]
	}
	return lines
}

func plural(n int, one, many string) string { return fmt.Sprintf("%d %s", n, word(n, one, many)) }

func word(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// names lists objects, some in a line; of very many the plan itself names the rest.
func (p *planner) names(ids []object.ID) []string {
	const most, wide = 50, 100
	var lines []string
	line := ""
	add := func(word string) {
		if line != "" && len(line)+len(word) > wide {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += word
	}
	for i, id := range ids[:min(len(ids), most)] {
		word := p.name(id)
		if i < len(ids)-1 {
			word += ", "
		}
		add(word)
	}
	if more := len(ids) - most; more > 0 {
		add(fmt.Sprintf("… and %d more, which the plan names", more))
	}
	return append(lines, line)
}

// ago writes how long ago an RFC 3339 time was, with a space before it; nothing
// when it is unknown.
func ago(now time.Time, when string) string {
	t, err := time.Parse(time.RFC3339, when)
	if err != nil {
		return ""
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf(" %ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf(" %dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf(" %dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf(" %dd ago", int(d.Hours()/24))
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
