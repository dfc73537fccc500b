package cmd

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
)

// The exit codes. They are an interface: scripts branch on them.
const (
	exitOK             = 0
	exitError          = 1
	exitChanges        = 2
	exitInput          = 3
	exitRefused        = 4
	exitPermission     = 5
	exitUnhealthy      = 6
	exitTimeout        = 7
	exitLocked         = 8
	exitRolledBack     = 9
	exitRollbackFailed = 10
	exitInterrupted    = 130
)

// exitMeanings is the table that help prints.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{exitOK, "done; nothing to change and healthy"},
	{exitError, "any other error: the server cannot be reached, declined at the prompt"},
	{exitChanges, "diff, drift, --dry-run: there are changes"},
	{exitInput, "invalid input: usage, values, templates, manifests; no such bundle, release, revision or environment"},
	{exitRefused, "refused: conflict, ownership, immutable field, mass delete, other bundle or environment, wrong cluster, stale plan"},
	{exitPermission, "not permitted: rights or authentication are missing"},
	{exitUnhealthy, "not healthy: a rollout failed, also when nothing was to be changed"},
	{exitTimeout, "timed out, also a deletion that does not end"},
	{exitLocked, "locked by another run, or the lock was lost to it"},
	{exitRolledBack, "failed, and rolled back"},
	{exitRollbackFailed, "failed, and the rollback failed too"},
	{exitInterrupted, "interrupted by SIGINT, SIGTERM or SIGHUP"},
}

// failure is an error with an exit code and advice. Commands return one where
// they know better than exitCodeOf.
type failure struct {
	code int
	// message is the first line, without "error:". Empty means that all there is
	// to say was said already: only the code counts.
	message string
	// lines say it in detail, hints what to do next.
	lines, hints []string
	// mistakes are in the user's files; where there is only one, it stands for
	// the message.
	mistakes []*object.Error
	// refused is the plan whose refusals are the message.
	refused *diff.Plan
	// cause is the error below, or nil.
	cause error
}

func (f *failure) Error() string {
	if f.message == "" {
		return fmt.Sprintf("exit %d", f.code)
	}
	return f.message
}

func (f *failure) Unwrap() error { return f.cause }

// hint adds advice and returns f.
func (f *failure) hint(lines ...string) *failure {
	f.hints = append(f.hints, lines...)
	return f
}

// inputError is a mistake of the user's (exit 3).
func inputError(message string) *failure {
	return &failure{code: exitInput, message: message}
}

// asInput makes err a mistake of the user's (exit 3), unless it is a failure
// already or nil.
func asInput(err error) error {
	var known *failure
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &failure{code: exitInput, message: err.Error(), cause: err}
}

// refusedError says no (exit 4); nothing was written.
func refusedError(message string) *failure {
	return &failure{code: exitRefused, message: "refused: " + message + "; nothing was changed"}
}

// exitWith ends with a code and says nothing more.
func exitWith(code int) error { return &failure{code: code} }

// errInterrupted is the cause of contexts that end at the first signal.
var errInterrupted = errors.New("interrupted")

// exitCodeOf maps any error to its exit code.
func exitCodeOf(err error) int {
	var known *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &known):
		return known.code
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, release.ErrLocked), errors.Is(err, release.ErrLost):
		return exitLocked
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return exitPermission
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	default:
		return exitError
	}
}

// refusalCode is the exit code of a refused plan: of several reasons the first
// of invalid input, missing rights, refused; 0 when nothing is refused.
func refusalCode(refused []diff.Refusal) int {
	rank := map[int]int{diff.RefusedInput: 3, diff.RefusedPermission: 2, diff.RefusedByRule: 1}
	code := 0
	for _, r := range refused {
		if rank[r.Code] > rank[code] {
			code = r.Code
		}
	}
	return code
}

// refusedPlan is the error of a plan that must not be carried out.
func refusedPlan(p *diff.Plan) error {
	return &failure{code: refusalCode(p.Refused), message: "refused", refused: p}
}

// failureOf turns what a command returned into what is reported.
func failureOf(e *env, err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	if stopped(e.stopping) && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	f := &failure{code: exitCodeOf(err), message: err.Error(), cause: err}
	switch f.code {
	case exitInterrupted:
		f.message = "interrupted"
	case exitPermission:
		f.message = "not permitted: " + err.Error()
	}
	return f
}
