package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// badNetwork disturbs every fifth request, but for watches, which have no end.
func badNetwork() []proxy.Rule {
	match := func(r proxy.Request) bool { return !r.Watch }
	return []proxy.Rule{
		{Match: match, Probability: 0.04, Status: 429, RetryAfter: 1},
		{Match: match, Probability: 0.04, Status: 500, Message: "etcdserver: leader changed"},
		{Match: match, Probability: 0.04, Status: 503},
		{Match: match, Probability: 0.02, Cut: true},
		{Match: match, Probability: 0.02, Swallow: true},
		{Match: match, Probability: 0.04, Delay: 2 * time.Second},
	}
}

func TestAnUpgradeSurvivesABadNetwork(t *testing.T) {
	t.Parallel()
	whole := undisturbed(t, large)
	for _, seed := range sample(2, 24) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			e.deployFirst(large)
			r := e.Run(Run{Args: append(e.upgrade(large), "-v"), Unchecked: true, Seed: uint64(seed), Rules: badNetwork()})
			if r.Exit != 0 {
				t.Errorf("it did not get through:\n%v", r)
			}
			for _, request := range r.Requests.Where(isWrite) {
				if request.Injected == "injected" && !strings.Contains(r.Stderr, "retrying "+request.Method+" "+request.Path) {
					t.Errorf("the retry of %v is not told:\n%v", request, r)
				}
			}
			createdOnce(t, r)
			e.mustFinish(whole, r)
		})
	}
}

func TestAFirstApplySurvivesABadNetwork(t *testing.T) {
	t.Parallel()
	for _, seed := range sample(1, 12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			r := e.Run(Run{Args: []string{"apply", fifteen, "-n", e.NS}, Seed: uint64(seed), Rules: badNetwork()})
			if r.Exit != 0 {
				t.Fatalf("it did not get through:\n%v", r)
			}
			createdOnce(t, r)
			if n := len(e.All().Of("fifteen")); n != 15 {
				t.Errorf("%d objects, want 15:\n%v", n, r)
			}
		})
	}
}

// createdOnce asserts that the API server created no object twice.
func createdOnce(t *testing.T, r *Result) {
	t.Helper()
	created := map[string]int{}
	for _, request := range r.Requests {
		if request.Passed && request.Status == http.StatusCreated && isWrite(request) {
			created[request.Path]++
		}
	}
	if len(created) == 0 {
		t.Errorf("it created nothing:\n%v", r)
	}
	for path, n := range created {
		deleted := func(d proxy.Request) bool { return d.Method == http.MethodDelete && d.Path == path }
		if n > 1 && !slices.ContainsFunc(r.Requests, deleted) {
			t.Errorf("%s was created %d times:\n%v", path, n, r)
		}
	}
}

// What the server means is said once; nobody asks it again.
func TestARefusedWriteIsTriedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusUnprocessableEntity} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			e := New(t)
			hit := func(r proxy.Request) bool { return isWrite(r) && strings.HasSuffix(r.Path, "/configmaps/two") }
			r := e.start(Run{ // the plan passed, so a refusal comes too late to be one of the plan
				Args:  []string{"apply", fifteen, "-n", e.NS, "-v"},
				Rules: []proxy.Rule{{Match: hit, Status: status}},
			})
			if n := len(r.Requests.Where(hit)); n != 1 || r.Exit == 0 || strings.Contains(r.Stderr, "retrying PATCH") {
				t.Errorf("it was sent %d times:\n%v", n, r)
			}
			if !strings.Contains(r.Stderr, "ConfigMap/two could not be created") {
				t.Errorf("it is not named:\n%v", r)
			}
		})
	}
}
