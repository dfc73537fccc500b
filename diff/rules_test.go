package diff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
)

const one = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: x}}"

func TestObjectsThatAreNotTheReleasesAreRefused(t *testing.T) {
	live := func(metadata string) string {
		return "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop, " + metadata + "}, data: {a: x}}"
	}
	tests := map[string]struct {
		manager, live string
		owner         Owner
		who           string
		adoptable     bool
	}{
		"somebody's by hand":        {"kubectl-edit", live(""), Nobody, "nobody's (kubectl-edit, 0s ago)", true},
		"another release's":         {"x", live(`labels: {belay.sh/release: web}, annotations: {belay.sh/release-namespace: web}`), OtherRelease, "release web in namespace web", false},
		"a namesake's":              {"x", live(`labels: {belay.sh/release: shop}, annotations: {belay.sh/release-namespace: web}`), OtherRelease, "release shop in namespace web", false},
		"Helm's":                    {"helm", live(`labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: web}`), Foreign, "Helm release web", false},
		"Helm's, elsewhere":         {"helm", live(`labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: web, meta.helm.sh/release-namespace: w}`), Foreign, "Helm release web in namespace w", false},
		"Argo CD's":                 {"x", live(`labels: {argocd.argoproj.io/instance: web}`), Foreign, "Argo CD application web", false},
		"Argo CD's, by its manager": {"argocd-controller", live(""), Foreign, "Argo CD", false},
		"Flux's":                    {"x", live(`labels: {kustomize.toolkit.fluxcd.io/name: web}`), Foreign, "Flux Kustomization web", false},
		"kapp's":                    {"x", live(`labels: {kapp.k14s.io/app: "17"}`), Foreign, "kapp application 17", false},
		"a controller's":            {"x", live(`ownerReferences: [{apiVersion: v1, kind: Widget, name: w, uid: u, controller: true}]`), Foreign, "controlled by Widget/w", false},
		"a copy with our marks":     {"kubectl", live(`labels: {belay.sh/release: shop}, annotations: {belay.sh/release-namespace: shop}`), Nobody, "nobody's (kubectl, 0s ago)", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
			w.put(test.manager, test.live)
			p := compute(t, w, newState(), one, apply())
			c := change(t, p, "ConfigMap/c")
			if c.Owner != test.owner || c.OwnerName != test.who || len(p.Refused) != 1 || p.Refused[0].Code != RefusedByRule {
				t.Errorf("%q %q\n%s", c.Owner, c.OwnerName, refusal(p))
			}
			o := apply()
			o.Adopt = []string{"*"}
			p = compute(t, w, newState(), one, o)
			if adopted := change(t, p, "ConfigMap/c").Adopted; adopted != test.adoptable || (len(p.Refused) == 0) != test.adoptable {
				t.Errorf("--adopt: adopted %v\n%s", adopted, refusal(p))
			}
		})
	}
}

func TestWhatAKilledRunMadeIsTheReleases(t *testing.T) {
	w, s := deployed(t, one)
	id := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "c"}
	for name, inventory := range map[string]map[object.ID]release.Owned{
		"intended, its UID never learnt": {id: {}},
		"its records lost":               {},
	} {
		t.Run(name, func(t *testing.T) {
			s.Inventory = inventory
			p := compute(t, w, s, one, apply())
			if c := change(t, p, "ConfigMap/c"); c.Owner != Ours || c.Action != Unchanged || len(p.Refused) > 0 {
				t.Errorf("%q %q\n%s", c.Owner, c.Action, refusal(p))
			}
		})
	}
}

