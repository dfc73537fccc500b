package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFailedUpgradeIsRolledBackWhenAskedTo(t *testing.T) {
	t.Parallel()
	e := New(t)
	shop := []string{"apply", "examples/microservices", "-e", "dev", "-n", e.NS}
	e.Must(0, shop...)
	first := e.Settled().Of("shop").Stored(e.NS)

	broken := e.Must(9, append(shop, "--on-failure", "rollback", "--set", "front.image.repository=registry.invalid/front")...)
	cause := strings.Index(broken.Stderr, "cannot pull registry.invalid/front")
	end := strings.Index(broken.Stderr, "shop revision 2 failed after ")
	if cause < 0 || !strings.Contains(broken.Stderr, "; rolled back to 1, as revision 3, in ") || cause > end {
		t.Errorf("the cause should come first, the rollback's result second:\n%v", broken)
	}
	if d := cmp.Diff(first, e.Settled().Of("shop").Stored(e.NS)); d != "" {
		t.Errorf("the rollback did not restore what was deployed (-first +now):\n%s", d)
	}
	if d := cmp.Diff([]string{"superseded", "rolled-back", "deployed"}, e.Statuses("shop")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestAFirstInstallationThatFailsIsKept(t *testing.T) {
	t.Parallel()
	e := New(t)
	r := e.Must(6, "apply", "examples/microservices", "-e", "dev", "-n", e.NS, "--on-failure", "rollback",
		"--set", "front.image.repository=registry.invalid/front")
	if strings.Contains(r.Stderr, "rolled back") || !strings.Contains(r.Stderr, "no rollback: no revision before it was deployed\n") {
		t.Errorf("there was nothing to go back to, and that is to be said:\n%v", r)
	}
	if len(e.Settled().Of("shop")) == 0 {
		t.Error("the first installation was deleted")
	}
}
