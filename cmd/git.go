package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/belay-sh/belay/diff"
	"github.com/belay-sh/belay/internal/release"
)

// gitCommit is the commit that a bundle's directory is at, or "" where there is
// none, or no git. A "+" says that the bundle differs from it.
func gitCommit(path string) string {
	if path == "-" {
		return ""
	}
	dir := dirOf(path)
	commit, err := exec.Command("git", "-C", dir, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	name := strings.TrimSpace(string(commit))
	changes, err := exec.Command("git", "-C", dir, "status", "--porcelain", "--", ".").Output()
	if err == nil && len(changes) > 0 {
		name += "+"
	}
	return name
}

func dirOf(path string) string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}

// refuseDowngrade refuses, where --no-downgrade asks for that, a bundle whose
// commit does not come after the one that is in force: a pipeline that was slow
// must not undo a later one. What cannot be told is refused too.
func (d *deployment) refuseDowngrade(ctx context.Context) {
	if !d.o.NoDowngrade || d.o.Op != diff.OpApply {
		return
	}
	number, was := commitInForce(d.state)
	is := gitCommit(d.o.Bundle)
	if d.o.Saved != nil {
		is = d.o.Saved.Git
	}
	refuse := func(code int, message, hint string) {
		d.plan.Refused = append(d.plan.Refused, diff.Refusal{Code: code, Message: message + "; nothing was changed", Hints: []string{hint}})
	}
	switch {
	case is == "":
		refuse(diff.RefusedInput, "--no-downgrade: the bundle is in no git checkout, or git is not installed",
			"leave out --no-downgrade, or apply from a checkout")
		return
	case was == "":
		return // nothing says that there is anything newer
	}
	from, to := strings.TrimSuffix(was, "+"), strings.TrimSuffix(is, "+")
	dir := "."
	if d.o.Saved == nil {
		dir = dirOf(d.o.Bundle)
	}
	var exit *exec.ExitError
	switch err := exec.CommandContext(ctx, "git", "-C", dir, "merge-base", "--is-ancestor", from, to).Run(); {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		refuse(diff.RefusedByRule, fmt.Sprintf("refused: revision %d of %s is from commit %s, and commit %s does not come after it",
			number, d.target.Release, from, to), "rebase onto what is deployed; or go back on purpose: belay rollback, or leave out --no-downgrade")
	default:
		refuse(diff.RefusedByRule, fmt.Sprintf("refused: it cannot be told whether commit %s comes after %s of revision %d: git does not find one of them here",
			to, from, number), "a shallow clone knows too little: git fetch --unshallow")
	}
}

// commitInForce is the commit of what was last meant to be there, and its revision:
// a rollback brings back that of the revision it goes to.
func commitInForce(s *release.State) (number int, commit string) {
	current := s.Current()
	if current != nil && current.RollbackTo != 0 {
		current = s.Find(current.RollbackTo)
	}
	if current == nil {
		return 0, ""
	}
	return current.Number, current.Git
}
