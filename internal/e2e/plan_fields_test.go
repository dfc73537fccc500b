package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: registry.example/web:1
        env: [{name: A, value: a}]
        livenessProbe: {httpGet: {port: 80}}
      volumes:
      - {name: v, configMap: {name: web}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {a: "1", b: "1"}
`

const webScaler = `---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 9
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`

func (e *Env) deployment(name string) string {
	return "/apis/apps/v1/namespaces/" + e.NS + "/deployments/" + name
}

// merge changes an object as a client that knows no server-side apply does.
func (e *Env) merge(path, manager, patch string) {
	e.t.Helper()
	err := e.API.Do(http.MethodPatch, path+"?fieldManager="+manager, "application/merge-patch+json", []byte(patch), nil)
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *Env) replicas(name string) int {
	e.t.Helper()
	u, err := e.API.Get(e.deployment(name))
	if err != nil {
		e.t.Fatal(err)
	}
	n, _, _ := unstructured.NestedFloat64(u.Object, "spec", "replicas")
	return int(n)
}

func TestAnAutoscalerKeepsItsReplicas(t *testing.T) {
	t.Parallel()
	e := New(t)
	args := func(bundle string) []string { return []string{"apply", bundle, "-r", "web", "-n", e.NS} }
	e.Must(0, args(e.Write("1.yaml", web+webScaler))...)
	e.merge(e.deployment("web")+"/scale", "kube-controller-manager", `{"spec":{"replicas":5}}`)

	next := strings.Replace(web, "web:1", "web:2", 1) + webScaler
	r := e.Must(0, args(e.Write("2.yaml", next))...)
	if n := e.replicas("web"); n != 5 {
		t.Errorf("the apply made it %d replicas, the autoscaler 5", n)
	}
	if !strings.Contains(r.Stderr, "spec.replicas is left to HorizontalPodAutoscaler.autoscaling/web (live 5, bundle 2)") {
		t.Errorf("nobody says who sets the replicas:\n%v", r)
	}
	// The bundle gives the field up: it must not fall to its default.
	e.Must(0, args(e.Write("3.yaml", strings.Replace(next, "  replicas: 2\n", "", 1)))...)
	if n := e.replicas("web"); n != 5 {
		t.Errorf("giving the field up made it %d replicas", n)
	}
}

func TestReplicasGivenUpForAnAutoscalerStayAsTheyAre(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", e.Write("1.yaml", web), "-r", "web", "-n", e.NS)
	without := strings.Replace(web, "  replicas: 2\n", "", 1) + webScaler
	e.Must(0, "apply", e.Write("2.yaml", without), "-r", "web", "-n", e.NS)
	if n := e.replicas("web"); n != 2 {
		t.Errorf("it has %d replicas; want the 2 that it had", n)
	}
}

func TestARestartByKubectlSurvivesAnApply(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", e.Write("1.yaml", web), "-r", "web", "-n", e.NS)
	e.merge(e.deployment("web"), "kubectl-rollout",
		`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-21T20:00:00Z"}}}}}`)
	e.Must(0, "diff", e.Write("1.yaml", web), "-r", "web", "-n", e.NS)
	e.Must(0, "apply", e.Write("2.yaml", strings.Replace(web, "web:1", "web:2", 1)), "-r", "web", "-n", e.NS)
	u, err := e.API.Get(e.deployment("web"))
	if err != nil {
		t.Fatal(err)
	}
	at, _, _ := unstructured.NestedString(u.Object, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
	if at == "" {
		t.Error("the apply took the restart back")
	}
}

func TestWhoWinsAFieldIsTheBundlesToSay(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("shop/templates/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: \"1\", b: \"1\"}\n")
	spec := "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: shop\n"
	dir := strings.TrimSuffix(e.Write("shop/bundle.yaml", spec), "/bundle.yaml")
	e.Must(0, "apply", dir, "-n", e.NS)
	path := "/api/v1/namespaces/" + e.NS + "/configmaps/web"
	e.merge(path, "kubectl-edit", `{"data":{"a":"edited","b":"edited"}}`)
	e.merge(path, "operator", `{"data":{"b":"operated"}}`)

	refused := e.Must(4, "apply", dir, "-n", e.NS)
	for _, want := range []string{"2 conflicts", "set by kubectl-edit", "set by operator", `belay.sh/fields: "data.a=yield"`, "in bundle.yaml"} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("the refusal lacks %q:\n%v", want, refused)
		}
	}
	e.Write("shop/bundle.yaml", spec+"fields:\n- {manager: \"kubectl-*\", onConflict: force}\n- {kind: ConfigMap, path: data.b, onConflict: yield}\n")
	e.Must(0, "apply", dir, "-n", e.NS)
	u, err := e.API.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(u.Object["data"]); got != "map[a:1 b:operated]" {
		t.Errorf("data is %s", got)
	}
}

