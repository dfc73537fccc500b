package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/e2e/proxy"
	"github.com/belay-sh/belay/internal/object"
)

// subject is an upgrade that is disturbed: the second version of a bundle.
type subject struct {
	bundle, release string
	flags           []string
	// prepare, if given, makes what the second version meets.
	prepare func(*Env)

	once  sync.Once
	whole *reference
}

var (
	// small is quick: 15 objects, most of which the upgrade changes.
	small = &subject{bundle: fifteen, release: "fifteen"}
	// large does everything that an upgrade can do: it creates, updates, recreates,
	// takes over what kubectl made, and prunes, 20 objects of 10 kinds, among them a
	// definition and its object, a Job and a hook.
	large = &subject{
		bundle: "internal/e2e/testdata/twenty", release: "twenty", flags: []string{"--adopt=ConfigMap/legacy"},
		prepare: func(e *Env) {
			path := "/api/v1/namespaces/" + e.NS + "/configmaps?fieldManager=kubectl-client-side-apply"
			body := "{apiVersion: v1, kind: ConfigMap, metadata: {name: legacy}, data: {version: '0', stale: 'yes'}}"
			if err := e.API.Create(path, []byte(body)); err != nil {
				e.t.Fatal(err)
			}
		},
	}
)

// upgrade is the run that is disturbed.
func (e *Env) upgrade(s *subject) []string {
	return append([]string{"apply", s.bundle, "-n", e.NS, "--set", "version=2"}, s.flags...)
}

// deployFirst deploys the first version.
func (e *Env) deployFirst(s *subject) {
	e.t.Helper()
	e.t.Cleanup(func() {
		if err := e.API.Delete(e.widgets()); err != nil {
			e.t.Log(err)
		}
	})
	if r := e.Run(Run{Args: []string{"apply", s.bundle, "-n", e.NS}, Unchecked: true}); r.Exit != 0 {
		e.t.Fatal(r)
	}
	if s.prepare != nil {
		s.prepare(e)
	}
}

// widgets is the path of the definition that large brings.
func (e *Env) widgets() string {
	return "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets." + e.NS + ".example.com"
}

// reference is an upgrade that nothing disturbed: how many requests it took,
// what was there before, and what it left.
type reference struct {
	*subject
	requests        int
	before, objects map[string]string
}

// undisturbed upgrades once in peace, for all tests to compare with.
func undisturbed(t *testing.T, s *subject) *reference {
	t.Helper()
	notShort(t) // else only the first test that asks were skipped
	s.once.Do(func() {
		e := New(t)
		e.deployFirst(s)
		before := e.left()
		r := e.Run(Run{Args: e.upgrade(s)})
		if r.Exit != 0 {
			t.Fatal(r)
		}
		s.whole = &reference{subject: s, requests: len(r.Requests), before: before, objects: e.left()}
	})
	if s.whole == nil {
		t.Fatal("there is nothing to compare with: the undisturbed upgrade failed")
	}
	return s.whole
}

// left is everything that somebody made in the namespace, but for the records,
// and the definition that goes with it.
func (e *Env) left() map[string]string {
	e.t.Helper()
	all := e.Settled().Made().Where(func(u *unstructured.Unstructured) bool {
		kind, _, _ := unstructured.NestedString(u.Object, "type")
		return !strings.HasPrefix(kind, "belay.sh/")
	})
	for _, path := range []string{e.widgets(), "/apis/" + e.NS + ".example.com/v1/namespaces/" + e.NS + "/widgets/one"} {
		u, err := e.API.Get(path)
		switch {
		case err == nil:
			all[object.IDOf(u)] = u
		case !isNotFound(err):
			e.t.Fatal(err)
		}
	}
	return all.Stored(e.NS)
}

func TestAKilledUpgradeIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	whole := undisturbed(t, large)
	t.Logf("an upgrade sends %d requests", whole.requests)
	// Which request is the k-th differs a little from run to run; a few more
	// cover those that are sometimes sent.
	for _, point := range sample(4, 2*(whole.requests+3)) {
		k, after := point/2+1, point%2 == 1
		t.Run(fmt.Sprintf("request %d %s", k, map[bool]string{false: "before", true: "after"}[after]), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			e.mustFinish(whole, e.killed(whole.subject, k, after))
		})
	}
}

// killed deploys the first version and kills the upgrade to the second.
func (e *Env) killed(s *subject, k int, after bool) *Result {
	e.t.Helper()
	e.deployFirst(s)
	killed := e.Run(Run{Args: e.upgrade(s), Unchecked: true, Signal: &Signal{Signal: syscall.SIGKILL, At: k, After: after}})
	if !killed.Signaled && killed.Exit != 0 {
		e.t.Fatalf("it failed before it was killed:\n%v", killed)
	}
	return killed
}

