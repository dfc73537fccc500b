package e2e

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
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
		"api service": "/apis/apiregistration.k8s.io/v1/apiservices/v1.served." + ns + ".example.com", "served": core + "/services/served",
		"hook account": core + "/serviceaccounts/hook",
		"early":        group("batch/v1", "jobs/hook-early"), "middle": group("batch/v1", "jobs/hook-middle"),
		"late": group("batch/v1", "jobs/hook-late"), "later": group("batch/v1", "jobs/hook-later"),
		"parting": group("batch/v1", "jobs/hook-parting"), "parted": group("batch/v1", "jobs/hook-parted"),
	}
}

// edge says that what holds of one object is met before another is written.
type edge struct{ before, after, need string }

// edgeTable is every edge that belay promises: what comes before what, and what
// must hold of it then.
var edgeTable = []edge{
	{"namespace", "elsewhere", "exists"}, {"crd", "widget", "established"},
	{"account", "deployment", "exists"}, {"config", "deployment", "exists"}, {"secret", "deployment", "exists"},
	{"claim", "deployment", "exists"}, {"priority", "deployment", "exists"}, {"runtime", "deployment", "exists"},
	{"role", "binding", "exists"}, {"binding", "deployment", "exists"},
	{"deployment", "webhook", "ready"}, {"service", "webhook", "exists"},
	{"deployment", "crd", "ready"}, {"service", "crd", "exists"}, {"webhook", "widget", "exists"},
	{"deployment", "scaler", "exists"}, {"deployment", "budget", "exists"}, {"service", "ingress", "exists"},
	{"deployment", "dependent", "ready"},
	{"job account", "job", "exists"}, {"job", "deployment", "ready"}, {"deployment", "last", "ready"}, {"widget", "last", "exists"},
	{"deployment", "api service", "ready"}, {"served", "api service", "exists"},
}

// hookTable is what comes before and after hooks. A delete runs other ones, before
// and after all that it deletes.
var (
	hookTable = []edge{
		{"hook account", "early", "exists"}, {"namespace", "early", "exists"}, {"crd", "early", "established"}, {"early", "middle", "ready"},
		{"middle", "ingress", "ready"}, {"middle", "widget", "ready"}, {"middle", "api service", "ready"}, {"middle", "last", "ready"},
		{"deployment", "late", "ready"}, {"widget", "late", "exists"}, {"last", "late", "exists"}, {"api service", "late", "ready"},
		{"late", "later", "ready"},
	}
	partingTable = []edge{
		{"parting", "last", "ready"}, {"parting", "deployment", "ready"}, {"parting", "account", "ready"}, {"parting", "widget", "ready"},
		{"account", "parted", "gone"}, {"deployment", "parted", "gone"}, {"crd", "parted", "gone"},
	}
)

// judge asks the API server, while a write waits in the proxy, whether what the
// write needs is there.
type judge struct {
	e       *Env
	paths   map[string]string
	version string // that objects of this run carry
	deletes bool

	mu     sync.Mutex
	judged map[string]bool // the edges that were met, as "before > after"
	wrong  []string
}

func (j *judge) request(r proxy.Request) {
	if !isWrite(r) || r.Method == "DELETE" && (!j.deletes || strings.Contains(r.Path, "/jobs/hook-")) {
		return // a hook that was there before makes room
	}
	hooks := hookTable
	if j.deletes {
		hooks = partingTable
	}
	for _, edge := range hooks {
		j.judge(r, edge, edge)
	}
	for _, edge := range edgeTable {
		now := edge
		if j.deletes { // the other way round
			now.before, now.after, now.need = edge.after, edge.before, "gone"
		}
		j.judge(r, edge, now)
	}
}

// judge asks what must hold now, if the request is the one that an edge holds back.
func (j *judge) judge(r proxy.Request, promised, now edge) {
	if j.paths[now.after] != r.Path {
		return
	}
	live, err := j.e.API.Get(j.paths[now.before])
	j.mu.Lock()
	defer j.mu.Unlock()
	j.judged[promised.before+" > "+promised.after] = true
	if !met(now.need, j.version, live, err) {
		j.wrong = append(j.wrong, fmt.Sprintf("%s %s was sent before %s was %s (%v)", r.Method, now.after, now.before, now.need, err))
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
	case u.GetKind() == "APIService":
		return is("Available")
	default:
		return number("status", "observedGeneration") >= number("metadata", "generation") &&
			number("status", "updatedReplicas") == 1 && number("status", "availableReplicas") == 1
	}
}

// serveAPI plays the server of an API that the API server passes requests on to; it
// serves nothing. It returns its port on the loopback address.
func serveAPI(t *testing.T) (port string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if len(parts) != 3 {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"%s/%s","resources":[]}`, parts[1], parts[2])
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestEveryEdgeIsKeptOnCreateUpgradeAndDelete(t *testing.T) {
	t.Parallel()
	e := New(t)
	paths := edgePaths(e.NS)
	port := serveAPI(t)
	t.Cleanup(func() {
		for _, name := range []string{"api service", "webhook", "crd", "namespace", "priority", "runtime"} {
			if err := e.API.Delete(paths[name]); err != nil {
				t.Log(err)
			}
		}
	})
	for _, run := range []struct{ name, version, args string }{
		{"create", "1", "apply " + edges + " --set version=1 --set port=" + port},
		{"upgrade", "2", "apply " + edges + " --set version=2 --set port=" + port},
		{"delete", "2", "delete edges --delete-crds"},
	} {
		j := &judge{e: e, paths: paths, version: run.version, deletes: run.name == "delete", judged: map[string]bool{}}
		r := e.Run(Run{Args: append(strings.Fields(run.args), "-n", e.NS), Before: j.request, Unchecked: true})
		if r.Exit != 0 {
			t.Fatal(r)
		}
		for _, wrong := range j.wrong {
			t.Errorf("%s: %s", run.name, wrong)
		}
		hooks := hookTable
		if j.deletes {
			hooks = partingTable
		}
		for _, edge := range slices.Concat(edgeTable, hooks) {
			kept := j.deletes && (edge.before == "claim" || edge.before == "namespace") // never deleted unasked
			if !j.judged[edge.before+" > "+edge.after] && !kept {
				t.Errorf("%s: %s was never written, and so its edge from %s not judged:\n%v", run.name, edge.after, edge.before, r)
			}
		}
	}
}