func TestAnotherBundleOrEnvironmentIsRefused(t *testing.T) {
	origin := func(bundle, env string) render.Origin { return render.Origin{Bundle: bundle, Environment: env} }
	tests := map[string]struct {
		was, is render.Origin
		options func(*Options)
		refused string
	}{
		"the same":                        {origin("shop", "prod"), origin("shop", "prod"), nil, ""},
		"another bundle":                  {origin("shop", "prod"), origin("redis", ""), nil, "release shop was made from bundle shop, environment prod (1 revision); this is bundle redis"},
		"another bundle, as is meant":     {origin("shop", "prod"), origin("redis", ""), func(o *Options) { o.ReplaceBundle = true }, ""},
		"another environment":             {origin("shop", "prod"), origin("shop", "dev"), nil, "from bundle shop, environment prod (1 revision); this is bundle shop, environment dev"},
		"no environment":                  {origin("shop", "prod"), origin("shop", ""), nil, "this is bundle shop, no environment; nothing was changed"},
		"an environment where none was":   {origin("shop", ""), origin("shop", "dev"), nil, "from bundle shop, no environment (1 revision); this is bundle shop, environment dev"},
		"another environment, is allowed": {origin("shop", "prod"), origin("shop", "dev"), func(o *Options) { o.ChangeEnvironment = true }, ""},
		"plain manifests for a bundle":    {origin("shop", ""), origin("", ""), nil, "this is plain manifests"},
		"plain manifests again":           {origin("", ""), origin("", ""), nil, ""},
		"a rollback":                      {origin("shop", "prod"), origin("redis", ""), func(o *Options) { o.Op = OpRollback }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, one)
			s.Revisions[0].Origin = test.was
			want := wanted(t, one)
			want.Origin = test.is
			o := apply()
			if test.options != nil {
				test.options(&o)
			}
			p, err := Compute(t.Context(), w, s, want, o)
			if err != nil {
				t.Fatal(err)
			}
			got := refusal(p)
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
			}
		})
	}
}

func TestRefusalsStandInTheOrderOfTheirExitCodes(t *testing.T) {
	w, s := deployed(t, one)
	s.Revisions[0].Origin.Bundle = "other"
	w.forbid["update secrets"] = true
	yaml := strings.Replace(one, "a: x", "a: y", 1) + "\n---\n{apiVersion: e.com/v1, kind: W, metadata: {name: w}}"
	var codes []int
	for _, r := range compute(t, w, s, yaml, apply()).Refused {
		codes = append(codes, r.Code)
	}
	if d := cmp.Diff([]int{RefusedInput, RefusedPermission, RefusedByRule}, codes); d != "" {
		t.Error(d)
	}
}

func TestWhatOnlyThisPlanMakesPossibleIsExcused(t *testing.T) {
	const yaml = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {serviceAccountName: d}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: d}
`
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "d", fmt.Errorf("no such service account"))
	w, s := deployed(t, one)
	w.refuse["Deployment.apps/shop/d"] = denied
	p := compute(t, w, s, one+"\n---"+yaml, apply())
	c := change(t, p, "Deployment.apps/d")
	if c.Action != Create || c.Unchecked != "ServiceAccount/d is created by this plan" || len(p.Refused) > 0 {
		t.Errorf("%+v\n%s", c, refusal(p))
	}
	p = compute(t, w, s, one+"\n---"+yaml[:strings.LastIndex(yaml, "---")], apply())
	if len(p.Refused) != 1 || p.Refused[0].Code != RefusedInput {
		t.Errorf("excused by nothing: %s", refusal(p))
	}
}

func TestARollbackNeverTakesACRDBack(t *testing.T) {
	const crd = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ws.e.com},
	  spec: {group: e.com, names: {kind: W, plural: ws}, versions: [{name: v1, served: true}]}}`
	w, s := deployed(t, crd)
	o := apply()
	o.Op = OpRollback
	p := compute(t, w, s, strings.Replace(crd, "name: v1", "name: v0", 1), o)
	if c := p.Changes[0]; c.Action != Keep || len(c.Steps) > 0 || c.Reason == "" {
		t.Errorf("%+v", c)
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for when, want := range map[string]string{
		"2026-11-21T19:59:50Z": " 10s ago", "2026-11-21T19:56:00Z": " 4m ago", "2026-11-21T17:30:00Z": " 2h ago",
		"2026-11-18T20:00:00Z": " 3d ago", "2026-11-21T21:00:00Z": " 0s ago", "": "",
	} {
		if got := ago(now, when); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
}
