package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/belay-sh/belay/diff"
)

// DefaultMarkdown is the size in bytes below which a plan in Markdown stays unless
// told otherwise: what forges take as a comment, with room for a frame.
const DefaultMarkdown = 60_000

// minMarkdown holds the head and the tail of any plan.
const minMarkdown = 2_000

// WriteMarkdown writes a plan as a comment on a pull request, below limit bytes: cut
// between objects, the rest is named, as far as there is room.
func WriteMarkdown(w io.Writer, p *diff.Plan, o PlanOptions, limit int) error {
	if limit <= 0 {
		limit = DefaultMarkdown
	}
	limit = max(limit, minMarkdown)
	o.Color = false
	v := newPlanView(p, o)
	v.groups = grouping{}
	var b strings.Builder
	v.markdownHead(&b)
	room := limit - b.Len() - minMarkdown/2
	var left []string
	for _, action := range order {
		for _, c := range v.with(action) {
			section := v.markdownChange(c)
			if len(left) > 0 || len(section) > room {
				left = append(left, sigils[c.Action]+" "+v.name(c.ID))
				continue
			}
			room -= len(section)
			b.WriteString(section)
		}
	}
	writeLeft(&b, left, limit)
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *planView) markdownHead(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n", escape(TargetLine(v.plan.Target)))
	for _, r := range v.plan.Refused {
		f := refusalFailure(r)
		lines := append([]string{f.Message}, f.Lines...)
		for _, hint := range f.Hints {
			lines = append(lines, "hint: "+hint)
		}
		text := Clean(lines[0])
		for _, line := range lines[1:] {
			text += "\n" + Clean(line)
		}
		b.WriteString(fence("", cutText(text, minMarkdown)))
	}
	fmt.Fprintf(b, "**%s**\n\n", escape(v.counts()))
	var notes strings.Builder
	v.column = 0
	v.notices(&notes)
	if notes.Len() > 0 {
		b.WriteString(fence("", cutText(notes.String(), minMarkdown)))
	}
}

// markdownChange is an object's part: a heading, and its fields as a diff, folded
// where they are many.
func (v *planView) markdownChange(c *diff.Change) string {
	head := sigils[c.Action] + " " + v.name(c.ID)
	remark := strings.Join(v.remarks(c), "; ")
	if remark != "" {
		remark = ": " + escape(remark)
	}
	var lines strings.Builder
	switch c.Action {
	case diff.Update, diff.Recreate:
		v.fields(&lines, c)
	case diff.Create, diff.Run:
		if o := v.manifest(c); o != nil {
			for _, line := range yamlLines(o.Object) {
				v.signed(&lines, "+", line)
			}
		}
	}
	if lines.Len() == 0 {
		return "`" + head + "`" + remark + "\n\n"
	}
	open := ""
	if c.Action == diff.Update || c.Action == diff.Recreate {
		open = " open"
	}
	return fmt.Sprintf("<details%s><summary><code>%s</code>%s</summary>\n\n%s</details>\n\n", open, html(head), remark, fence("diff", unindent(lines.String())))
}

// unindent turns lines for people into what a highlighter knows: signs in the
// first column, paths as headings of hunks.
func unindent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "      "):
			line = "@@ " + line[4:] + " @@"
		case len(line) > 2 && (line[2] == '-' || line[2] == '+'):
			line = line[2:3] + " " + strings.TrimPrefix(line[3:], "   ")
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// fence makes a block that nothing in the text can end.
func fence(language, text string) string {
	marks := "```"
	for strings.Contains(text, marks) {
		marks += "`"
	}
	return marks + language + "\n" + strings.TrimSuffix(text, "\n") + "\n" + marks + "\n\n"
}

func writeLeft(b *strings.Builder, left []string, limit int) {
	if len(left) == 0 {
		return
	}
	fmt.Fprintf(b, "… and %s more, too long to show here:\n\n", count(len(left), "object"))
	var names strings.Builder
	for i, name := range left {
		if b.Len()+names.Len()+len(name)+80 > limit {
			fmt.Fprintf(&names, "… and %d more\n", len(left)-i)
			break
		}
		names.WriteString(name + "\n")
	}
	b.WriteString(fence("", names.String()))
}

// cutText cuts a text between lines.
func cutText(text string, most int) string {
	if len(text) <= most/2 {
		return text
	}
	cut := strings.LastIndexByte(text[:most/2], '\n')
	if cut <= 0 {
		cut = most / 2
	}
	return strings.ToValidUTF8(text[:cut], "") + "\n…"
}

var (
	inMarkdown = strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", ">", "&gt;", "[", "\\[", "|", "\\|", "@", "&#64;")
	inHTML     = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

func escape(text string) string { return inMarkdown.Replace(Clean(text)) }

func html(text string) string { return inHTML.Replace(text) }
