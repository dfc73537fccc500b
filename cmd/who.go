package cmd

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/belay-sh/belay/internal/release"
)

// who is recorded as the author of revisions and the holder of locks.
func (e *env) who() release.Who {
	return release.Who{By: e.author(), PID: os.Getpid(), Job: e.job()}
}

func (e *env) author() string {
	for _, name := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN"} {
		if actor := e.getenv(name); actor != "" {
			return actor
		}
	}
	name := e.getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		return name + "@" + host
	}
	return name
}

// job is the URL of the CI job that runs us, or "".
func (e *env) job() string {
	if run := e.getenv("GITHUB_RUN_ID"); run != "" {
		return e.getenv("GITHUB_SERVER_URL") + "/" + e.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + run
	}
	for _, name := range []string{"CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL"} {
		if url := e.getenv(name); url != "" {
			return url
		}
	}
	return ""
}

// gitCommit is the commit that a bundle's directory is at, or "" where there is
// none, or no git. A "+" says that the bundle differs from it.
func gitCommit(path string) string {
	if path == "-" {
		return ""
	}
	dir := path
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		dir = filepath.Dir(path)
	}
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
