package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// many are Deployments of one pod each, which takes a while to be ready; every
// tenth has a volume whose ConfigMap does not come for a while.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-%[1]d}
spec:
  replicas: 1
  selector: {matchLabels: {app: app-%[1]d}}
  template:
    metadata: {labels: {app: app-%[1]d}, annotations: {playground.belay.sh/behavior: slow-start=4s}}
    spec:
      containers: [{name: main, image: registry.example/app:1, readinessProbe: {tcpSocket: {port: 80}}%[2]s}]
`, i, map[bool]string{true: ", volumeMounts: [{name: late, mountPath: /late}]"}[i%10 == 0])
		if i%10 == 0 {
			b.WriteString("      volumes: [{name: late, configMap: {name: late}}]\n")
		}
	}
	return b.String()
}

func TestAWatchServesAllOfAKindAndNamespace(t *testing.T) {
	n, limit := 50, 0
	if soaking() {
		n, limit = 1000, 400<<20
	}
	t.Parallel()
	e := New(t)
	came := make(chan error, 1)
	var once sync.Once
	r := e.Run(Run{
		Args: []string{"apply", "-", "-r", "app", "-n", e.NS, "-q"}, Stdin: many(n), Unchecked: true,
		Before: func(r proxy.Request) {
			if r.Watch && strings.HasSuffix(r.Path, "/events") {
				once.Do(func() { came <- e.bring("ConfigMap", "late") })
			}
		},
	})
	if r.Exit != 0 {
		t.Fatal(r)
	}
	select {
	case err := <-came:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Fatalf("the events were not watched:\n%v", r)
	}
	// A server that is busy closes watches, which then go on where they were: what
	// counts is what is watched.
	watches, requests := map[string]bool{}, r.Requests.Where(func(r proxy.Request) bool { return r.Watch })
	for _, r := range requests {
		q, err := url.ParseQuery(r.Query)
		if err != nil {
			t.Fatal(err)
		}
		watches[r.Path+"?"+q.Get("labelSelector")] = true
	}
	if len(watches) != 4 { // Deployments, ReplicaSets, pods, events
		t.Errorf("%d watches:\n%v", len(watches), requests)
	}
	t.Logf("%d Deployments in %v: %v of CPU time, %d MB, %d requests", n, r.Took.Round(time.Second), r.CPU, r.Memory>>20, len(r.Requests))
	if limit > 0 && (r.CPU > r.Took || r.Memory > limit) {
		t.Errorf("it took %v of CPU time in %v, and %d MB", r.CPU, r.Took, r.Memory>>20)
	}
}
