package report

import (
	"fmt"
	"io"
	"time"

	"github.com/belay-sh/belay/internal/release"
)

// Request writes one try of a request, for -vv. It never holds a body.
func Request(w io.Writer, method, path string, status int, took time.Duration, err error) {
	answer := itoa(status)
	if err != nil {
		answer = Clean(err.Error())
	}
	fmt.Fprintf(w, "%s %s: %s in %s\n", method, Clean(path), answer, took.Round(100*time.Microsecond))
}

// Retry writes that a request is sent again, and why, for -v.
func Retry(w io.Writer, method, path string, try int, wait time.Duration, err error) {
	fmt.Fprintf(w, "retrying %s %s in %s, after try %d: %s\n", method, Clean(path), wait.Round(time.Millisecond), try, Clean(err.Error()))
}

// SlowRetry writes why something takes its time: a request is sent again and again.
func SlowRetry(w io.Writer, took time.Duration, err error) {
	fmt.Fprintf(w, "retrying for %s: %s\n", Duration(took.Truncate(time.Second)), briefly(Clean(err.Error())))
}

// ServerWarning writes a warning that the API server sent.
func ServerWarning(w io.Writer, text string) {
	fmt.Fprintf(w, "warning: the server says: %s\n", Clean(text))
}

// Resumed says why there is a run though there is nothing to change: the
// revision before did not succeed.
func Resumed(w io.Writer, r *release.Revision, now time.Time) {
	became := map[release.Status]string{release.Failed: "failed", release.Interrupted: "was interrupted"}[r.Status]
	if became == "" {
		became = "was " + string(r.Status)
	}
	fmt.Fprintf(w, "nothing to change, but revision %d %s %s ago; waiting until all is ready\n", r.Number, became, Age(now, r.When))
}

// PlanSaved says where a plan was written, and what to know about the file.
func PlanSaved(w io.Writer, file string, secrets int) {
	text := "the plan is in " + Clean(file) + "; belay apply --plan " + Quote(file) + " carries it out"
	if secrets > 0 {
		text += "\nit holds " + count(secrets, "Secret") + " in clear: only you can read it, keep it so"
	}
	_, _ = io.WriteString(w, text+"\n") // there is nowhere to complain
}
