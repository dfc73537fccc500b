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
		e.bind(user, name)
	}
}

// bind gives a user a Role of the test's namespace.
func (e *Env) bind(user, role string) {
	e.t.Helper()
	binding := fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: %s}\n"+
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}\nsubjects: [{kind: User, name: %s}]\n", role, role, user)
	if err := e.API.Create("/apis/rbac.authorization.k8s.io/v1/namespaces/"+e.NS+"/rolebindings", []byte(binding)); err != nil {
		e.t.Fatal(err)
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
	// The view role alone does not let anybody read Secrets, the release's records.
	e.allow("reader", "view")
	blind := e.Must(5, "diff", bundle, "-r", "web", "-n", e.NS, "--as", "reader")
	if want := "hint: belay rbac " + bundle + " -r web --for diff -n " + e.NS + " prints the Role that suffices"; !strings.Contains(blind.Stderr, want) {
		t.Errorf("lacks %q:\n%v", want, blind)
	}
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

// allow binds a ClusterRole to a user in the test's namespace.
func (e *Env) allow(user, role string) {
	e.t.Helper()
	binding := fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: %s-%s}\n"+
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}\nsubjects: [{kind: User, name: %s}]\n", user, role, role, user)
	if err := e.API.Create("/apis/rbac.authorization.k8s.io/v1/namespaces/"+e.NS+"/rolebindings", []byte(binding)); err != nil {
		e.t.Fatal(err)
	}
}

// TestWhoeverHasTheRolesCanDoEverything takes a bundle that gives rights itself
// through a release's life, with the printed Roles alone.
func TestWhoeverHasTheRolesCanDoEverything(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	const giving = `---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web}, rules: [{apiGroups: [""], resources: [endpoints], verbs: [get, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: web}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}, subjects: [{kind: ServiceAccount, name: web}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: view}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}, subjects: [{kind: ServiceAccount, name: web}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: web}, data: {a: YQ==}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: registry.example/a}]}}}}
`
	first := e.Write("1.yaml", web+giving)
	role := func(purpose string) string {
		return e.Must(0, "rbac", first, "-r", "web", "-n", e.NS, "--for", purpose, "--as", "anybody").Stdout
	}
	e.allow("viewer", "view")
	e.grant("viewer", role("diff"))
	e.grant("deployer", role("apply"))
	e.grant("remover", role("delete"))
	at := func(user string, args ...string) []string {
		return append(args, "-n", e.NS, "--as", user)
	}

	seen := e.Must(2, at("viewer", "diff", first, "-r", "web")...)
	if !strings.Contains(seen.Stdout, "+ Job.batch/once") || !strings.Contains(seen.Stdout, "no right to patch jobs.batch") {
		t.Errorf("a diff with view and the Role:\n%v", seen)
	}
	made := e.Must(0, at("deployer", "apply", first, "-r", "web")...)
	if strings.Contains(made.Stderr, "you may not") {
		t.Errorf("the Role lacks rights:\n%v", made)
	}
	e.Must(0, at("viewer", "diff", first, "-r", "web")...)
	e.Must(0, at("viewer", "drift", "web")...)
	second := e.Write("2.yaml", strings.Replace(web, "httpGet: {port: 80}", "exec: {command: [\"true\"]}", 1)+giving)
	e.Must(2, at("viewer", "diff", second, "-r", "web")...)
	e.Must(0, at("deployer", "apply", second, "-r", "web")...)
	e.Must(0, at("deployer", "status", "web")...)
	e.Must(0, at("deployer", "rollback", "web")...)
	third := e.Write("3.yaml", web)
	e.Must(0, at("deployer", "apply", third, "-r", "web", "--max-delete", "9")...)
	e.Must(0, at("remover", "delete", "web")...)
}

func TestRightsThatOnlyHelpAreNamed(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	e.grant("blind", `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: blind
rules:
- {apiGroups: ["", apps], resources: [secrets, configmaps, deployments], verbs: [get, list, create, patch, update, delete]}
- {apiGroups: [""], resources: [namespaces], verbs: [get]}
`)
	r := e.Must(0, "apply", e.Write("web.yaml", web), "-r", "web", "-n", e.NS, "--as", "blind", "--no-wait")
	want := "! you may not get pods/log, list events, list pods, watch deployments.apps, watch pods, watch replicasets.apps: should a rollout fail"
	if !strings.Contains(r.Stderr, want) {
		t.Errorf("lacks %q:\n%v", want, r)
	}
	// Without deletion nothing can be taken back: that is refused.
	e.grant("keeper", `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: keeper
rules:
- {apiGroups: ["", apps], resources: [secrets, configmaps, deployments], verbs: [get, list, watch, create, patch, update]}
- {apiGroups: [""], resources: [pods, pods/log, events], verbs: [get, list, watch]}
- {apiGroups: [apps], resources: [replicasets], verbs: [get, list, watch]}
`)
	less := e.Write("less.yaml", strings.Split(web, "---\n")[1])
	refused := e.Must(5, "apply", less, "-r", "web", "-n", e.NS, "--as", "keeper")
	for _, want := range []string{"you lack 2 rights", "-r web -n " + e.NS + " prints the Role", "delete  deployments.apps", "delete  secrets"} {
		if !strings.Contains(refused.Stderr, want) {
			t.Errorf("lacks %q:\n%v", want, refused)
		}
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
