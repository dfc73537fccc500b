package e2e

import (
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// holdable are three objects, one of which a finalizer holds.
const holdable = `{apiVersion: v1, kind: ConfigMap, metadata: {name: stays}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: free}}
`

const stays = "{apiVersion: v1, kind: ConfigMap, metadata: {name: stays}}\n"

// letGo takes the finalizer off the object that is held.
func (e *Env) letGo() {
	e.t.Helper()
	path := "/api/v1/namespaces/" + e.NS + "/configmaps/held"
	if err := e.API.Do(http.MethodPatch, path, "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), nil); err != nil {
		e.t.Error(err)
	}
}

// says runs belay, which must end with an exit code and say some words; it checks
// nothing that holds only when all is gone.
func (e *Env) says(exit int, words []string, args ...string) *Result {
	e.t.Helper()
	r := e.Run(Run{Args: args, Unchecked: true})
	if r.Exit != exit {
		e.t.Fatalf("want exit %d, got\n%v", exit, r)
	}
	for _, want := range words {
		if !strings.Contains(r.Stdout+r.Stderr, want) {
			e.t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
	return r
}

func TestWithoutWaitingADeletionGoesOnAndIsNotForgotten(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("held.yaml", holdable)
	run := []string{"apply", path, "-r", "held", "-n", e.NS}
	e.Must(0, run...)
	e.Write("held.yaml", stays)
	const notGone = "not gone yet: ConfigMap/held (waits for example.com/hold)"
	r := e.says(0, []string{notGone, "not waited for"}, append(run, "--no-wait")...)
	if strings.Contains(r.Stderr, "not gone yet: ConfigMap/free") {
		t.Errorf("it takes what is gone for going:\n%v", r)
	}
	again := e.says(0, []string{"nothing to change", notGone}, append(run, "--no-wait")...)
	if n := len(again.Requests.Mutating()); n > 0 {
		t.Errorf("with nothing to do it wrote %d times:\n%v", n, again)
	}
	e.says(2, []string{"- ConfigMap/held", "is being deleted already"}, "diff", path, "-r", "held", "-n", e.NS)
	e.says(0, []string{"ConfigMap/held", "being deleted", ", not waited for"}, "status", "held", "-n", e.NS)

	// Who waits is told what holds it, and who does not goes on from there.
	e.says(7, []string{"the finalizer example.com/hold holds it"}, append(run, "--timeout", "2s")...)
	e.says(0, []string{notGone}, append(run, "--no-wait")...)

	e.letGo()
	e.Must(0, "diff", path, "-r", "held", "-n", e.NS)
	if s := e.Must(0, "status", "held", "-n", e.NS); strings.Contains(s.Stdout, "ConfigMap/held") {
		t.Errorf("what is gone as it should is missed:\n%v", s)
	}
	e.Must(0, run...)
	e.Must(0, "delete", "held", "-n", e.NS, "--yes")
	e.mustBeEmpty()
}

// What the bundle has again must be gone before it can come, wait or not.
func TestWithoutWaitingWhatIsWantedAgainIsMadeWhenTheOldIsGone(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("held.yaml", holdable)
	run := []string{"apply", path, "-r", "held", "-n", e.NS, "--no-wait"}
	e.Must(0, run...)
	e.Write("held.yaml", stays)
	e.says(0, nil, run...)
	e.Write("held.yaml", strings.Replace(holdable, ", finalizers: [example.com/hold]", "", 1))
	var once sync.Once
	r := e.Run(Run{Args: run, Before: func(q proxy.Request) {
		if q.Method == http.MethodPatch && strings.HasSuffix(q.Path, "/configmaps/free") { // by now it waits
			once.Do(e.letGo)
		}
	}})
	if r.Exit != 0 {
		t.Fatalf("%v", r)
	}
	e.Must(0, "status", "held", "-n", e.NS)
	e.Must(0, "delete", "held", "-n", e.NS, "--yes")
	e.mustBeEmpty()
}

func TestWithoutWaitingARunThatIsKilledForgetsNoDeletion(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("held.yaml", holdable)
	run := []string{"apply", path, "-r", "held", "-n", e.NS}
	e.Must(0, run...)
	e.Write("held.yaml", stays)
	r := e.Run(Run{Args: append(run, "--no-wait"), Unchecked: true, Signal: &Signal{
		Signal: syscall.SIGKILL, At: 1, After: true,
		Match: func(q proxy.Request) bool {
			return q.Method == http.MethodDelete && strings.HasSuffix(q.Path, "/configmaps/held")
		},
	}})
	if r.Exit != -1 {
		t.Fatalf("it was not killed:\n%v", r)
	}
	e.says(2, []string{"- ConfigMap/held", "is being deleted already"}, "diff", path, "-r", "held", "-n", e.NS)
	e.says(0, []string{"not gone yet: ConfigMap/held"}, append(run, "--no-wait")...)
	e.letGo()
	e.Must(0, "status", "held", "-n", e.NS)
	e.Must(0, run...)
}
