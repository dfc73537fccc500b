package report

import (
	"strings"
	"time"

	"github.com/belay-sh/belay/apply"
)

// tries notes that a request about an object is sent again, or was answered.
func (r *progressRow) tries(e apply.Event, secrets *Secrets) {
	switch {
	case e.Err == nil:
		r.answered()
	default:
		if r.trying == "" {
			r.tryingSince = e.At
		}
		r.trying = briefly(Clean(trimSubject(secrets.Hide(e.Err.Error()), e.ID)))
	}
}

// answered notes that no request about an object is sent again.
func (r *progressRow) answered() {
	if r.trying != "" && r.said == r.trying {
		r.said, r.saidAt = "", time.Time{} // what it waits for next is news
	}
	r.trying = ""
}

// stuck says why a request about an object is sent again, once that takes long.
func (r *progressRow) stuck(now time.Time) string {
	if r.trying == "" || now.Sub(r.tryingSince) < slow {
		return ""
	}
	return "retrying for " + Duration(now.Sub(r.tryingSince).Truncate(time.Second)) + ": " + r.trying
}

// stuck writes why a request is sent again, when that is news.
func (p *Progress) stuck(b *strings.Builder, row *progressRow, now time.Time) {
	if row.said == row.trying || !row.saidAt.IsZero() && now.Sub(row.saidAt) < calm {
		return
	}
	p.line(b, row, now, row.stuck(now))
	row.said, row.saidAt = row.trying, now
}

// briefly leaves out what the server says around the cause: a row has little room.
func briefly(text string) string {
	text = strings.TrimPrefix(text, "Internal error occurred: ")
	rest, webhook := strings.CutPrefix(text, `failed calling webhook "`)
	if !webhook {
		return text
	}
	const quoted = `": ` // the end of its name, and of its address
	name, rest, _ := strings.Cut(rest, quoted)
	if at := strings.LastIndex(rest, quoted); at >= 0 {
		rest = rest[at+len(quoted):]
	}
	return "webhook " + name + ": " + rest
}
