package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stateful is a StatefulSet that reads a ConfigMap.
func stateful(image, setting string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: %q}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: app, annotations: {belay.sh/fail-after: 3s}}
spec:
  serviceName: app
  replicas: 3
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: %s
        envFrom: [{configMapRef: {name: settings}}]
        readinessProbe: {tcpSocket: {port: 80}}
`, setting, image)
}

func TestAStatefulSetThatIsStuckIsExplained(t *testing.T) {
	t.Parallel()
	e := New(t)
	apply := func(exit int, image, setting string) string {
		t.Helper()
		r := e.Run(Run{Args: []string{"apply", "-", "-r", "broken", "-n", e.NS}, Stdin: stateful(image, setting), Unchecked: true})
		if r.Exit != exit {
			t.Fatalf("want exit %d:\n%v", exit, r)
		}
		return e.steady(lastBlock(r.Stderr))
	}
	apply(0, "registry.example/app:1", "one")
	got := apply(6, "registry.invalid/app:2", "two")
	want := `StatefulSet.apps/app is not ready: 1 of 3 updated, 2 old pods still serve
  because Pod/app-2 cannot pull registry.invalid/app:2
          "not found" (N tries)
          the set updates 2 more pods only when this one is ready
  from    stdin:6
  see     kubectl -n NAMESPACE describe pod app-2
  note    ConfigMap/settings is updated, and used by old pods
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// A good image does not help: the controller waits for the pod of the bad one.
	got = apply(6, "registry.example/app:3", "two")
	want = `StatefulSet.apps/app is not ready: 0 of 3 updated, 2 old pods still serve
  because Pod/app-2 cannot pull registry.invalid/app:2
          "not found" (N tries)
          it is of the revision before, and the set updates no pod until it is ready or deleted
  from    stdin:6
  see     kubectl -n NAMESPACE delete pod app-2
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := e.API.Delete("/api/v1/namespaces/" + e.NS + "/pods/app-2"); err != nil {
		t.Fatal(err)
	}
	apply(0, "registry.example/app:3", "two")
}
