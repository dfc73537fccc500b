package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// dryRuns are the objects that a run asked the server about.
func dryRuns(r *Result) []string {
	var names []string
	for _, request := range r.Requests {
		if request.DryRun {
			path, _, _ := strings.Cut(request.Path, "?")
			names = append(names, path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	return names
}

// TestNothingIsTakenForUnchangedThatIsNot changes what a hash of an object's values
// would not show, and wants each to be seen without --fresh.
func TestNothingIsTakenForUnchangedThatIsNot(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", strings.Split(web, "---\n")[1])
	apply := []string{"apply", bundle, "-r", "web", "-n", e.NS}
	e.Must(0, apply...)
	path := "/api/v1/namespaces/" + e.NS + "/configmaps/web"
	take := func(value string) {
		t.Helper()
		body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"},"data":{"b":"` + value + `"}}`
		if err := e.API.Apply(path, "other", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func()
		want   string
	}{
		{"an edit there and back", func() {
			e.merge(path, "kubectl-edit", `{"data":{"a":"9"}}`)
			e.merge(path, "kubectl-edit", `{"data":{"a":"1"}}`)
		}, "data.a: only its ownership changes"},
		{"another manager takes a field and gives the value back", func() { take("9"); take("1") }, "data.b: only its ownership changes"},
		{"managed fields stripped", func() { e.merge(path, "x", `{"metadata":{"managedFields":[{}]}}`) }, "~ ConfigMap/web"},
		{"our entry stripped, another's left", func() {
			take("1")
			e.stripOurs(path)
		}, "~ ConfigMap/web"},
	} {
		c.change()
		r := e.Belay("diff", bundle, "-r", "web", "-n", e.NS)
		if r.Exit != 2 && r.Exit != 4 || !strings.Contains(r.Stdout, c.want) {
			t.Errorf("%s: it is not seen:\n%v", c.name, r)
		}
		if again := e.Run(Run{Args: append(apply, "--force-conflicts"), Unchecked: true}); again.Exit != 0 {
			t.Errorf("%s: %v", c.name, again)
		}
		e.Must(0, "diff", bundle, "-r", "web", "-n", e.NS)
	}
	// What others own beside us, and beside us too, is no change, and costs no
	// request of the object.
	e.merge(path, "kubectl-edit", `{"data":{"theirs":"x"},"metadata":{"annotations":{"note":"x"}}}`)
	take("1")
	if r := e.Must(0, "diff", bundle, "-r", "web", "-n", e.NS); len(dryRuns(r)) > 0 {
		t.Errorf("asked about an object that is not changed:\n%v", r)
	}
	// They leave it again.
	if err := e.API.Apply(path, "other", []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"}}`)); err != nil {
		t.Fatal(err)
	}
	e.merge(path, "kubectl-edit", `{"data":{"theirs":null},"metadata":{"annotations":{"note":null}}}`)
	if r := e.Must(0, "diff", bundle, "-r", "web", "-n", e.NS); len(dryRuns(r)) > 0 {
		t.Errorf("asked about an object that is not changed:\n%v", r)
	}
}

// stripOurs takes belay's entries out of an object's managed fields.
func (e *Env) stripOurs(path string) {
	e.t.Helper()
	u, err := e.API.Get(path)
	if err != nil {
		e.t.Fatal(err)
	}
	var kept []string
	for _, entry := range u.GetManagedFields() {
		if !strings.HasPrefix(entry.Manager, "belay/") {
			kept = append(kept, text(entry))
		}
	}
	e.merge(path, "x", `{"metadata":{"managedFields":[`+strings.Join(kept, ",")+`]}}`)
}

func TestAnotherServerIsAskedAboutEverything(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", web)
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS)
	upgraded := []proxy.Rule{{
		Match:  func(r proxy.Request) bool { return r.Path == "/version" },
		Status: http.StatusOK, Body: `{"major":"1","minor":"36","gitVersion":"v1.36.99"}`,
	}}
	for _, args := range [][]string{{"diff", bundle, "-r", "web", "-n", e.NS}, {"drift", "web", "-n", e.NS}} {
		if r := e.Must(0, args...); len(dryRuns(r)) > 0 {
			t.Errorf("the same server was asked about what is recorded:\n%v", r)
		}
		if r := e.Run(Run{Args: args, Rules: upgraded}); r.Exit != 0 || len(dryRuns(r)) != 2 {
			t.Errorf("a server of another version was not asked about both objects:\n%v", r)
		}
	}
	// The next run that writes takes down what the server said.
	next := e.Write("next.yaml", strings.Replace(web, `a: "1"`, `a: "2"`, 1))
	e.Run(Run{Args: []string{"apply", next, "-r", "web", "-n", e.NS}, Rules: upgraded, Unchecked: true})
	if r := e.Run(Run{Args: []string{"diff", next, "-r", "web", "-n", e.NS}, Rules: upgraded}); r.Exit != 0 || len(dryRuns(r)) > 0 {
		t.Errorf("it is asked again and again:\n%v", r)
	}
}

// TestAChangedSchemaIsAskedAbout changes a definition below an object that stays as
// it is: a list gets keys, and so the release's fields others.
func TestAChangedSchemaIsAskedAbout(t *testing.T) {
	t.Parallel()
	e := New(t)
	group := e.NS + ".example"
	crds := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	definition := func(more string) []byte {
		return []byte(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"bells.` + group + `"},"spec":{"group":"` + group + `","scope":"Namespaced",
"names":{"kind":"Bell","plural":"bells","singular":"bell","listKind":"BellList"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{
"tones":{"type":"array"` + more + `,"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"pitch":{"type":"integer"}}}}}}}}}}]}}`)
	}
	if err := e.API.Create(crds, definition("")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.API.Delete(crds + "/bells." + group) })
	e.Until("bells have a schema", func() (bool, error) {
		return e.API.Do(http.MethodGet, "/openapi/v3/apis/"+group+"/v1", "", nil, nil) == nil, nil
	})
	bundle := e.Write("bell.yaml", "apiVersion: "+group+"/v1\nkind: Bell\nmetadata: {name: a}\nspec: {tones: [{name: deep, pitch: 1}]}\n")
	apply := []string{"apply", bundle, "-r", "bell", "-n", e.NS}
	e.Run(Run{Args: apply, Unchecked: true}) // the index of schemas may lag behind
	diff := []string{"diff", bundle, "-r", "bell", "-n", e.NS}
	e.Must(0, diff...)
	if err := e.API.Apply(crds+"/bells."+group, "admin", definition(`,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"]`)); err != nil {
		t.Fatal(err)
	}
	e.Until("the new schema counts", func() (bool, error) {
		r := e.Belay(diff...)
		return len(dryRuns(r)) == 1 && r.Exit == 2, nil
	})
	e.Must(0, apply...)
}

// TestControllersLeaveTheReleasesFieldsAlone applies objects of all built-in kinds
// and lets the cluster come to rest: whatever controllers have written by then,
// the records still prove that nothing of the release's has changed.
func TestControllersLeaveTheReleasesFieldsAlone(t *testing.T) {
	t.Parallel()
	z := newZoo(t, 1)
	z.Settled()
	r := z.Must(0, "diff", z.file(z.now), "-r", "zoo", "-n", z.NS)
	for _, request := range r.Requests {
		// The published schema of the zoo's own kind lags behind its definition.
		if request.DryRun && !strings.Contains(request.Path, "/animals/") {
			t.Errorf("it is asked about: %s", request.Path)
		}
	}
}