func TestAnAdoptionTakesOverWhatOlderToolsOwn(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	// A stale variable, and one that turns from a value into a reference: the first
	// would stay for ever, the second would be refused.
	old := strings.Replace(strings.Split(web, "---")[0], "env: [{name: A, value: a}]", "env: [{name: A, value: a}, {name: STALE, value: s}]", 1)
	path := "/apis/apps/v1/namespaces/" + e.NS + "/deployments?fieldManager=kubectl-client-side-apply"
	if err := e.API.Create(path, []byte(old)); err != nil {
		t.Fatal(err)
	}
	bundle := e.Write("web.yaml", strings.Replace(web, "{name: A, value: a}", "{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}", 1))
	e.Must(4, "diff", bundle, "-r", "web", "-n", e.NS)
	e.Must(4, "diff", bundle, "-r", "web", "-n", e.NS, "--adopt=ConfigMap/web")
	if r := e.Must(3, "diff", bundle, "-r", "web", "-n", e.NS, "--adopt=Deployment/wep"); !strings.Contains(r.Stderr, "Deployment/wep; the nearest is Deployment/web") {
		t.Errorf("no nearest name:\n%v", r)
	}
	e.Must(2, "diff", bundle, "-r", "web", "-n", e.NS, "--adopt=deployment/web")
	diff := e.Must(2, "diff", bundle, "-r", "web", "-n", e.NS, "--adopt")
	for _, want := range []string{"fields of kubectl-client-side-apply become the release's", "env[STALE]"} {
		if !strings.Contains(diff.Stdout, want) {
			t.Errorf("the plan lacks %q:\n%v", want, diff)
		}
	}
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS, "--adopt")
	u, err := e.API.Get(e.deployment("web"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range u.GetManagedFields() {
		if entry.Manager == "kubectl-client-side-apply" {
			t.Error("the old tool still owns fields")
		}
	}
	if text := fmt.Sprint(u.Object["spec"]); strings.Contains(text, "STALE") {
		t.Error("the stale variable is still there")
	}
}

func TestAnAdoptedWorkloadKeepsWhatItsAutoscalerSaid(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	old := strings.Replace(strings.Split(web, "---")[0], "replicas: 2", "replicas: 4", 1)
	path := "/apis/apps/v1/namespaces/" + e.NS + "/deployments?fieldManager=kubectl-client-side-apply"
	if err := e.API.Create(path, []byte(old)); err != nil {
		t.Fatal(err)
	}
	bundle := e.Write("web.yaml", strings.Replace(web, "  replicas: 2\n", "", 1)+webScaler)
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS, "--adopt", "--no-wait")
	if got := e.replicas("web"); got != 4 {
		t.Errorf("%d replicas, want the 4 that it had", got)
	}
}

func TestAClientSideApplyOnOurObjectsIsTakenBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", web)
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS)
	path := "/api/v1/namespaces/" + e.NS + "/configmaps/web"
	e.merge(path, "kubectl-client-side-apply", `{"data":{"b":"1","extra":"x"}}`)
	diff := e.Must(2, "diff", bundle, "-r", "web", "-n", e.NS)
	for _, want := range []string{"~ ConfigMap/web", "fields of kubectl-client-side-apply become the release's", "-   extra: x"} {
		if !strings.Contains(diff.Stdout, want) {
			t.Errorf("the plan lacks %q:\n%v", want, diff)
		}
	}
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS)
	u, err := e.API.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(u.Object["data"]); text != "map[a:1 b:1]" || strings.Contains(fmt.Sprint(u.GetManagedFields()), "kubectl-client") {
		t.Errorf("%s, owned by %v", text, u.GetManagedFields())
	}
	// Another value than the bundle's is somebody's word, and not overruled.
	e.merge(path, "kubectl-client-side-apply", `{"data":{"b":"2"}}`)
	conflict := e.Must(4, "apply", bundle, "-r", "web", "-n", e.NS)
	if !strings.Contains(conflict.Stderr, "data.b\n") || !strings.Contains(conflict.Stderr, "live 2, set by kubectl-client-side-apply") {
		t.Errorf("the conflict is not told:\n%v", conflict)
	}
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS, "--force-conflicts")
}
