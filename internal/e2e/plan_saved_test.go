package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASavedPlanIsCarriedOutOnlyAsItWasMade(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.SameServer = true // a plan is for one server
	secret := e.Secret("s4ved-in-clear-7711")
	with := web + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\ndata: {p: " + base64.StdEncoding.EncodeToString([]byte(secret)) + "}\n"
	file := filepath.Join(t.TempDir(), "web.plan")
	plan := "plan=" + file
	saved := e.Must(2, "diff", e.Write("1.yaml", with), "-r", "web", "-n", e.NS, "-o", plan)
	if !strings.Contains(saved.Stderr, "it holds 1 Secret in clear") {
		t.Errorf("nobody says that a Secret is in the file:\n%v", saved)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the plan: %v, %v", info.Mode(), err)
	}
	e.Run(Run{Args: []string{"apply", "--plan", file}, Unchecked: true})
	e.Must(0, "diff", e.Write("1.yaml", with), "-r", "web", "-n", e.NS)

	// Something moves between the plan and its apply: nothing is written.
	next := e.Write("2.yaml", strings.Replace(with, `a: "1"`, `a: "2"`, 1))
	e.Must(2, "diff", next, "-r", "web", "-n", e.NS, "-o", plan, "--force-conflicts")
	e.merge("/api/v1/namespaces/"+e.NS+"/configmaps/web", "kubectl-edit", `{"data":{"a":"3"}}`)
	stale := e.Must(4, "apply", "--plan", file)
	for _, want := range []string{"no longer fits; nothing was changed", "ConfigMap/web", "data.a was 1, is 3 (kubectl-edit", "make the plan again"} {
		if !strings.Contains(stale.Stderr, want) {
			t.Errorf("the refusal lacks %q:\n%v", want, stale)
		}
	}
	// What was no conflict when it was made is none to decide now: it moved.
	e.Must(0, "apply", next, "-r", "web", "-n", e.NS, "--force-conflicts")
	other := e.Write("3.yaml", strings.NewReplacer(`a: "1"`, `a: "2"`, `b: "1"`, `b: "2"`).Replace(with))
	e.Must(2, "diff", other, "-r", "web", "-n", e.NS, "-o", plan)
	for _, value := range []string{"3", "1"} {
		e.merge("/api/v1/namespaces/"+e.NS+"/configmaps/web", "kubectl-edit", `{"data":{"b":"`+value+`"}}`)
		stale = e.Must(4, "apply", "--plan", file)
		if strings.Contains(stale.Stderr, "--force-conflicts") || !strings.Contains(stale.Stderr, "no longer fits") || !strings.Contains(stale.Stderr, "kubectl-edit") {
			t.Errorf("it advises what a plan cannot do, or does not say that it is stale:\n%v", stale)
		}
	}
	e.Must(3, "apply", "--plan", file, "-n", "elsewhere")
	// A rollback and a deletion can be saved, too.
	e.Must(2, "rollback", "web", "-n", e.NS, "--dry-run", "-o", plan)
	if r := e.Run(Run{Args: []string{"apply", "--plan", file}, Unchecked: true}); r.Exit != 0 {
		t.Error(r)
	}
	e.Must(0, "diff", e.Write("1.yaml", with), "-r", "web", "-n", e.NS)
	e.Must(2, "delete", "web", "-n", e.NS, "--dry-run", "-o", plan)
	if r := e.Run(Run{Args: []string{"apply", "--plan", file}, Unchecked: true}); r.Exit != 0 {
		t.Error(r)
	}
	if left := e.All().Of("web"); len(left) > 0 {
		t.Errorf("%d objects are left", len(left))
	}
	e.Must(3, "apply", "--plan", e.Write("1.yaml", with))
	e.Must(3, "apply", "--plan", file, "--adopt")
}

func TestDriftSaysWhoChangedWhat(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", web)
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS)
	e.Must(0, "drift", "web", "-n", e.NS)
	config := "/api/v1/namespaces/" + e.NS + "/configmaps/web"
	e.merge(config, "kubectl-edit", `{"data":{"a":"edited"}}`)
	e.merge(config, "kubectl-annotate", `{"metadata":{"annotations":{"team":"x"}}}`)
	if err := e.API.Delete(e.deployment("web")); err != nil {
		t.Fatal(err)
	}
	e.Until("the Deployment is gone", func() (bool, error) {
		_, err := e.API.Get(e.deployment("web"))
		return err != nil, nil
	})
	r := e.Must(2, "drift", "web", "-n", e.NS)
	for _, want := range []string{
		"~ ConfigMap/web", "changed by kubectl-edit", `"1"   applied in revision 1`, "edited   live",
		"- Deployment.apps/web   is gone", "2 of 2 objects drifted", "belay rollback web 1 --force-conflicts -n " + e.NS,
		"left alone: ConfigMap/web metadata.annotations.team (kubectl-annotate",
	} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("it lacks %q:\n%v", want, r)
		}
	}
	status := e.Must(6, "status", "web", "-n", e.NS)
	if want := "drift: 2 objects (belay drift web -n " + e.NS + ")"; !strings.Contains(status.Stdout, want) {
		t.Errorf("the status lacks %q:\n%v", want, status)
	}
	e.Must(0, "rollback", "web", "1", "--force-conflicts", "-n", e.NS)
	e.Must(0, "drift", "web", "-n", e.NS)
	if status := e.Must(0, "status", "web", "-n", e.NS); strings.Contains(status.Stdout, "drift") {
		t.Errorf("a drift that is none:\n%v", status)
	}
	e.Must(3, "drift", "none", "-n", e.NS)
}

func TestAPlanInMarkdownStaysBelowItsSize(t *testing.T) {
	t.Parallel()
	e := New(t)
	r := e.Must(2, "diff", "examples/microservices", "-e", "prod", "-n", e.NS, "-o", "markdown:4000")
	if n := len(r.Stdout); n > 4000 || n < 1000 {
		t.Errorf("it has %d bytes, of 4000:\n%v", n, r)
	}
	if !strings.Contains(r.Stdout, "more, too long to show here") || strings.Count(r.Stdout, "<details") != strings.Count(r.Stdout, "</details>") {
		t.Errorf("it was not cut between objects:\n%v", r)
	}
	graph := e.Must(2, "diff", "examples/microservices", "-e", "prod", "-n", e.NS, "--graph")
	if !strings.HasPrefix(graph.Stdout, "step 1\n  + Namespace/") || !strings.Contains(graph.Stdout, "when ") {
		t.Errorf("no order:\n%v", graph)
	}
}
