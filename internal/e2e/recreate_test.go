package e2e

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const migration = `---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    metadata: {annotations: {note: first}}
    spec: {restartPolicy: Never, containers: [{name: a, image: registry.example/migrate:1}]}
`

// TestAFailedUpgradeThatRecreatedIsRolledBack has a first revision that says nothing of
// being recreated, and an autoscaler that only the cluster knows.
func TestAFailedUpgradeThatRecreatedIsRolledBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	first := web + migration
	e.Must(0, "apply", e.Write("1.yaml", first), "-r", "web", "-n", e.NS)
	scalers := "/apis/autoscaling/v2/namespaces/" + e.NS + "/horizontalpodautoscalers"
	if err := e.API.Create(scalers, []byte(strings.TrimPrefix(webScaler, "---\n"))); err != nil {
		t.Fatal(err)
	}
	e.merge(e.deployment("web")+"/scale", "kube-controller-manager", `{"spec":{"replicas":4}}`)

	next := strings.NewReplacer(
		"metadata: {name: web}\nspec:", "metadata: {name: web, annotations: {belay.sh/on-immutable: recreate, belay.sh/fail-after: 2s}}\nspec:",
		"matchLabels: {app: web}", "matchLabels: {app: web, tier: x}", "labels: {app: web}", "labels: {app: web, tier: x}",
		"registry.example/web:1", "registry.invalid/web:2", "registry.example/migrate:1", "registry.example/migrate:2",
		"    metadata: {annotations: {note: first}}\n", "",
	).Replace(first)
	r := e.Must(9, "apply", e.Write("2.yaml", next), "-r", "web", "-n", e.NS, "--on-failure", "rollback")
	for _, want := range []string{
		"± Deployment.apps/web", "± Job.batch/migrate", "recreated: spec.template is immutable",
		"cannot pull registry.invalid/web:2", "; rolled back to 1, as revision 3, in ",
	} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it lacks %q:\n%v", want, r)
		}
	}
	u, err := e.API.Get(e.deployment("web"))
	if err != nil {
		t.Fatal(err)
	}
	if tier, found, _ := unstructured.NestedString(u.Object, "spec", "selector", "matchLabels", "tier"); found {
		t.Errorf("its selector still has tier %s", tier)
	}
	if n := e.replicas("web"); n != 4 {
		t.Errorf("it has %d replicas; the autoscaler had set 4", n)
	}
}

func TestWhatNoPruneLeavesIsNamed(t *testing.T) {
	t.Parallel()
	e := New(t)
	const a = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\"}\n"
	args := func(manifest string) []string {
		return []string{"apply", e.Write("a.yaml", manifest), "-r", "a", "-n", e.NS, "--no-prune"}
	}
	e.Must(0, args(a+"---\n"+strings.Replace(a, "name: a", "name: b", 1))...)
	for _, manifest := range []string{a, strings.Replace(a, `"1"`, `"2"`, 1)} {
		r := e.Must(0, args(manifest)...)
		if !strings.Contains(r.Stderr, "  left: ConfigMap/b (--no-prune") {
			t.Errorf("nobody says what is left:\n%v", r)
		}
	}
}

func TestARunThatOnlyLetsGoShowsItsPlan(t *testing.T) {
	t.Parallel()
	e := New(t)
	const a = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	kept := strings.Replace(a, "name: a", "name: b, annotations: {belay.sh/prune: never}", 1)
	e.Must(0, "apply", e.Write("1.yaml", a+"---\n"+kept), "-r", "a", "-n", e.NS)
	r := e.Must(0, "apply", e.Write("2.yaml", a), "-r", "a", "-n", e.NS)
	if !strings.Contains(r.Stderr, "= ConfigMap/b   belay.sh/prune: never\n\nno changes: 1 object, 1 kept\n") {
		t.Errorf("a person would be asked without being told what:\n%v", r)
	}
}

func TestAProbeThatSomebodyReplacedRecreatesNothing(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", strings.Replace(web, "metadata: {name: web}", "metadata: {name: web, annotations: {belay.sh/on-immutable: recreate}}", 1))
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS)
	e.merge(e.deployment("web"), "kubectl-edit", `{"spec":{"template":{"spec":{"containers":[
		{"name":"main","image":"registry.example/web:1","env":[{"name":"A","value":"a"}],"livenessProbe":{"exec":{"command":["x"]}}}]}}}}`)
	r := e.Must(4, "apply", bundle, "-r", "web", "-n", e.NS, "--force-conflicts")
	for _, want := range []string{"would be invalid together with what others set on it", "may not specify more than 1 handler type", "take off what they set: kubectl -n " + e.NS + " edit"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it lacks %q:\n%v", want, r)
		}
	}
}

func TestABudgetThatSomebodyTurnedAroundIsNotImmutable(t *testing.T) {
	t.Parallel()
	e := New(t)
	const budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, annotations: {belay.sh/on-immutable: recreate}}\nspec: {minAvailable: 1, selector: {matchLabels: {app: b}}}\n"
	bundle := e.Write("b.yaml", budget)
	e.Must(0, "apply", bundle, "-r", "b", "-n", e.NS)
	e.merge("/apis/policy/v1/namespaces/"+e.NS+"/poddisruptionbudgets/b", "kubectl-edit", `{"spec":{"minAvailable":null,"maxUnavailable":1}}`)
	r := e.Must(4, "apply", bundle, "-r", "b", "-n", e.NS)
	if strings.Contains(r.Stderr, "is immutable") || !strings.Contains(r.Stderr, "would be invalid together with what others set on it") {
		t.Errorf("it would be deleted for what somebody set:\n%v", r)
	}
}
