package cmd

import (
	"errors"
	"fmt"
	"os"

	"github.com/belay-sh/belay/internal/report"
)

// write writes an answer in every form that was asked for: to stdout in the
// form that takes its place, else as usual, and to files. Files may hold what
// others must not read, so they are the user's alone.
func (e *env) write(outputs []output, usual report.Format, answer func(report.Sink) error) error {
	stdout := usual
	limit := 0
	var errs []error
	for _, o := range outputs {
		if o.File == "" {
			stdout, limit = o.Format, o.Limit
			continue
		}
		errs = append(errs, writeFile(o, answer))
	}
	e.answered = true
	errs = append(errs, answer(report.Sink{
		Writer: e.stdout, Format: stdout, Color: e.colorFor(e.stdoutTerminal), Limit: limit,
	}))
	return errors.Join(errs...)
}

func writeFile(o output, answer func(report.Sink) error) (err error) {
	how := os.O_TRUNC
	if o.Format == report.Events {
		how = os.O_APPEND // the answer ends what was told before
	}
	f, err := os.OpenFile(o.File, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("writing %s: %w", o.File, closeErr)
		}
	}()
	if err := answer(report.Sink{Writer: f, Format: o.Format, Limit: o.Limit}); err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	return nil
}
