package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fifteen is the bundle of 15 objects that most tests deploy; version 2 changes
// most of them, removes one and adds one.
const fifteen = "internal/e2e/testdata/fifteen"

func TestOneImageTagChangesOneLineOfOneWorkload(t *testing.T) {
	t.Parallel()
	e := New(t)
	shop := []string{"examples/microservices", "-e", "dev", "-n", e.NS}
	e.Must(0, append([]string{"apply"}, shop...)...)

	diff := e.Must(2, append([]string{"diff", "--set", "front.image.tag=3.14-alpine"}, shop...)...)
	want := []string{
		"-   image: docker.io/library/python:3.13-alpine",
		"+   image: docker.io/library/python:3.14-alpine",
	}
	if d := cmp.Diff(want, changedLines(diff.Stdout)); d != "" {
		t.Errorf("the diff shows more or less than the image (-want +got):\n%s\n%v", d, diff)
	}
	if n := strings.Count(diff.Stdout, "\n~ "); n != 1 && !strings.HasPrefix(diff.Stdout, "~ ") {
		t.Errorf("%d objects change, want one:\n%v", n, diff)
	}
	if strings.Contains(diff.Stdout, "/api") {
		t.Errorf("the other application is in the diff:\n%v", diff)
	}
}

func TestRollbackRestoresWhatWasAndDeleteLeavesNothing(t *testing.T) {
	t.Parallel()
	e := New(t)
	password := e.Secret("tAb1eau-n0ir")
	v1 := []string{"apply", fifteen, "-n", e.NS, "--set", "password=" + password}
	e.Must(0, v1...)
	first := e.Settled().Of("fifteen")
	if len(first) != 15 {
		t.Errorf("%d objects carry the release's label, want 15: %v", len(first), slices.Sorted(maps.Keys(first.Versions())))
	}

	e.Must(2, append(append([]string{"diff"}, v1[1:]...), "--set", "version=2")...)
	e.Must(0, append(v1, "--set", "version=2")...)
	second := e.Settled().Of("fifteen").Stored(e.NS)
	if _, stayed := second["ConfigMap/only-1"]; stayed {
		t.Error("ConfigMap/only-1 left the bundle and was not pruned")
	}

	e.Must(0, "rollback", "fifteen", "-n", e.NS)
	now := e.Settled().Of("fifteen")
	if d := cmp.Diff(first.Stored(e.NS), now.Stored(e.NS)); d != "" {
		t.Errorf("the rollback did not restore the first revision (-first +now):\n%s", d)
	}
	e.Must(0, "history", "fifteen", "-n", e.NS)
	e.Must(0, "list", "-n", e.NS)
	e.Must(0, "get", "manifest", "fifteen", "-n", e.NS)

	e.Must(0, "delete", "fifteen", "-n", e.NS, "--yes")
	e.mustBeEmpty()
}

func TestTheSameApplyNeedsNoRequestPerObject(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", fifteen, "-n", e.NS)
	again := e.Must(0, "apply", fifteen, "-n", e.NS)
	if dry := again.Requests.Where(isDryRun); len(dry) > 0 {
		t.Errorf("nothing changed, and the server was asked about objects one by one:\n%v", dry)
	}
}

func TestADiffNeedsNoNamespace(t *testing.T) {
	t.Parallel()
	e := New(t)
	diff := e.Must(2, "diff", "examples/microservices", "-e", "prod", "-n", e.NS)
	if !strings.Contains(diff.Stdout, "+ Namespace/"+e.NS) {
		t.Errorf("the missing namespace is not part of the plan:\n%v", diff)
	}
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS); err == nil {
		t.Error("the diff made the namespace")
	}
}

func TestAnImageThatCannotBePulledIsNoticedAndExplained(t *testing.T) {
	t.Parallel()
	e := New(t)
	shop := []string{"apply", "examples/microservices", "-e", "dev", "-n", e.NS}
	e.Must(0, shop...)

	began := time.Now()
	broken := e.Must(6, append(shop, "--set", "front.image.repository=registry.invalid/front")...)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v to notice", took)
	}
	for _, want := range []string{
		"Deployment.apps/front is not ready", "because Pod/front-", "cannot pull registry.invalid/front:3.13-alpine",
		"templates/front.yaml", "describe pod front-", "belay rollback shop",
	} {
		if !strings.Contains(broken.Stderr, want) {
			t.Errorf("the explanation lacks %q:\n%v", want, broken)
		}
	}
	if unhealthy := e.Must(6, "status", "shop", "-n", e.NS); !strings.Contains(unhealthy.Stdout, "front") {
		t.Errorf("status does not name what is not ready:\n%v", unhealthy)
	}
	if r := e.Must(3, "rollback", "shop", "9", "-n", e.NS); !strings.Contains(r.Stderr, "release shop has no revision 9") || !strings.Contains(r.Stderr, "it has: 1, 2") {
		t.Errorf("a revision that is not there is not explained:\n%v", r)
	}
	e.Must(0, "rollback", "shop", "-n", e.NS)
	e.Must(0, "status", "shop", "-n", e.NS)
}

func TestACrashIsExplainedByItsLastLines(t *testing.T) {
	t.Parallel()
	e := New(t)
	crash := e.Write("crash.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: crash}
spec:
  selector: {matchLabels: {app: crash}}
  template:
    metadata:
      labels: {app: crash}
      annotations: {playground.belay.sh/behavior: crash-loop}
    spec:
      containers:
      - {name: main, image: registry.example/crash:1}
`)
	r := e.Must(6, "apply", crash, "-r", "crash", "-n", e.NS)
	for _, want := range []string{"Deployment.apps/crash is not ready", "because container main of Pod/crash-", "exited"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("the explanation lacks %q:\n%v", want, r)
		}
	}
}

func TestPlainManifestsCanComeFromStdin(t *testing.T) {
	t.Parallel()
	e := New(t)
	manifest := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n"
	if r := e.Run(Run{Args: []string{"apply", "-", "-r", "plain", "-n", e.NS}, Stdin: manifest}); r.Exit != 0 {
		t.Fatal(r)
	}
	if len(e.All().Of("plain")) != 1 {
		t.Error("the ConfigMap is not there")
	}
}

func TestACreatedBundleDeploys(t *testing.T) {
	t.Parallel()
	e := New(t)
	dir := e.Write("x", "") + "-dir/shop"
	e.Must(0, "create", dir)
	e.Must(0, "apply", dir, "-n", e.NS)
}
