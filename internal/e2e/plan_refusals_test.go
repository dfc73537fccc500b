package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// refused wants a run to end with the code and to say all of it; that it wrote
// nothing, the harness sees to.
func (e *Env) refused(exit int, args []string, want ...string) {
	e.t.Helper()
	r := e.Must(exit, args...)
	for _, line := range want {
		if !strings.Contains(r.Stderr, line) {
			e.t.Errorf("the refusal lacks %q:\n%v", line, r)
		}
	}
}

func TestWhatReleasesMustNotDoIsRefusedWhole(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := func(name, environments string, configs ...string) string {
		var docs []string
		for _, c := range configs {
			docs = append(docs, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {a: \"1\"}}", c))
		}
		e.Write(name+"/templates/all.yaml", strings.Join(docs, "\n---\n"))
		return strings.TrimSuffix(e.Write(name+"/bundle.yaml", "{apiVersion: belay.sh/v1alpha1, kind: Bundle, name: "+name+", environments: {"+environments+"}}"), "/bundle.yaml")
	}
	shop := bundle("shop", "dev: {}, prod: {}", "a", "b", "c", "d", "e", "f")
	at := func(args ...string) []string { return append(args, "-n", e.NS) }
	e.Run(Run{Args: at("apply", shop, "-e", "prod"), Unchecked: true})

	few := bundle("shop", "dev: {}, prod: {}", "a")
	e.refused(4, at("apply", few, "-e", "prod"),
		"error: refused: this would delete 5 of the 6 objects of shop; nothing was changed",
		"ConfigMap/b", "ConfigMap/c", "ConfigMap/d", "ConfigMap/e", "ConfigMap/f", "hint: if it is meant: --max-delete 5")
	e.refused(4, at("apply", few, "-e", "prod", "--max-delete", "4"), "--max-delete 5")
	e.refused(4, at("apply", few, "-e", "dev"),
		"error: refused: release shop was made from bundle shop, environment prod (1 revision); this is bundle shop, environment dev; nothing was changed",
		"--change-environment", "error: refused: this would delete 5 of the 6")
	e.refused(4, at("apply", few), "this is bundle shop, no environment", "hint: -e prod, or another name: -r NAME")
	redis := bundle("redis", "prod: {}", "a", "b", "c", "d", "e", "f")
	e.refused(4, at("apply", redis, "-e", "prod", "-r", "shop"),
		"error: refused: release shop was made from bundle shop, environment prod (1 revision); this is bundle redis; nothing was changed",
		"hint: another name: -r redis; or, to turn shop into it: --replace-bundle")
	e.Must(2, at("diff", few, "-e", "prod", "--max-delete", "5")...)
	none := bundle("shop", "dev: {}, prod: {}")
	e.refused(4, at("apply", none, "-e", "prod"), "error: refused: the bundle renders no objects; this would delete all of shop; nothing was changed",
		"hint: if it is meant: --allow-empty; to remove the release: belay delete shop -n "+e.NS)

	// What one run would be refused for is said at once; invalid input comes first.
	wrong := e.Write("wrong.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatum: {}\n---\napiVersion: v1\nkind: Sevrice\nmetadata: {name: b}\n")
	e.refused(3, at("apply", wrong, "-r", "shop"), "error: 2 objects are invalid; nothing was changed",
		"wrong.yaml:1: ConfigMap/a", "datum", "wrong.yaml:6: Sevrice/b: the server knows no kind Sevrice in v1",
		"error: refused: release shop was made from bundle shop", "error: refused: this would delete")
}

func TestWhatOthersOwnIsNamedWithItsOwners(t *testing.T) {
	t.Parallel()
	e := New(t)
	if err := e.API.Create("/api/v1/namespaces", []byte("{apiVersion: v1, kind: Namespace, metadata: {name: "+e.NS+"}}")); err != nil {
		t.Fatal(err)
	}
	configs := "/api/v1/namespaces/" + e.NS + "/configmaps"
	var docs []string
	another := func(name, metadata string) {
		t.Helper()
		docs = append(docs, "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+name+"}, data: {a: b}}")
		if err := e.API.Create(configs+"?fieldManager=kubectl-create", []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: "+name+metadata+"}, data: {a: c}}")); err != nil {
			t.Fatal(err)
		}
	}
	another("nobodys", "")
	another("helms", ", labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: old, meta.helm.sh/release-namespace: "+e.NS+"}")
	another("argos", ", annotations: {argocd.argoproj.io/tracking-id: 'app:/ConfigMap:x/y'}")
	another("fluxs", ", labels: {kustomize.toolkit.fluxcd.io/name: infra, kustomize.toolkit.fluxcd.io/namespace: flux}")
	another("kapps", ", labels: {kapp.k14s.io/app: '1234'}")
	owner, err := e.API.Get(configs + "/nobodys")
	if err != nil {
		t.Fatal(err)
	}
	another("controlled", ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: nobodys, uid: "+string(owner.GetUID())+", controller: true}]")
	other := "{apiVersion: v1, kind: ConfigMap, metadata: {name: releases}}"
	docs = append(docs, other)
	e.Run(Run{Args: []string{"apply", e.Write("other.yaml", other), "-r", "other", "-n", e.NS}, Unchecked: true})

	bundle := e.Write("all.yaml", strings.Join(docs, "\n---\n"))
	want := []string{
		"error: refused: 7 objects exist and are not mine's; nothing was changed",
		"ConfigMap/nobodys     nobody's (kubectl-create, ", "ConfigMap/helms       Helm release old", "ConfigMap/argos       Argo CD application app:/ConfigMap:x/y",
		"ConfigMap/fluxs       Flux Kustomization infra", "ConfigMap/kapps       kapp application 1234",
		"ConfigMap/controlled  controlled by ConfigMap/nobodys", "ConfigMap/releases    release other in namespace " + e.NS,
		"hint: --adopt takes the 1 that is nobody's", "belay adopt helm/old -n " + e.NS + " takes over the Helm release",
	}
	e.refused(4, []string{"apply", bundle, "-r", "mine", "-n", e.NS}, want...)
	// --adopt takes what is nobody's, and only that.
	e.refused(4, []string{"apply", bundle, "-r", "mine", "-n", e.NS, "--adopt"}, "error: refused: 6 objects exist and are not mine's")
}

func TestAStrictPreviewRefusesWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("web.yaml", web)
	e.Must(2, "diff", bundle, "-r", "web", "-n", e.NS)
	e.refused(4, []string{"diff", bundle, "-r", "web", "-n", e.NS, "--strict-preview"},
		"error: refused: the server could not validate 2 objects, and --strict-preview",
		"ConfigMap/web", "Deployment.apps/web", "namespace "+e.NS+" is created by this plan")
	e.refused(4, []string{"apply", bundle, "-r", "web", "-n", e.NS, "--strict-preview"}, "the server could not validate 2 objects")
	if _, err := e.API.Get("/api/v1/namespaces/" + e.NS); !isNotFound(err) {
		t.Errorf("the namespace was made, or: %v", err)
	}
}
