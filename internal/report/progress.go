package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

// ProgressOptions say how a run is shown while it goes.
type ProgressOptions struct {
	Plan *diff.Plan
	// Began is when the run began; times are counted from it.
	Began time.Time
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Quiet shows nothing.
	Quiet bool
	Color bool
	// Terminal shows what is under way in a table that is redrawn. Elsewhere
	// there is a line per change of state, and a heartbeat.
	Terminal bool
	// Size is the width and height of the terminal, asked at each drawing.
	Size func() (width, height int, ok bool)
}

// Times of the display.
const (
	heartbeat = 30 * time.Second
	// settle is how long a write may wait for what follows it, so that an object
	// that is ready at once takes one line.
	settle = time.Second
	// calm is the least time between two lines about the same object's waiting.
	calm = 5 * time.Second
	// slow is how long a request may be sent again before that is told.
	slow = 3 * time.Second
	// redraw is how often the table on a terminal is drawn.
	redraw = 150 * time.Millisecond
)

// Progress shows a run as it goes. Feed it with Event, and Stop it before
// anything else is written to the same place.
type Progress struct {
	w  io.Writer
	o  ProgressOptions
	mu sync.Mutex
	// rows are the objects met so far, in the order of their first event.
	rows   []*progressRow
	byID   map[object.ID]*progressRow
	column int
	// total is the number of objects that the run will see to.
	total int
	beats int
	live  *liveTable // nil where lines are enough
	// secrets are hidden in messages.
	secrets *Secrets
	done    chan struct{}
	ended   sync.WaitGroup
}

// progressRow is an object on its way.
type progressRow struct {
	id     object.ID
	action diff.Action
	state  rollout.State
	began  time.Time
	// wrote is true once the write is done and until a line has said so.
	wrote   bool
	wroteAt time.Time
	// said is the last line about its waiting, and when it was written.
	said   string
	saidAt time.Time
	ended  bool
	// trying is why a request about it is sent again, empty when none is; since when.
	trying      string
	tryingSince time.Time
}

// NewProgress shows a run's progress on w, until Stop.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	p := newProgress(w, o)
	if o.Quiet {
		return p
	}
	every := settle / 4
	if p.live != nil {
		every = redraw
	}
	p.ended.Add(1)
	go func() {
		defer p.ended.Done()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-ticker.C:
				p.tick(p.o.Now())
			}
		}
	}()
	return p
}

// newProgress is NewProgress without the clockwork.
func newProgress(w io.Writer, o ProgressOptions) *Progress {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Progress{
		w: w, o: o, byID: map[object.ID]*progressRow{}, done: make(chan struct{}), secrets: secretsOfPlan(o.Plan),
	}
	if o.Terminal && !o.Quiet {
		p.live = &liveTable{paint: paint(o.Color)}
	}
	for i := range o.Plan.Changes {
		if c := &o.Plan.Changes[i]; counts(c) {
			p.total++
			p.column = max(p.column, width(p.name(c.ID)))
		}
	}
	return p
}

func (p *Progress) name(id object.ID) string { return Clean(id.In(p.o.Plan.Target.Namespace)) }

// Event takes in one step of the run.
func (p *Progress) Event(e apply.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Quiet || e.Action == diff.Clear && e.Kind != apply.Broke {
		return // what is deleted after a hook is part of it
	}
	row := p.row(e)
	if e.Kind == apply.Retrying {
		row.tries(e, p.secrets)
		return
	}
	row.answered()
	e.State.Summary, e.State.Reason = p.secrets.Hide(e.State.Summary), p.secrets.Hide(e.State.Reason)
	row.state = e.State
	var b strings.Builder
	switch e.Kind {
	case apply.Started:
		return
	case apply.Wrote:
		row.wrote, row.wroteAt = true, e.At
	case apply.Waiting:
		if row.ended {
			p.relapsed(&b, row, e.At)
			break
		}
		// The first words about a wait come with the next tick: by then the
		// object may be ready or gone, or there is more to say.
		if p.live == nil && !row.wrote && !row.justGoes(e.At) {
			p.waiting(&b, row, e.At)
		}
	case apply.Done:
		p.line(&b, row, e.At, joinWords(row.writeWords(), doneWords(e)))
		row.ended = true
	case apply.Broke:
		p.line(&b, row, e.At, paint(p.o.Color).in(red, p.secrets.Hide(brokeWords(e))))
		row.ended = true
	}
	p.emit(b.String())
}

// Log shows a line that a new pod printed. It may be called from any goroutine.
func (p *Progress) Log(l rollout.LogLine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Also at -q: whoever wants silence asks for no logs.
	p.emit(paint(p.o.Color).in(dim, Clean(l.Pod+" "+l.Container+" | ")) + Clean(p.secrets.Hide(l.Text)) + "\n")
}

// Write says something besides, in whole lines. It may be called from any goroutine,
// also after Stop.
func (p *Progress) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit(string(lines))
	return len(lines), nil
}

