package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// grant gives a user what a printed Role says, in the test's namespace.
func (e *Env) grant(user, roles string) {
	e.t.Helper()
	for _, role := range strings.Split(strings.TrimPrefix(roles, "---\n"), "---\n") {
		if err := e.API.Create("/apis/rbac.authorization.k8s.io/v1/namespaces/"+e.NS+"/roles", []byte(role)); err != nil {
			e.t.Fatal(err)
		}
		name := strings.Fields(role[strings.Index(role, "name:"):])[1]
		binding := fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: %s}\n"+
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}\nsubjects: [{kind: User, name: %s}]\n", name, name, user)
		if err := e.API.Create("/apis/rbac.authorization.k8s.io/v1/namespaces/"+e.NS+"/rolebindings", []byte(binding)); err != nil {
			e.t.Fatal(err)
		}
	}
}

func TestThePrintedRolesSuffice(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	bundle := e.Write("web.yaml", web)
	role := func(purpose string) string {
		return e.Must(0, "rbac", bundle, "-r", "web", "-n", e.NS, "--for", purpose, "--as", "anybody").Stdout
	}
	e.Must(5, "apply", bundle, "-r", "web", "-n", e.NS, "--as", "reader")
	e.grant("reader", role("diff"))
	e.grant("writer", role("apply"))
	e.grant("remover", role("delete"))

	// Somebody who may only read sees what would be, and what could not be asked.
	diff := e.Must(2, "diff", bundle, "-r", "web", "-n", e.NS, "--as", "reader")
	for _, want := range []string{"+ ConfigMap/web", "not server-validated: no right to patch configmaps", "you may not apply this: you lack create "} {
		if !strings.Contains(diff.Stdout, want) {
			t.Errorf("the diff lacks %q:\n%v", want, diff)
		}
	}
	refused := e.Must(5, "apply", bundle, "-r", "web", "-n", e.NS, "--as", "reader")
	for _, want := range []string{"reader lacks", "patch   deployments.apps", "create  secrets", "belay rbac"} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("the refusal lacks %q:\n%v", want, refused)
		}
	}
	e.Must(0, "apply", bundle, "-r", "web", "-n", e.NS, "--as", "writer")
	next := e.Write("next.yaml", strings.Replace(web, `a: "1"`, `a: "2"`, 1))
	local := e.Must(2, "diff", next, "-r", "web", "-n", e.NS, "--as", "reader")
	asked := e.Must(2, "diff", next, "-r", "web", "-n", e.NS)
	change := "  -   a: \"1\"\n  +   a: \"2\"\n"
	if !strings.Contains(local.Stdout, change) || !strings.Contains(asked.Stdout, change) {
		t.Errorf("the merge here and the server's differ:\n%v\n%v", local, asked)
	}
	if r := e.Run(Run{Args: []string{"delete", "web", "-n", e.NS, "--as", "remover"}}); r.Exit != 0 {
		t.Errorf("the Role to delete does not suffice:\n%v", r)
	}
}

func TestRightsAreAskedForOnceANamespace(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", e.Write("1.yaml", web), "-r", "web", "-n", e.NS)
	r := e.Must(2, "diff", e.Write("2.yaml", strings.Replace(web, `a: "1"`, `a: "2"`, 1)), "-r", "web", "-n", e.NS)
	reviews := 0
	for _, request := range r.Requests {
		if strings.Contains(request.Path, "/apis/authorization.k8s.io/") {
			reviews++
		}
	}
	if reviews != 1 {
		t.Errorf("%d reviews, want 1:\n%v", reviews, r)
	}
}
