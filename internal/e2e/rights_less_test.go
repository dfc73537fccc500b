package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// either is a bundle of which each version creates, changes and removes an object of
// each kind, and runs a hook; so that from one to the other every right is used.
func either(version string) string {
	parts := []string{`{apiVersion: v1, kind: ConfigMap, metadata: {name: hook, annotations: {belay.sh/run: before}}, data: {version: "` + version + `"}}`}
	for _, name := range []string{"both", "only-" + version} {
		parts = append(parts,
			fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {version: "%s"}}`, name, version),
			fmt.Sprintf(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s, annotations: {example.com/version: "%s"}}}`, name, version),
			fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {replicas: 0, selector: {matchLabels: {app: %[1]s}},
 template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: a, image: "registry.example/a:%[2]s"}]}}}}`, name, version))
	}
	return strings.Join(parts, "\n---\n")
}

// right is one verb that a printed Role gives.
type right struct{ verb, resource, group string }

// without lists the rights of printed Roles, and makes the rules that have all but
// one of them.
func without(t *testing.T, printed string) (rights []right, rules func(but int) []map[string]any) {
	t.Helper()
	for _, text := range strings.Split(strings.TrimPrefix(printed, "---\n"), "---\n") {
		var role struct {
			Rules []struct{ APIGroups, Resources, Verbs []string }
		}
		if err := yaml.Unmarshal([]byte(text), &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right{verb, resource, rule.APIGroups[0]})
				}
			}
		}
	}
	return rights, func(but int) []map[string]any {
		var all []map[string]any
		for i, r := range rights {
			if i != but {
				all = append(all, map[string]any{"apiGroups": []string{r.group}, "resources": []string{r.resource}, "verbs": []string{r.verb}})
			}
		}
		return all
	}
}

// permit gives a user rights, and waits until the server knows.
func (e *Env) permit(user string, rules []map[string]any) {
	e.t.Helper()
	role, err := json.Marshal(map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": map[string]any{"name": user}, "rules": rules,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.API.Create("/apis/rbac.authorization.k8s.io/v1/namespaces/"+e.NS+"/roles", role); err != nil {
		e.t.Fatal(err)
	}
	e.bind(user, user)
	review := fmt.Sprintf(`{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {user: %s, resourceAttributes: {namespace: %s, verb: %s, group: "%s", resource: %s}}}`,
		user, e.NS, rules[0]["verbs"].([]string)[0], rules[0]["apiGroups"].([]string)[0], rules[0]["resources"].([]string)[0])
	e.Until("the server knows what "+user+" may", func() (bool, error) {
		var answer struct{ Status struct{ Allowed bool } }
		err := e.API.Do("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "application/yaml", []byte(review), &answer)
		return answer.Status.Allowed, err
	})
}

// TestARightLessIsNamedBeforeAnythingIsWritten takes one right after the other from
// who has the printed Role. Nobody may find out in the middle of a run what lacks.
func TestARightLessIsNamedBeforeAnythingIsWritten(t *testing.T) {
	for _, verb := range []string{"apply", "rollback", "delete", "diff"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			e := New(t)
			if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
				t.Fatal(err)
			}
			versions := []string{e.Write("1.yaml", either("1")), e.Write("2.yaml", either("2"))}
			purpose := map[string]string{"rollback": "apply"}[verb]
			if purpose == "" {
				purpose = verb
			}
			var all []right
			var rules func(int) []map[string]any
			for _, file := range versions {
				printed := e.Must(0, "rbac", file, "-r", "web", "-n", e.NS, "--for", purpose).Stdout
				if rights, f := without(t, printed); all == nil {
					all, rules = rights, f
				} else if !slices.Equal(all, rights) {
					t.Fatalf("the Roles of both versions differ: %v, %v", all, rights)
				}
			}
			e.deployVersions(versions)
			for _, i := range sample(2, len(all)) {
				user := fmt.Sprintf("%s-less-%d", verb, i)
				e.permit(user, rules(i))
				e.lacking(verb, user, versions, all[i])
			}
		})
	}
}

func (e *Env) deployVersions(versions []string) {
	e.t.Helper()
	for _, file := range versions {
		if r := e.Run(Run{Args: []string{"apply", file, "-r", "web", "-n", e.NS, "--max-delete", "9"}, Unchecked: true}); r.Exit != 0 {
			e.t.Fatal(r)
		}
	}
}

// lacking runs a verb as somebody who lacks a right.
func (e *Env) lacking(verb, user string, versions []string, lack right) {
	e.t.Helper()
	history := e.history("web")
	current := history[len(history)-1].Number
	file := versions[current%2] // the one that is not deployed
	args := map[string][]string{
		"apply":    {"apply", file, "-r", "web", "--max-delete", "9"},
		"diff":     {"diff", file, "-r", "web"},
		"rollback": {"rollback", "web", fmt.Sprint(current - 1)},
		"delete":   {"delete", "web"},
	}[verb]
	r := e.Run(Run{Args: append(args, "-n", e.NS, "--as", user), Unchecked: true})
	done := map[string]int{"diff": 2}[verb]
	named := strings.Contains(spaceless(r.Stderr+r.Stdout), lack.verb+" "+strings.TrimSuffix(lack.resource+"."+lack.group, ".")) ||
		strings.Contains(r.Stderr, fmt.Sprintf("cannot %s resource %q", lack.verb, lack.resource)) ||
		lack.verb == "list" && strings.Contains(r.Stderr+r.Stdout, lack.resource+" in namespace "+e.NS+" may not be listed") ||
		lack.verb == "list" && strings.Contains(r.Stderr+r.Stdout, "you may not list "+lack.resource) ||
		verb == "diff" && strings.Contains(r.Stdout, " more (belay rbac") // who may only read lacks much
	forbidden := slices.ContainsFunc(r.Requests, func(q proxy.Request) bool { return q.Status == 403 })
	switch {
	case r.Exit != done && r.Exit != 5: // 5: the harness holds that nothing was written
		e.t.Errorf("without the right to %s %s it ended with %d:\n%v", lack.verb, lack.resource, r.Exit, r)
	case (forbidden || r.Exit == 5) && !named:
		e.t.Errorf("the right to %s %s lacks, and is not named:\n%v", lack.verb, lack.resource, r)
	}
	if verb == "delete" && r.Exit == 0 {
		e.deployVersions(versions)
	}
}
