package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// letter is a bundle of plain manifests, all of which say a word.
func letter(word string, more ...string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {word: %[1]s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {word: %[1]s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: three}
data: {word: %[1]s}
`, word) + strings.Join(more, "")
}

func TestTwoApplyThatStartTogetherAreTwoRevisionsInOrder(t *testing.T) {
	rounds := 3
	if soaking() {
		rounds = 50
	}
	t.Parallel()
	e := New(t)
	if r := e.Run(Run{Args: []string{"apply", e.Write("zero.yaml", letter("zero")), "-r", "mail", "-n", e.NS}, Unchecked: true}); r.Exit != 0 {
		t.Fatal(r)
	}
	bundles := []string{e.Write("a.yaml", letter("a")), e.Write("b.yaml", letter("b"))}
	for round := range rounds {
		results := make([]*Result, len(bundles))
		var both sync.WaitGroup
		for i, bundle := range bundles {
			both.Go(func() {
				time.Sleep(time.Duration(round*i) * 50 * time.Millisecond / time.Duration(rounds))
				results[i] = e.start(Run{Args: []string{"apply", bundle, "-r", "mail", "-n", e.NS, "--record", "--description", string("ab"[i]), "--lock-timeout", "5m"}})
			})
		}
		both.Wait()
		for _, r := range results {
			if r.Exit != 0 {
				t.Fatalf("round %d:\n%v", round, r)
			}
		}
		all := e.history("mail")
		last, before := all[len(all)-1], all[len(all)-2]
		if last.Number != 2*round+3 || last.Status != "deployed" || before.Status != "superseded" || last.Note == before.Note {
			t.Fatalf("round %d: the history ends with %+v and %+v\n%v\n%v", round, before, last, results[0], results[1])
		}
		for _, name := range []string{"one", "two", "three"} {
			u, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(u.Object["data"]); got != "map[word:"+last.Note+"]" {
				t.Errorf("round %d: %s holds %s, and the later revision is %s", round, name, got, last.Note)
			}
		}
	}
}

func TestARunThatIsStoppedForLongerThanItsLockLivesWritesNothing(t *testing.T) {
	t.Parallel()
	e := New(t)
	if r := e.Run(Run{Args: []string{"apply", fifteen, "-n", e.NS}, Unchecked: true}); r.Exit != 0 {
		t.Fatal(r)
	}
	var stopped *os.Process
	running := make(chan struct{})
	hung := make(chan struct{})
	ended := make(chan *Result, 1)
	go func() {
		ended <- e.start(Run{
			Args:    e.upgrade(small),
			Started: func(p *os.Process) { stopped = p; close(running) },
			Signal: &Signal{Signal: syscall.SIGSTOP, At: 4, After: true, Match: func(r proxy.Request) bool {
				return isWrite(r) && !r.DryRun
			}},
		})
	}()
	<-running
	go func() {
		defer close(hung)
		e.Until("the run is stopped", func() (bool, error) {
			state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", stopped.Pid))
			return strings.Contains(string(state), ") T "), err
		})
	}()
	<-hung
	second := e.Run(Run{Args: []string{"apply", fifteen, "-n", e.NS, "--set", "version=3"}, Unchecked: true})
	if second.Exit != 0 || !strings.Contains(second.Stderr, "waiting for") {
		t.Errorf("the next run did not take over:\n%v", second)
	}
	before := e.Settled().Versions()
	if err := stopped.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	first := <-ended
	if first.Exit != 8 || !strings.Contains(first.Stderr, "lock") {
		t.Errorf("the resumed run should say that the lock was lost:\n%v", first)
	}
	if d := cmp.Diff(before, e.Settled().Versions()); d != "" {
		t.Errorf("the resumed run wrote (-before +after):\n%s\n%v", d, first)
	}
	if d := cmp.Diff([]string{"superseded", "interrupted", "deployed"}, e.Statuses("fifteen")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

const broken = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: added-%[1]d}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {belay.sh/fail-after: 1s}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: web, image: "%[2]s", env: [{name: N, value: "%[1]d"}]}]
`

func TestAfterFailuresARollbackRestoresWhatWasGoodAndTheNextOneGoesFurtherBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	apply := func(exit, n int, image string) {
		t.Helper()
		file := e.Write(fmt.Sprintf("%d.yaml", n), letter(fmt.Sprint("word", n), fmt.Sprintf(broken, n, image)))
		if r := e.Run(Run{Args: []string{"apply", file, "-r", "web", "-n", e.NS}, Unchecked: true}); r.Exit != exit {
			t.Fatalf("want exit %d, got\n%v", exit, r)
		}
	}
	apply(0, 1, "registry.example/web:1")
	first := e.left()
	apply(0, 2, "registry.example/web:2")
	second := e.left()
	for n := range 3 {
		apply(6, 3+n, fmt.Sprintf("registry.invalid/web:%d", n))
	}
	e.Must(0, "rollback", "web", "-n", e.NS)
	if d := cmp.Diff(second, e.left()); d != "" {
		t.Errorf("the rollback did not restore revision 2 (-2 +now):\n%s", d)
	}
	e.Must(0, "rollback", "web", "-n", e.NS)
	if d := cmp.Diff(first, e.left()); d != "" {
		t.Errorf("the second rollback did not restore revision 1 (-1 +now):\n%s", d)
	}
	want := []string{"superseded", "superseded", "failed", "failed", "rolled-back", "rolled-back", "deployed"}
	if d := cmp.Diff(want, e.Statuses("web")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	between := e.Must(2, "diff", "-r", "web", "-n", e.NS, "--revision", "1..2")
	if !strings.Contains(between.Stdout, "word1") || !strings.Contains(between.Stdout, "+ ConfigMap/added-2") || !strings.Contains(between.Stdout, "- ConfigMap/added-1") {
		t.Errorf("the difference of the revisions:\n%v", between)
	}
	e.Must(0, "diff", "-r", "web", "-n", e.NS, "--revision", "1")
	e.Must(2, "diff", "-r", "web", "-n", e.NS, "--revision", "2")
	plan := e.Must(0, "get", "plan", "web", "-n", e.NS, "--revision", "2")
	if !strings.Contains(plan.Stdout, "registry.example/web:2") || !strings.Contains(plan.Stdout, "+ ConfigMap/added-2") {
		t.Errorf("the plan of revision 2:\n%v", plan)
	}
}
