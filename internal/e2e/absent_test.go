package e2e

import (
	"strings"
	"sync"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// A Job that was removed, as its time to live may do, ran to its end; nobody waits for
// the Deployment.
const absent = `{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {spec: {
  restartPolicy: Never, containers: [{name: main, image: "registry.example/main:1"}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: never, annotations: {belay.sh/wait: exists}}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}, annotations: {playground.belay.sh/behavior: not-ready}}
    spec: {containers: [{name: main, image: "registry.example/main:1"}]}
`

func TestWhatIsDoneOrNotWaitedForIsHealthy(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("absent.yaml", absent)
	e.Must(0, "apply", path, "-r", "absent", "-n", e.NS)
	if err := e.API.Delete("/apis/batch/v1/namespaces/" + e.NS + "/jobs/once"); err != nil {
		t.Fatal(err)
	}
	r := e.Must(0, "status", "absent", "-n", e.NS)
	for _, want := range []string{"complete, and removed since", "0 of 1 available, not waited for"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
	r = e.Must(0, "apply", path, "-r", "absent", "-n", e.NS)
	if !strings.Contains(r.Stderr, "nothing to change: 2 objects, all ready but for 1 not waited for") {
		t.Error(r)
	}
}

func TestWhatIsDeletedWhileARunWaitsForItEndsTheRun(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("never.yaml", strings.Replace(never, "belay.sh/timeout: 3s", "example.com/x: y", 1))
	at := "/apis/apps/v1/namespaces/" + e.NS + "/deployments/never"
	var once sync.Once
	r := e.Run(Run{Args: []string{"apply", path, "-r", "never", "-n", e.NS}, Before: func(r proxy.Request) {
		if strings.HasSuffix(r.Path, "/pods") { // looked at when it takes its time
			once.Do(func() {
				if err := e.API.Delete(at); err != nil {
					t.Error(err)
				}
			})
		}
	}})
	if r.Exit != 6 {
		t.Error(r)
	}
	for _, want := range []string{"failed: gone", "Deployment.apps/never is missing: gone\n  because somebody deleted it", "retry: the same command"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
}
