package cmd

import (
	"os"
	"os/user"

	"github.com/belay-sh/belay/internal/release"
)

// who is recorded as the author of revisions and the holder of locks.
func (e *env) who() release.Who {
	return release.Who{By: e.author(), PID: os.Getpid(), Job: e.job()}
}

func (e *env) author() string {
	for _, name := range []string{
		"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID", "CIRCLE_USERNAME", "BUILDKITE_BUILD_CREATOR_EMAIL",
		"BUILD_REQUESTEDFOR", "DRONE_COMMIT_AUTHOR",
	} {
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
	if id := e.getenv("BUILD_BUILDID"); id != "" && e.getenv("SYSTEM_COLLECTIONURI") != "" { // Azure
		return e.getenv("SYSTEM_COLLECTIONURI") + e.getenv("SYSTEM_TEAMPROJECT") + "/_build/results?buildId=" + id
	}
	if number := e.getenv("BITBUCKET_BUILD_NUMBER"); number != "" {
		return "https://bitbucket.org/" + e.getenv("BITBUCKET_REPO_FULL_NAME") + "/pipelines/results/" + number
	}
	// GitLab, Jenkins, CircleCI, Buildkite, Drone, Woodpecker, Travis.
	for _, name := range []string{
		"CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "DRONE_BUILD_LINK", "CI_PIPELINE_URL", "TRAVIS_BUILD_WEB_URL",
	} {
		if url := e.getenv(name); url != "" {
			return url
		}
	}
	return ""
}
