package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// never is a Deployment whose pod never gets ready.
const never = `apiVersion: apps/v1
kind: Deployment
metadata: {name: never, annotations: {belay.sh/timeout: 3s}}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata:
      labels: {app: never}
      annotations: {playground.belay.sh/behavior: not-ready}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "registry.example/main:1"}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: after, annotations: {belay.sh/depends-on: apps/Deployment/never}}}
`

func TestAnObjectsOwnTimeEndsTheRunAndTellsWhy(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("never.yaml", never)
	r := e.Must(7, "apply", path, "-r", "never", "-n", e.NS)
	for _, want := range []string{"Deployment.apps/never is not ready", "because", "timed out after", "1 not started (create ConfigMap/after)"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
}

func TestTheRunsTimeEndsItAndTellsWhy(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("never.yaml", strings.Replace(never, "belay.sh/timeout: 3s", "example.com/x: y", 1))
	r := e.Must(7, "apply", path, "-r", "never", "-n", e.NS, "--timeout", "4s")
	if !strings.Contains(r.Stderr, "Deployment.apps/never is not ready") || !strings.Contains(r.Stderr, "wait longer with --timeout") {
		t.Errorf("it does not say what it waited for, or what to do:\n%v", r)
	}
	// What depends on it is not written before it is ready, whoever waits.
	if r := e.Must(7, "apply", path, "-r", "never", "-n", e.NS, "--timeout", "4s"); len(r.Requests.Where(isWrite)) > 0 {
		t.Errorf("the next run did not wait for what the one before had left:\n%v", r)
	}
}

func TestWhatIsNotPrunedIsNamedAndPrunedLater(t *testing.T) {
	t.Parallel()
	e := New(t)
	two := "{apiVersion: v1, kind: ConfigMap, metadata: {name: stays}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: goes}}\n"
	path := e.Write("two.yaml", two)
	run := []string{"apply", path, "-r", "two", "-n", e.NS}
	e.Must(0, run...)
	e.Write("two.yaml", two[:strings.Index(two, "---")]+"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: comes}}\n")
	r := e.Must(0, append(run, "--no-prune")...)
	if !strings.Contains(r.Stderr, "ConfigMap/goes") || len(e.All().Of("two")) != 3 {
		t.Errorf("the leftover is not named, or not there:\n%v", r)
	}
	e.Must(0, run...)
	if len(e.All().Of("two")) != 2 {
		t.Error("the leftover was forgotten")
	}
}

// A server that is away would fail the rollback too, and the bundle is not to blame.
func TestATransientErrorRollsNothingBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.deployFirst(small)
	hit := func(r proxy.Request) bool { return isWrite(r) && strings.HasSuffix(r.Path, "/configmaps/two") }
	r := e.start(Run{
		Args:  append(e.upgrade(small), "--on-failure", "rollback", "--timeout", "1m"),
		Rules: []proxy.Rule{{Match: hit, Status: http.StatusInternalServerError, Message: "it broke"}},
	})
	if r.Exit == 9 || r.Exit == 10 || strings.Contains(r.Stderr, "rolled back") || !strings.Contains(r.Stderr, "no rollback: the bundle is not to blame") {
		t.Errorf("it was rolled back:\n%v", r)
	}
}
