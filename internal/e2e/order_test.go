package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// edges is the bundle with every kind of edge; all its objects carry the version
// that they were written with.
const edges = "internal/e2e/testdata/edges"

// paths of the objects of edges, by the names that the tables below use.
func edgePaths(ns string) map[string]string {
	core, group := "/api/v1/namespaces/"+ns, func(gv, rest string) string { return "/apis/" + gv + "/namespaces/" + ns + "/" + rest }
	return map[string]string{
		"namespace": "/api/v1/namespaces/" + ns + "-more", "elsewhere": "/api/v1/namespaces/" + ns + "-more/configmaps/elsewhere",
		"crd":    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets." + ns + ".example.com",
		"widget": group(ns+".example.com/v1", "widgets/one"), "account": core + "/serviceaccounts/api",
		"config": core + "/configmaps/env", "secret": core + "/secrets/pull", "claim": core + "/persistentvolumeclaims/data",
		"priority": "/apis/scheduling.k8s.io/v1/priorityclasses/" + ns, "runtime": "/apis/node.k8s.io/v1/runtimeclasses/" + ns,
		"role": group("rbac.authorization.k8s.io/v1", "roles/api"), "binding": group("rbac.authorization.k8s.io/v1", "rolebindings/api"),
		"deployment": group("apps/v1", "deployments/api"), "service": core + "/services/api",
		"webhook": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + ns,
		"scaler":  group("autoscaling/v2", "horizontalpodautoscalers/api"), "budget": group("policy/v1", "poddisruptionbudgets/api"),
		"ingress": group("networking.k8s.io/v1", "ingresses/api"), "dependent": core + "/configmaps/dependent", "last": core + "/configmaps/last",
		"job": group("batch/v1", "jobs/prepare"), "job account": core + "/serviceaccounts/job",
	}
}

// edgeTable is every edge that belay promises: what comes before what, and what
// must hold of it then.
var edgeTable = []struct{ before, after, need string }{
	{"namespace", "elsewhere", "exists"}, {"crd", "widget", "established"},
	{"account", "deployment", "exists"}, {"config", "deployment", "exists"}, {"secret", "deployment", "exists"},
	{"claim", "deployment", "exists"}, {"priority", "deployment", "exists"}, {"runtime", "deployment", "exists"},
	{"role", "binding", "exists"}, {"binding", "deployment", "exists"},
	{"deployment", "webhook", "ready"}, {"service", "webhook", "exists"},
	{"deployment", "crd", "ready"}, {"service", "crd", "exists"}, {"webhook", "widget", "exists"},
	{"deployment", "scaler", "exists"}, {"deployment", "budget", "exists"}, {"service", "ingress", "exists"},
	{"deployment", "dependent", "ready"},
	{"job account", "job", "exists"}, {"job", "deployment", "ready"}, {"deployment", "last", "ready"}, {"widget", "last", "exists"},
}

// judge asks the API server, while a write waits in the proxy, whether what the
// write needs is there.
type judge struct {
	e       *Env
	paths   map[string]string
	version string // that objects written by this run carry; empty for a delete

	mu     sync.Mutex
	judged map[string]bool // the edges that were met, as "before > after"
	wrong  []string
}

func (j *judge) request(r proxy.Request) {
	if !isWrite(r) || j.version != "" && r.Method == "DELETE" {
		return
	}
	for _, edge := range edgeTable {
		first, then, need := edge.before, edge.after, edge.need
		if j.version == "" { // the other way round
			first, then, need = then, first, "gone"
		}
		if j.paths[then] != r.Path {
			continue
		}
		now, err := j.e.API.Get(j.paths[first])
		j.mu.Lock()
		j.judged[edge.before+" > "+edge.after] = true
		if !met(need, j.version, now, err) {
			j.wrong = append(j.wrong, fmt.Sprintf("%s %s was sent before %s was %s (%v)", r.Method, then, first, need, err))
		}
		j.mu.Unlock()
	}
}

// met says whether an object fulfils a need, as this version's.
func met(need, version string, u *unstructured.Unstructured, err error) bool {
	if need == "gone" || err != nil {
		return need == "gone" && isNotFound(err)
	}
	if u.GetAnnotations()["example.com/version"] != version {
		return false
	}
	number := func(path ...string) float64 {
		n, _, _ := unstructured.NestedFloat64(u.Object, path...) // as encoding/json reads it
		return n
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	is := func(kind string) bool {
		for _, raw := range conditions {
			if c, ok := raw.(map[string]any); ok && c["type"] == kind {
				return c["status"] == "True"
			}
		}
		return false
	}
	switch {
	case need == "exists":
		return true
	case need == "established":
		return is("Established")
	case u.GetKind() == "Job":
		return is("Complete")
	default:
		return number("status", "observedGeneration") >= number("metadata", "generation") &&
			number("status", "updatedReplicas") == 1 && number("status", "availableReplicas") == 1
	}
}

func TestEveryEdgeIsKeptOnCreateUpgradeAndDelete(t *testing.T) {
	t.Parallel()
	e := New(t)
	paths := edgePaths(e.NS)
	t.Cleanup(func() {
		for _, name := range []string{"webhook", "crd", "namespace", "priority", "runtime"} {
			if err := e.API.Delete(paths[name]); err != nil {
				t.Log(err)
			}
		}
	})
	for _, run := range []struct{ name, version, args string }{
		{"create", "1", "apply " + edges + " --set version=1"},
		{"upgrade", "2", "apply " + edges + " --set version=2"},
		{"delete", "", "delete edges --delete-crds"},
	} {
		j := &judge{e: e, paths: paths, version: run.version, judged: map[string]bool{}}
		r := e.Run(Run{Args: append(strings.Fields(run.args), "-n", e.NS), Before: j.request, Unchecked: true})
		if r.Exit != 0 {
			t.Fatal(r)
		}
		for _, wrong := range j.wrong {
			t.Errorf("%s: %s", run.name, wrong)
		}
		for _, edge := range edgeTable {
			kept := run.version == "" && (edge.before == "claim" || edge.before == "namespace") // never deleted unasked
			if !j.judged[edge.before+" > "+edge.after] && !kept {
				t.Errorf("%s: %s was never written, and so its edge from %s not judged:\n%v", run.name, edge.after, edge.before, r)
			}
		}
	}
}