// What a killed run made and nobody wants any more must go too: no later apply
// names it, so only what was written ahead can tell of it.
func TestAKilledUpgradeCanBeAbandoned(t *testing.T) {
	t.Parallel()
	whole := undisturbed(t, small)
	for _, point := range sample(2, whole.requests) {
		if point%3 != 0 && soaking() {
			continue // the other test meets every point; this one need not
		}
		t.Run(fmt.Sprintf("request %d", point+1), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			killed := e.killed(small, point+1, true)
			e.Must(0, "apply", fifteen, "-n", e.NS)
			if d := cmp.Diff(whole.before, e.left()); d != "" {
				t.Errorf("the first version did not come back (-before +now):\n%s\nafter\n%v", d, killed)
			}
		})
	}
}

// mustFinish runs the upgrade again, without any further flag, and asserts that
// nothing tells that it was disturbed but the history.
func (e *Env) mustFinish(whole *reference, disturbed *Result) {
	e.t.Helper()
	again := e.Run(Run{Args: e.upgrade(whole.subject)})
	if again.Exit != 0 {
		e.t.Fatalf("the same command did not finish it:\n%v\nafter\n%v", again, disturbed)
	}
	if d := cmp.Diff(whole.objects, e.left()); d != "" {
		e.t.Errorf("it did not converge to what an undisturbed upgrade leaves (-undisturbed +now):\n%s\nafter\n%v", d, disturbed)
	}
	got := e.Statuses(whole.release)
	want := [][]string{
		{"superseded", "deployed"},                // it had written nothing, or all
		{"superseded", "interrupted", "deployed"}, // it was in the middle
	}
	if !slices.ContainsFunc(want, func(w []string) bool { return slices.Equal(w, got) }) {
		e.t.Errorf("the history is %v\nafter\n%v", got, disturbed)
	}
	if wrote := disturbed.Requests.Where(isApplication); len(wrote) > 0 && disturbed.Exit != 0 && len(got) == 2 {
		// Only when its last write, the record of its end, got through is it not interrupted.
		last := disturbed.Requests.Mutating()
		if end := last[len(last)-1]; !end.Record() {
			e.t.Errorf("objects were changed by a revision that history does not know: %v\nafter\n%v", got, disturbed)
		}
	}
}

func isDryRun(r proxy.Request) bool { return r.DryRun }

// isApplication says whether a request changed application objects.
func isApplication(r proxy.Request) bool { return r.Mutating() && r.Passed && !r.Record() }

func TestASignalEndsARunInOrder(t *testing.T) {
	t.Parallel()
	whole := undisturbed(t, small)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, c := range []struct {
			when  string
			match func(proxy.Request) bool
			at    int
		}{
			{"while it plans", isDryRun, 2},
			{"at its first record", func(r proxy.Request) bool { return r.Mutating() && r.Record() }, 1},
			{"at its first object", isWrite, 1},
			{"at its fifth object", isWrite, 5},
			{"while it waits", func(r proxy.Request) bool { return r.Watch }, 1},
		} {
			t.Run(fmt.Sprintf("%v %s", signal, c.when), func(t *testing.T) {
				t.Parallel()
				New(t).interrupted(whole, &Signal{Signal: signal, At: c.at, Match: c.match}, true)
			})
		}
	}
}

func TestASignalMayComeAtAnyRequest(t *testing.T) {
	t.Parallel()
	whole := undisturbed(t, large)
	for _, point := range sample(2, 2*(whole.requests+3)) {
		k, after := point/2+1, point%2 == 1
		t.Run(fmt.Sprintf("request %d %s", k, map[bool]string{false: "before", true: "after"}[after]), func(t *testing.T) {
			t.Parallel()
			New(t).interrupted(whole, &Signal{Signal: syscall.SIGINT, At: k, After: after}, false)
		})
	}
}

// interrupted upgrades, sends a signal, and asserts that the run ends in order and
// that the same command finishes it without a wait. A signal that comes with the
// last requests may find nothing left to interrupt, unless it must.
func (e *Env) interrupted(whole *reference, signal *Signal, must bool) {
	e.t.Helper()
	e.deployFirst(whole.subject)
	r := e.Run(Run{Args: e.upgrade(whole.subject), Unchecked: true, Signal: signal})
	switch {
	case !r.Signaled && must:
		e.t.Fatalf("no request to send the signal at:\n%v", r)
	case r.Signaled && r.After > 5*time.Second, r.Exit != 130 && (must || r.Exit != 0):
		e.t.Errorf("it ended with %d, %v after the signal:\n%v", r.Exit, r.After, r)
	}
	if again := e.Run(Run{Args: append(e.upgrade(whole.subject), "--lock-timeout", "0"), Unchecked: true}); again.Exit != 0 {
		e.t.Errorf("the lock was not given back:\n%v\nafter\n%v", again, r)
	}
	e.mustFinish(whole, r)
}

// isWrite says whether a request is a write of an application object.
func isWrite(r proxy.Request) bool { return r.Mutating() && !r.Record() }
