package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// Before a run shows objects, too, people want to know why nothing happens.
func TestAPlanThatHasToAskAgainAndAgainSaysWhy(t *testing.T) {
	t.Parallel()
	e := New(t)
	path := e.Write("app.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: app}}\n")
	busy := proxy.Rule{
		Match: func(q proxy.Request) bool { return strings.HasSuffix(q.Path, "/secrets/belay.app") }, Times: 2,
		Status: http.StatusTooManyRequests, RetryAfter: 3, Message: "slow down",
	}
	for quiet, want := range map[string]int{"-v=0": 1, "-q": 0} {
		r := e.Run(Run{Args: []string{"apply", path, "-r", "app", "-n", e.NS, "--dry-run", quiet}, Rules: []proxy.Rule{busy}})
		if got := strings.Count(r.Stderr, "retrying for 3s: "); got != want || r.Exit != 2 {
			t.Errorf("%s: it says so %d times, want %d:\n%v", quiet, got, want, r)
		}
	}
}