// row finds the object of an event. Objects without changes are met here first,
// when they turn out not to be ready.
func (p *Progress) row(e apply.Event) *progressRow {
	row, known := p.byID[e.ID]
	if known && e.Kind == apply.Started && row.ended { // a hook of two events
		*row = progressRow{id: e.ID, action: e.Action, began: e.At}
	}
	if known {
		return row
	}
	row = &progressRow{id: e.ID, action: e.Action, began: e.At}
	p.byID[e.ID] = row
	p.rows = append(p.rows, row)
	if e.Action == diff.Unchanged {
		p.total++
		p.column = max(p.column, width(p.name(e.ID)))
	}
	return row
}

// waiting writes what an object waits for, if that is news and the last line
// about it is not too fresh.
func (p *Progress) waiting(b *strings.Builder, row *progressRow, at time.Time) {
	text := waitWords(row.state)
	if !row.wrote && !row.saidAt.IsZero() && (text == row.said || at.Sub(row.saidAt) < calm) {
		return
	}
	words := text
	if row.saidAt.IsZero() || text == "" {
		words = "waiting" + colonIf(text)
	}
	row.said, row.saidAt = text, at
	p.line(b, row, at, joinWords(row.writeWords(), words))
}

// relapsed writes that an object is under way again that had been ready.
func (p *Progress) relapsed(b *strings.Builder, row *progressRow, at time.Time) {
	text := waitWords(row.state)
	row.ended, row.began, row.said, row.saidAt = false, at, text, at
	p.line(b, row, at, "no longer ready"+colonIf(text))
}

// justGoes says that a deletion is too young to be told that it takes time.
func (r *progressRow) justGoes(at time.Time) bool {
	return r.saidAt.IsZero() && r.state.Phase == rollout.Deleting && at.Sub(r.began) < settle
}

// writeWords say what was done with the object, once.
func (r *progressRow) writeWords() string {
	if !r.wrote {
		return ""
	}
	r.wrote = false
	return pastOf(r.action, r.id)
}

func (p *Progress) line(b *strings.Builder, row *progressRow, at time.Time, text string) {
	fmt.Fprintf(b, "%s  %s  %s\n", clock(at.Sub(p.o.Began)), pad(p.name(row.id), p.column), text)
}

// clock writes minutes and seconds.
func clock(d time.Duration) string {
	d = max(d, 0)
	return fmt.Sprintf("%02d:%02d", int(d/time.Minute), int(d%time.Minute/time.Second))
}

// tick writes what the passing of time makes due.
func (p *Progress) tick(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != nil {
		p.write(p.live.frame(p, now))
		return
	}
	var b strings.Builder
	for _, row := range p.rows {
		stale := !row.saidAt.IsZero() && now.Sub(row.saidAt) >= calm && waitWords(row.state) != row.said
		going := row.saidAt.IsZero() && row.state.Phase == rollout.Deleting && !row.justGoes(now)
		if !row.ended && row.stuck(now) != "" {
			p.stuck(&b, row, now)
			continue
		}
		if !row.ended && (row.wrote && now.Sub(row.wroteAt) >= settle || stale || going) {
			p.waiting(&b, row, now)
		}
	}
	if beat := int(now.Sub(p.o.Began) / heartbeat); beat > p.beats {
		p.beats = beat
		b.WriteString(p.beat(now))
	}
	p.emit(b.String())
}

// fewWaiting is how many objects a heartbeat names.
const fewWaiting = 5

// beat is the sign of life of a long wait.
func (p *Progress) beat(now time.Time) string {
	var parts []string
	waiting := 0
	for _, row := range p.rows {
		if row.ended {
			continue
		}
		waiting++
		if len(parts) < fewWaiting {
			parts = append(parts, p.name(row.id)+" "+row.beatWords(now))
		}
	}
	if waiting == 0 {
		return ""
	}
	if waiting > len(parts) {
		parts = append(parts, "…")
	}
	return fmt.Sprintf("%s  waiting for %d of %d: %s\n", clock(now.Sub(p.o.Began)), waiting, p.total, strings.Join(parts, ", "))
}

func (r *progressRow) beatWords(now time.Time) string {
	if text := r.stuck(now); text != "" {
		return text
	}
	if text := waitWords(r.state); text != "" {
		return text
	}
	return "since " + Duration(now.Sub(r.began).Truncate(time.Second))
}

// emit writes lines. On a terminal they wait for the next drawing of the table.
func (p *Progress) emit(lines string) {
	if p.live != nil {
		p.live.pending += lines
	} else {
		p.write(lines)
	}
}

func (p *Progress) write(text string) {
	if text != "" {
		_, _ = io.WriteString(p.w, text) // a closed stderr never stops a run
	}
}

// Stop ends the display. What was written and is not ready yet is said; on a
// terminal the table goes, its lines stay.
func (p *Progress) Stop() {
	close(p.done)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, row := range p.rows {
		if row.wrote && !row.ended {
			p.waiting(&b, row, p.o.Now())
		}
	}
	p.emit(b.String())
	if p.live != nil {
		p.write(p.live.end(p))
		p.live = nil // what is said from now on is not above a table
	}
}
