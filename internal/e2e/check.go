package e2e

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// reading are the commands that write nothing, ever.
var reading = []string{"", "create", "render", "values", "diff", "drift", "rbac", "status", "list", "ls", "history", "get", "version", "help", "__complete"}

// check holds a run to what must hold after every run.
func (e *Env) check(run Run, r *Result) {
	e.t.Helper()
	e.checkLeaks(r)
	written := r.Requests.Mutating()
	if slices.Contains(reading, verb(run.Args)) || has(run.Args, "--dry-run") {
		if len(written) > 0 {
			e.t.Errorf("a command that only reads wrote:\n%v\n%v", written, r)
		}
		return
	}
	switch {
	case r.Exit == 3 || r.Exit == 4 || r.Exit == 5:
		if len(written) > 0 {
			e.t.Errorf("a refused run wrote:\n%v\n%v", written, r)
		}
	case r.Exit == 0 && verb(run.Args) == "apply" && !run.Unchecked:
		e.checkConverged(run)
	}
}

// checkLeaks looks for secrets in all that was printed. Printing manifests is
// what render is for.
func (e *Env) checkLeaks(r *Result) {
	e.t.Helper()
	out := r.Stderr
	if verb(r.Args) != "render" {
		out += r.Stdout
	}
	for _, secret := range e.secrets {
		if strings.Contains(out, secret) {
			e.t.Errorf("the secret %q was printed by\n%v", secret, r)
		}
	}
}

// checkConverged asserts that after an apply the next plan is empty, and that a
// second apply writes nothing and changes no object, records included.
func (e *Env) checkConverged(run Run) {
	e.t.Helper()
	again := Run{Args: run.Args, Stdin: run.Stdin, Vars: run.Vars, Unchecked: true}

	diff := again
	diff.Args = diffArgs(run.Args)
	if r := e.Run(diff); r.Exit != 0 {
		e.t.Errorf("the diff after an apply is not empty:\n%v", r)
	}
	calm := has(run.Args, "--no-wait")
	var before Objects
	if !calm {
		before = e.Settled()
	}
	r := e.Run(again)
	if r.Exit != 0 {
		e.t.Errorf("the second apply failed:\n%v", r)
	}
	if written := r.Requests.Mutating(); len(written) > 0 {
		e.t.Errorf("the second apply wrote:\n%v\n%v", written, r)
	}
	if !calm {
		if d := cmp.Diff(before.Where(isStill).Versions(), e.All().Where(isStill).Versions()); d != "" {
			e.t.Errorf("the second apply changed resourceVersions (-before +after):\n%s\n%v", d, r)
		}
	}
}

// isStill says whether nobody writes an object while nothing changes: an autoscaler
// that has no metrics is told so again and again.
func isStill(u *unstructured.Unstructured) bool { return u.GetKind() != "HorizontalPodAutoscaler" }

// diffArgs turns the command line of an apply into that of a diff.
func diffArgs(args []string) []string {
	out := []string{"diff"}
	for i := 1; i < len(args); i++ {
		switch name, _, joined := strings.Cut(args[i], "="); name {
		case "-y", "--yes", "--no-wait", "-q", "--quiet", "-v", "--verbose", "-vv":
		case "--timeout", "--lock-timeout", "--description", "--on-failure":
			if !joined {
				i++
			}
		default:
			out = append(out, args[i])
		}
	}
	return out
}
