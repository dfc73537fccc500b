package cmd

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

// maxPlanLines cuts the plan that a run shows before it asks.
const maxPlanLines = 200

// printTarget says first of all what the run is about to touch.
func (d *deployment) printTarget() {
	fmt.Fprintln(d.stderr, report.TargetLine(d.target))
}

func (d *deployment) warn(warnings []render.Warning) {
	report.Warnings(d.stderr, warnings, d.colorFor(d.stderrTerminal))
}

// showPlan writes the plan: as the answer of a diff to stdout, as talk before a
// run to stderr.
func (d *deployment) showPlan() error {
	if err := d.savePlans(); err != nil {
		return err
	}
	switch {
	case d.o.Op == diff.OpTest: // the progress names them all
		return nil
	case d.o.Op == diff.OpDrift:
		return d.showDrift()
	case d.o.DiffOnly || d.o.DryRun:
		return d.write(d.o.Outputs, report.Text, func(s report.Sink) error {
			if d.o.Graph && s.Format == report.Text {
				return report.Graph(s.Writer, d.plan, d.o.Full)
			}
			return report.PlanTo(s, d.plan, d.planShow(s))
		})
	}
	current := d.state.Current()
	if d.o.Op != diff.OpDelete && d.plan.Empty() && len(d.plan.Refused) == 0 && current != nil && current.Status != release.Deployed {
		report.Resumed(d.stderr, current, d.now())
	}
	if d.o.Quiet || d.plan.Empty() && !d.plan.HooksChanged && len(d.plan.Refused) == 0 && d.o.Op != diff.OpDelete && !d.letsGo() {
		return nil
	}
	return report.Plan(d.stderr, d.plan, report.PlanOptions{
		Color: d.colorFor(d.stderrTerminal), Full: d.o.Full, MaxLines: maxPlanLines, ShowSecrets: d.o.ShowSecrets, Summary: d.o.Summary,
	})
}

func (d *deployment) planShow(s report.Sink) report.PlanOptions {
	return report.PlanOptions{Color: s.Color, Full: d.o.Full, Summary: d.o.Summary, ShowSecrets: d.o.ShowSecrets}
}

// savePlans writes the plan to the files that were asked for; what is left in
// Outputs are forms of reports.
func (d *deployment) savePlans() error {
	var reports []output
	for _, o := range d.o.Outputs {
		if o.Format != report.SavedPlan {
			reports = append(reports, o)
			continue
		}
		if err := d.savePlan(o.File); err != nil {
			return err
		}
	}
	d.o.Outputs = reports
	return nil
}

// refused ends a run whose plan is refused: every reason is printed, and the
// gravest gives the exit code.
func (d *deployment) refused() error {
	return refusedPlan(d.plan)
}

// verdict is the exit code of a plan that is only shown.
func (d *deployment) verdict() error {
	switch {
	case d.o.Op == diff.OpDrift && len(report.Drifted(d.plan)) == 0, d.plan.Empty() && !d.plan.HooksChanged && d.o.Op != diff.OpDelete && d.o.Op != diff.OpDrift:
		return nil
	}
	return exitWith(exitChanges)
}

// ask asks before the first write, where somebody is there to answer. A delete
// wants the release's name typed.
func (d *deployment) ask() error {
	question, want := report.Question(d.o.Op, d.target)
	if d.o.Op == diff.OpAdopt {
		question = report.AdoptQuestion(d.o.Helm, d.target)
	}
	return d.askTo(question, want)
}

// askTo asks a question that only the wanted answer says yes to.
func (d *deployment) askTo(question, want string) error {
	switch {
	case d.o.Yes:
		return nil
	case !d.stdinTerminal || !d.stderrTerminal:
		if !d.asked {
			d.asked = true
			fmt.Fprintln(d.stderr, "not a terminal: going ahead without asking")
		}
		return nil
	}
	fmt.Fprint(d.stderr, question)
	answer, err := d.readAnswer()
	if err != nil {
		return err
	}
	if answer == want || want == "y" && strings.EqualFold(answer, "yes") {
		return nil
	}
	return &failure{code: exitError, message: "declined; nothing was changed"}
}

// readAnswer reads a line from the terminal, or ends with the first signal.
func (d *deployment) readAnswer() (string, error) {
	type line struct {
		text string
		err  error
	}
	answers := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(d.stdin).ReadString('\n')
		answers <- line{strings.TrimSpace(text), err}
	}()
	select {
	case a := <-answers:
		if a.err != nil && a.text == "" {
			fmt.Fprintln(d.stderr)
			return "", nil // end of input: no answer is a no
		}
		return a.text, nil
	case <-d.stopping:
		fmt.Fprintln(d.stderr)
		return "", errInterrupted
	}
}

// lock takes the release's lock, and shows who holds it while waiting.
func (d *deployment) lock(ctx context.Context) (*release.Lock, error) {
	shown := false
	waiting := func(h release.Holder) {
		if !shown {
			shown = true
			fmt.Fprintln(d.stderr, report.WaitingForLock(d.target.Release, h, d.now()))
		}
	}
	lock, err := d.store.Lock(ctx, d.target.Release, d.o.LockTimeout, waiting)
	return lock, lockFailure(err)
}

// progress shows a run as it goes.
func (d *deployment) progress(began time.Time) *report.Progress {
	return report.NewProgress(d.stderr, report.ProgressOptions{
		Plan: d.plan, Began: began, Now: d.now, Quiet: d.o.Quiet,
		Color: d.colorFor(d.stderrTerminal), Terminal: d.stderrTerminal, Size: d.size,
	})
}
