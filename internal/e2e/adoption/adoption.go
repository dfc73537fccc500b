// Package adoption tests that real releases of Helm's can be taken over. Helm
// itself comes from the modules internal/e2e/helm3 and helm4, which have it as a
// library and run the tests of this package.
package adoption

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/e2e"
)

// Helm is a version of Helm, set up for a namespace.
type Helm struct {
	// Install and Upgrade deploy a chart under a name, and wait for nothing.
	Install, Upgrade func(release, chart string, values map[string]any) error
	// Revisions counts the revisions that Helm can read.
	Revisions func(release string) (int, error)
}

// Start sets Helm up. The driver is where it keeps its records: secret or configmap.
type Start func(kubeconfig, namespace, driver string) (*Helm, error)

const bundle = "internal/e2e/testdata/adopted"

// Long skips a test that only make soak runs.
func Long(t *testing.T) {
	t.Helper()
	if os.Getenv("BELAY_SOAK") == "" {
		t.Skip("one of the long tests: BELAY_SOAK=1")
	}
}

// Test takes over a release of Helm's that keeps its records by a driver, and goes
// on with it.
func Test(t *testing.T, start Start, driver string) {
	e := e2e.New(t) // one after the other: all have the same definition
	password := e.Secret("s3same-0pen")
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	helm, err := start(e.Kubeconfig(), e.NS, driver)
	if err != nil {
		t.Fatal(err)
	}
	values := func(tag string) map[string]any {
		return map[string]any{"password": password, "image": map[string]any{"tag": tag}}
	}
	if err := helm.Install("shop", e.Path(bundle), values("1")); err != nil {
		t.Fatal(err)
	}
	if err := helm.Upgrade("shop", e.Path(bundle), values("2")); err != nil {
		t.Fatal(err)
	}
	before := running(e, t)
	with := func(verb, tag string, more ...string) []string {
		return append([]string{verb, bundle, "-r", "shop", "-n", e.NS, "--set", "password=" + password, "--set-string", "image.tag=" + tag}, more...)
	}

	refused := e.Must(4, with("diff", "2")...)
	wants(t, refused, refused.Stderr+refused.Stdout, "Helm release shop", "belay adopt helm/shop")
	e.Must(2, "adopt", "helm/shop", "-n", e.NS, "--dry-run")
	adopted := e.Must(0, "adopt", "helm/shop", "-n", e.NS)
	wants(t, adopted, adopted.Stderr, "took over Helm release shop, as revision 3 of shop", "--remove-helm-records")
	if d := cmp.Diff(before, running(e, t)); d != "" {
		t.Errorf("the takeover replaced or restarted something (-before +after):\n%s\n%v", d, adopted)
	}
	e.Must(0, with("diff", "2")...)
	e.Must(0, "drift", "shop", "-n", e.NS)
	if n, err := helm.Revisions("shop"); n != 2 || err != nil {
		t.Errorf("Helm reads %d revisions (%v), want its 2", n, err)
	}
	if d := cmp.Diff([]string{"superseded", "superseded", "deployed"}, e.Statuses("shop")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}

	e.Must(0, with("apply", "3", "--set", "extra=false")...)
	e.Must(0, "rollback", "shop", "-n", e.NS)
	e.Must(0, with("diff", "2")...)
	e.Must(0, "rollback", "shop", "1", "-n", e.NS)
	e.Must(0, with("diff", "1")...)

	e.Must(0, "adopt", "helm/shop", "-n", e.NS, "--remove-helm-records")
	if n, err := helm.Revisions("shop"); n != 0 {
		t.Errorf("Helm still reads %d revisions (%v)", n, err)
	}
	e.Must(0, with("diff", "1")...)
	e.Must(0, "delete", "shop", "-n", e.NS, "--yes")
}

// Killed takes over releases and is killed before and after requests, the removal of
// Helm's records too: every request when soaking, else one. The same command then
// finishes it.
func Killed(t *testing.T, start Start) {
	if !e2e.Soaking() {
		for _, point := range e2e.Points(1, 80) {
			killed(t, start, point/2+1, point%2 == 1)
		}
		return
	}
	for k := 1; ; k++ {
		if !killed(t, start, k, false) || !killed(t, start, k, true) {
			return // there are no more
		}
	}
}

// killed says whether there was a k-th request.
func killed(t *testing.T, start Start, k int, after bool) (there bool) {
	t.Run(fmt.Sprintf("request %d %s", k, map[bool]string{false: "before", true: "after"}[after]), func(t *testing.T) {
		e := e2e.New(t)
		if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
			t.Fatal(err)
		}
		helm, err := start(e.Kubeconfig(), e.NS, "secret")
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]any{"password": "s3same-0pen", "image": map[string]any{"tag": "1"}}
		if err := helm.Install("shop", e.Path(bundle), values); err != nil {
			t.Fatal(err)
		}
		if err := helm.Upgrade("shop", e.Path(bundle), values); err != nil {
			t.Fatal(err)
		}
		before := running(e, t)
		adopt := []string{"adopt", "helm/shop", "-n", e.NS, "--remove-helm-records"}
		r := e.Run(e2e.Run{Args: adopt, Unchecked: true, Signal: &e2e.Signal{Signal: syscall.SIGKILL, At: k, After: after}})
		there = r.Signaled
		e.Must(0, adopt...)
		if d := cmp.Diff(before, running(e, t)); d != "" {
			t.Errorf("something was replaced or restarted (-before +after):\n%s\nafter\n%v", d, r)
		}
		e.Must(0, "diff", bundle, "-r", "shop", "-n", e.NS, "--set", "password=s3same-0pen", "--set-string", "image.tag=1")
		if statuses := e.Statuses("shop"); statuses[len(statuses)-1] != "deployed" {
			t.Errorf("history: %v\nafter\n%v", statuses, r)
		}
		if n, err := helm.Revisions("shop"); n != 0 {
			t.Errorf("Helm still reads %d revisions (%v)\nafter\n%v", n, err, r)
		}
		e.Must(0, "delete", "shop", "-n", e.NS, "--yes")
		if left := e.All().Of("shop"); len(left) > 0 {
			t.Errorf("a delete leaves %v: the inventory lacked it", left.Versions())
		}
	})
	return there
}

// running are the UIDs and generations of all that is in the namespace, pods too,
// but for records: the same ones before and after mean that nothing was
// replaced, and no pod restarted.
func running(e *e2e.Env, t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for id, u := range e.Settled() {
		if kind, _ := u.Object["type"].(string); strings.HasPrefix(kind, "belay.sh/") || u.GetLabels()["owner"] == "helm" {
			continue
		}
		all[id.In(e.NS)] = string(u.GetUID())
	}
	// Kinds that came after the first test asked for all of them are not among these.
	for _, want := range []string{"Deployment.apps/web", "StatefulSet.apps/store"} {
		if all[want] == "" {
			t.Fatalf("%s is not there: %v", want, slices.Sorted(maps.Keys(all)))
		}
	}
	return all
}

func wants(t *testing.T, r *e2e.Result, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%v", part, r)
		}
	}
}
