package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/internal/report"
	"github.com/belay-sh/belay/render"
)

func newTestCmd(e *env) *cobra.Command {
	o := deployOptions{Op: diff.OpTest, Yes: true, MaxDelete: -1, Concurrency: defaultConcurrency}
	formats := outputFlag{allowed: []report.Format{report.Text, report.JSON, report.YAML, report.Events}}
	c := &cobra.Command{
		Use:   "test RELEASE",
		Short: "Run the tests of a release",
		Long: `Runs the tests that the release's bundle brought: hooks of the event test
(helm.sh/hook: test, or belay.sh/run: test), as they were recorded. It holds the
release's lock meanwhile, and records how they went: belay get hooks shows it.
A test that fails ends it with exit 6.`,
		Example: `  belay test shop -n shop
  belay test shop -n shop --logs
  belay test shop -n shop --filter name=smoke
  belay test shop -n shop --filter '!name=load'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return deployNamed(c, e, o, args[0], &formats)
		},
	}
	fs := c.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&o.Filters, "filter", nil, "run only the tests of a `name=NAME`, or all but those of !name=NAME; repeatable")
	fs.BoolVar(&o.Logs, "logs", false, "show what the tests print, while they run")
	fs.Var((*runTime)(&o.Timeout), "timeout", "time for all tests (default: the bundle's, else 10m)")
	fs.DurationVar(&o.LockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another run; 0 fails at once")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "only the result and what went wrong")
	fs.CountVarP(&o.Verbose, "verbose", "v", "say more: decisions and retries; -vv: requests")
	fs.VarP(&formats, "output", "o", "`FORMAT[=FILE]`: "+formats.names()+"; with a file, the text stays; repeatable")
	return withExits(c, exitOK, exitError, exitInput, exitRefused, exitPermission, exitUnhealthy, exitTimeout, exitLocked, exitInterrupted)
}

// reportTests says how the tests went, for people and in every form that was asked
// for, and gives the exit code.
func (d *deployment) reportTests(result *apply.Result, took time.Duration) error {
	end := report.Tests{
		Target: d.target, Revision: d.target.Revision, Result: result, Runs: d.kept(result).Hooks,
		Total: d.plan.Counts()[diff.Run], Took: took, Flags: d.hintFlags(d.target.Namespace), Plan: d.plan,
	}
	report.WriteTests(d.stderr, end, d.colorFor(d.stderrTerminal))
	if err := d.testDocuments(end); err != nil {
		return err
	}
	if code := exitOf(result); code != exitOK {
		return exitWith(code)
	}
	return nil
}

func (d *deployment) testDocuments(end report.Tests) error {
	if len(d.o.Outputs) == 0 {
		return nil
	}
	return d.write(d.o.Outputs, report.Text, func(s report.Sink) error {
		if s.Format == report.Text {
			return nil
		}
		return report.TestsDocument(s, end)
	})
}

// wantTests is what the current revision wanted; only its tests are planned.
func (d *deployment) wantTests(ctx context.Context, s *release.State) (*render.Wanted, error) {
	current := s.Current()
	if current == nil {
		return nil, d.noRelease()
	}
	wanted, err := d.recorded(ctx, s)
	if err != nil {
		return nil, err
	}
	names := testNames(wanted.AllHooks())
	if len(names) == 0 {
		return nil, inputError(fmt.Sprintf("release %s has no tests", d.target.Release)).
			hint("a test is an object with the annotation belay.sh/run: test, or helm.sh/hook: test")
	}
	d.o.Tests, err = filterTests(names, d.o.Filters)
	return wanted, err
}

func testNames(hooks []object.Object) []string {
	var names []string
	for _, o := range hooks {
		h, err := policy.HookOf(o)
		if err == nil && slices.Contains(h.Events, policy.Test) {
			names = append(names, o.ID().Name)
		}
	}
	return names
}

// filterTests chooses tests as Helm does: those named, less those excluded.
func filterTests(names, filters []string) ([]string, error) {
	var only, but []string
	for _, f := range filters {
		rest, not := strings.CutPrefix(strings.TrimSpace(f), "!")
		name, ok := strings.CutPrefix(rest, "name=")
		switch {
		case !ok || name == "":
			return nil, inputError(fmt.Sprintf("--filter %q: it is name=NAME or !name=NAME", f))
		case !slices.Contains(names, name):
			return nil, inputError(fmt.Sprintf("--filter %s: there is no test %s; there are %s", f, name, strings.Join(names, ", ")))
		case not:
			but = append(but, name)
		default:
			only = append(only, name)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(but, name) || len(only) > 0 && !slices.Contains(only, name)
	})
	if len(chosen) == 0 {
		return nil, inputError("the filters leave no test")
	}
	return chosen, nil
}
