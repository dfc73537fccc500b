package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

func TestAStuckDeletionNamesWhatHoldsItAndGoesOn(t *testing.T) {
	t.Parallel()
	e := New(t)
	manifest := e.Write("held.yaml", `{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: free}}
`)
	e.Must(0, "apply", manifest, "-r", "held", "-n", e.NS)
	r := e.Must(7, "delete", "held", "-n", e.NS, "--yes", "--timeout", "5s")
	for _, want := range []string{
		"ConfigMap/held is not gone", "the finalizer example.com/hold holds it, set by the bundle; its controller has to remove it",
		"deleting held timed out", "1 of 2 changes done", "go on: the same command",
	} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
	if s := e.Belay("status", "held", "-n", e.NS); s.Exit == 1 || !strings.Contains(s.Stdout, "held") {
		t.Errorf("the status of a release that is half deleted cannot be read:\n%v", s)
	}
	path := "/api/v1/namespaces/" + e.NS + "/configmaps/held"
	if err := e.API.Do(http.MethodPatch, path, "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), nil); err != nil {
		t.Fatal(err)
	}
	e.Must(0, "delete", "held", "-n", e.NS, "--yes")
	e.mustBeEmpty()
}

func TestAKilledDeleteIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	// It sends about 15 deletions, as many looks, and a few records.
	for _, point := range sample(2, 25) {
		t.Run(fmt.Sprintf("write %d", point+1), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			e.deployFirst(small)
			r := e.Run(Run{
				Args:   []string{"delete", "fifteen", "-n", e.NS, "--yes"},
				Signal: &Signal{Signal: syscall.SIGKILL, At: point + 1, After: point%2 == 0, Match: proxy.Request.Mutating},
			})
			if r.Exit == 0 {
				return // it sends fewer
			}
			// Killed after its very last request, it has nothing left to delete.
			again := e.Belay("delete", "fifteen", "-n", e.NS, "--yes")
			if again.Exit != 0 && !strings.Contains(again.Stderr, "there is no release fifteen") {
				t.Errorf("the same command did not finish it:\n%v\nafter\n%v", again, r)
			}
			e.mustBeEmpty()
		})
	}
}

func TestANamespaceGoesOnlyOnRequestAndSaysWhatElseLivesInIt(t *testing.T) {
	t.Parallel()
	e := New(t)
	manifest := e.Write("one.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}\n")
	e.Must(0, "apply", manifest, "-r", "one", "-n", e.NS)
	e.Must(0, "apply", e.Write("two.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: two}}\n"), "-r", "two", "-n", e.NS)
	plan := e.Must(2, "delete", "one", "-n", e.NS, "--delete-namespace", "--dry-run")
	for _, want := range []string{"Namespace/" + e.NS, "takes 2 objects with it that the release does not delete: ConfigMap/two, the release two"} {
		if !strings.Contains(plan.Stdout+plan.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, plan)
		}
	}
	r := e.Must(0, "delete", "one", "-n", e.NS, "--delete-namespace", "--yes")
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS); !isNotFound(err) {
		t.Errorf("the namespace is still there (%v):\n%v", err, r)
	}
}

func TestAPortThatTwoServicesCannotHoldIsFreedFirstOnRequest(t *testing.T) {
	t.Parallel()
	e := New(t)
	service := func(name string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {type: NodePort, selector: {app: a}, ports: [{port: 80, nodePort: 31977}]}}\n", name)
	}
	path := e.Write("ports.yaml", service("old"))
	run := []string{"apply", path, "-r", "ports", "-n", e.NS}
	e.Must(0, run...)
	e.Write("ports.yaml", service("new"))
	refused := e.Must(3, run...)
	for _, want := range []string{"its port or address is held by Service/old", "--prune-first"} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, refused)
		}
	}
	e.Must(0, append(run, "--prune-first")...)
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/services/new"); err != nil {
		t.Error(err)
	}
}

func TestADeletionThatLeftOnlyItsNamespaceSaysWhatToWaitFor(t *testing.T) {
	t.Parallel()
	e := New(t)
	const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	e.Must(0, "apply", e.Write("a.yaml", manifest), "-r", "a", "-n", e.NS)
	configs := "/api/v1/namespaces/" + e.NS + "/configmaps"
	if err := e.API.Create(configs, []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.merge(configs+"/held", "test", `{"metadata":{"finalizers":null}}`) })
	wait := "kubectl wait --for=delete namespace/" + e.NS
	args := []string{"delete", "a", "-n", e.NS, "--delete-namespace", "--timeout", "3s"}
	if r := e.Run(Run{Args: args, Unchecked: true}); r.Exit != 7 || !strings.Contains(r.Stderr, "nothing is left to do but to wait: "+wait) {
		t.Error(r)
	}
	e.Until("its records are gone with it", func() (bool, error) {
		_, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/secrets/belay.a")
		return err != nil, nil
	})
	r := e.Run(Run{Args: args, Unchecked: true})
	if r.Exit != 7 || !strings.Contains(r.Stderr, "release a is gone; namespace "+e.NS+" is being deleted") || !strings.Contains(r.Stderr, wait) {
		t.Error(r)
	}
}
