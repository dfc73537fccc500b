package cmd

import (
	"fmt"
	"io"
	"os"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/internal/rollout"
)

// beginEvents empties the files of -o events. It comes before all else, so that
// a file that cannot be written stops a run in time.
func (o *deployOptions) beginEvents() error {
	for _, out := range o.Outputs {
		if out.Format != report.Events || out.File == "" {
			continue
		}
		f, err := os.OpenFile(out.File, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return fmt.Errorf("writing events: %w", err)
		}
	}
	return nil
}

// watchers are those who are told of a run as it goes: the progress, and every
// -o events. The function that comes second ends the files.
func (d *deployment) watchers(progress *report.Progress) (tell func(apply.Event), done func()) {
	var streams []*report.EventStream
	var files []*os.File
	complain := func(err error) {
		if err != nil { // the run goes on without
			report.Error(d.stderr, report.Failure{Message: "writing events: " + err.Error()}, d.colorFor(d.stderrTerminal))
		}
	}
	for _, o := range d.o.Outputs {
		if o.Format != report.Events {
			continue
		}
		var w io.Writer = d.stdout
		if o.File != "" {
			f, err := os.OpenFile(o.File, os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				complain(err)
				continue
			}
			files = append(files, f)
			w = f
		}
		streams = append(streams, report.NewEventStream(w, d.plan))
	}
	tell = func(e apply.Event) {
		progress.Event(e)
		for _, s := range streams {
			s.Event(e)
		}
	}
	return tell, func() {
		for _, f := range files {
			complain(f.Close())
		}
	}
}

// tail has the logs of new pods shown among the progress, where that is asked for.
func (d *deployment) tail(progress *report.Progress) *rollout.Tail {
	if !d.o.Logs {
		return nil
	}
	return &rollout.Tail{Follow: d.conn.Client.FollowLogs, Line: progress.Log}
}
