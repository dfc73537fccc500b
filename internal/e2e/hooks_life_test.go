package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// tested is a bundle with a hook and two tests, of which one fails.
const tested = `apiVersion: v1
kind: ConfigMap
metadata: {name: config}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {belay.sh/run: before}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.example/migrate:1"}]
---
apiVersion: v1
kind: Pod
metadata:
  name: good
  annotations: {belay.sh/run: test, playground.belay.sh/behavior: complete=1s}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "registry.example/test:1"}]
---
apiVersion: v1
kind: Pod
metadata:
  name: bad
  annotations: {belay.sh/run: test, playground.belay.sh/behavior: crash-loop=3, playground.belay.sh/log: "the answer was 42"}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "registry.example/test:1"}]
`

// All that it does, it does with exactly the Role that belay prints.
func TestATestThatFailsIsToldAndRecorded(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	bundle := e.Write("tested.yaml", tested)
	e.grant("deployer", e.Must(0, "rbac", bundle, "-r", "tested", "-n", e.NS).Stdout)
	as := func(args ...string) []string { return append(args, "-n", e.NS, "--as", "deployer") }

	made := e.Must(0, as("apply", bundle, "-r", "tested")...)
	if strings.Contains(made.Stderr, "you may not") {
		t.Errorf("the Role lacks rights for hooks:\n%v", made)
	}
	failed := e.Must(6, as("test", "tested")...)
	for _, want := range []string{
		"Pod/bad is not ready: test hook failed", "exited 3", "the answer was 42", "tested.yaml:",
		"1 of 2 tests of tested revision 1 failed", "belay get hooks tested",
	} {
		if !strings.Contains(failed.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, failed)
		}
	}
	document := e.Must(6, as("test", "tested", "-o", "json", "--lock-timeout", "0")...)
	if !strings.Contains(document.Stdout, `"outcome": "failed"`) {
		t.Errorf("the document does not say how it went:\n%v", document)
	}
	e.Must(0, as("test", "tested", "--filter", "name=good")...)
	e.Must(3, as("test", "tested", "--filter", "name=none")...)
	// How tests went belongs to the revision that they test.
	if d := cmp.Diff([]string{"deployed"}, e.Statuses("tested")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	hooks := e.Must(0, as("get", "hooks", "tested")...)
	for _, want := range []string{"Pod/good", "test: complete", "Pod/bad", "exit 3", "the answer was 42", "Job.batch/migrate"} {
		if !strings.Contains(hooks.Stdout, want) {
			t.Errorf("the revision does not know %q:\n%v", want, hooks)
		}
	}
	e.Must(0, as("delete", "tested", "--yes")...)
}

func TestARunThatIsKilledInsideAHookIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.migrating()
	e.Must(0, "apply", bundle, "-n", e.NS)
	job := "/apis/batch/v1/namespaces/" + e.NS + "/jobs/migrate"

	upgrade := []string{"apply", bundle, "-n", e.NS, "--set", "color=red", "--set", "behavior=complete=5s"}
	killed := e.Run(Run{Args: upgrade, Unchecked: true, Signal: &Signal{
		Signal: syscall.SIGKILL, At: 1, Match: func(r proxy.Request) bool { return r.Watch && strings.HasSuffix(r.Path, "/jobs") },
	}})
	if !killed.Signaled {
		t.Fatalf("it never waited for the hook:\n%v", killed)
	}
	first, err := e.API.Get(job)
	if err != nil {
		t.Fatalf("it was killed before the hook ran: %v\n%v", err, killed)
	}
	e.Must(0, upgrade...)
	second, err := e.API.Get(job)
	if err != nil || second.GetUID() == first.GetUID() {
		t.Errorf("the hook did not run again (%v)", err)
	}
	if runs := e.runsOf("migrating"); len(runs) != 1 || !strings.HasPrefix(runs["pre-upgrade migrate"], "succeeded") {
		t.Errorf("the hook's runs are %v", runs)
	}
	if d := cmp.Diff([]string{"superseded", "interrupted", "deployed"}, e.Statuses("migrating")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestARollbackThatFailsTooIsToldApart(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", hooked, "-r", "h", "-n", e.NS, "--set", "fail=check") // a hook of rollbacks
	r := e.Must(10, "apply", hooked, "-r", "h", "-n", e.NS, "--set", "color=red", "--set", "fail=migrate", "--on-failure", "rollback")
	cause, second := strings.Index(r.Stderr, "pre-upgrade hook failed"), strings.Index(r.Stderr, "pre-rollback hook failed")
	if cause < 0 || second < cause {
		t.Errorf("it does not say why it failed, and then why it could not go back:\n%v", r)
	}
	if d := cmp.Diff([]string{"deployed", "failed", "failed"}, e.Statuses("h")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestWithoutWaitingARunEndsWhenAllIsWritten(t *testing.T) {
	t.Parallel()
	e := New(t)
	const never = `apiVersion: apps/v1
kind: Deployment
metadata: {name: never}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}, annotations: {playground.belay.sh/behavior: not-ready}}
    spec: {containers: [{name: main, image: "registry.example/never:1", readinessProbe: {exec: {command: ["true"]}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: after, annotations: {belay.sh/run: after}}
`
	const old = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: old}}\n"
	e.Must(0, "apply", e.Write("1.yaml", never+old), "-r", "never", "-n", e.NS, "--no-wait")
	r := e.Must(0, "apply", e.Write("2.yaml", strings.Replace(never, "never:1", "never:2", 1)), "-r", "never", "-n", e.NS, "--no-wait")
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/old"); !isNotFound(err) {
		t.Errorf("what is gone from the bundle was not pruned (%v):\n%v", err, r)
	}
	if runs := e.runsOf("never"); runs["post-upgrade after"] != "succeeded" {
		t.Errorf("the hook after it did not run: %v\n%v", runs, r)
	}
	if history := e.Must(0, "history", "never", "-n", e.NS); strings.Count(history.Stdout, "not waited for") != 2 {
		t.Errorf("the revisions do not say that nobody waited:\n%v", history)
	}
	e.Must(7, "apply", e.Write("3.yaml", strings.Replace(never, "never:1", "never:3", 1)), "-r", "never", "-n", e.NS, "--timeout", "5s")
}
