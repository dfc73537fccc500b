package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
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

func TestPruneDeletesOnlyWhatIsStillOurs(t *testing.T) {
	other := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "old"}
	const old = "{apiVersion: v1, kind: ConfigMap, metadata: {name: old}}"
	tests := map[string]struct {
		change  func(w *world, s *release.State, o *Options)
		action  Action // empty: no change
		reason  string
		gone    bool
		warning string
	}{
		"ours": {func(*world, *release.State, *Options) {}, Delete, "removed from the bundle", false, ""},
		"its label was removed": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetLabels(nil)
		}, Delete, "removed from the bundle", false, ""},
		"its UID was never learnt": {func(_ *world, s *release.State, _ *Options) {
			s.Inventory[other] = release.Owned{}
		}, Delete, "removed from the bundle", false, ""},
		"never made, but somebody else made one": {func(w *world, s *release.State, _ *Options) {
			delete(w.objects, other)
			w.put("kubectl", "{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}}")
			s.Inventory[other] = release.Owned{}
		}, "", "", true, ""},
		"gone": {func(w *world, _ *release.State, _ *Options) { delete(w.objects, other) }, "", "", true, ""},
		"replaced": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetUID("another")
		}, "", "", true, "ConfigMap/old was replaced by somebody, and is left alone"},
		"another release's now": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetLabels(map[string]string{object.ReleaseLabel: "web"})
		}, "", "", true, "ConfigMap/old belongs to release web in namespace shop now, and is left alone"},
		"a controller's now": {func(w *world, _ *release.State, _ *Options) {
			yes := true
			w.objects[other].SetOwnerReferences([]metav1.OwnerReference{{Kind: "Widget", Name: "w", Controller: &yes}})
		}, "", "", true, "ConfigMap/old is controlled by Widget/w now, and is left alone"},
		"the same object as a wanted one": {func(w *world, _ *release.State, _ *Options) {
			w.objects[other].SetUID(w.objects[object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "c"}].GetUID())
		}, "", "", true, "ConfigMap/old is the same object as ConfigMap/c and stays"},
		"its kind is gone": {func(w *world, _ *release.State, _ *Options) {
			delete(w.kinds, schema.GroupKind{Kind: "ConfigMap"})
		}, "", "", true, ""},
		"--no-prune": {func(_ *world, _ *release.State, o *Options) { o.NoPrune = true }, Keep, "--no-prune", false, ""},
		"let go earlier": {func(_ *world, s *release.State, _ *Options) {
			entry := s.Inventory[other]
			entry.Kept = true
			s.Inventory[other] = entry
		}, "", "", false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, one+"\n---\n"+old)
			o := apply()
			test.change(w, s, &o)
			p := compute(t, w, s, one, o)
			if got := actions(p)["ConfigMap/old"]; got != test.action {
				t.Fatalf("%q, want %q", got, test.action)
			}
			if test.action != "" {
				c := change(t, p, "ConfigMap/old")
				if c.Reason != test.reason || c.Leftover != o.NoPrune || (len(c.Steps) == 1) != (test.action == Delete) {
					t.Errorf("%+v", c)
				}
			}
			if slices.Contains(p.Gone, other) != test.gone {
				t.Errorf("gone: %v", p.Gone)
			}
			if test.warning != "" && !slices.Contains(p.Warnings, test.warning) {
				t.Errorf("warnings: %v", p.Warnings)
			}
		})
	}
}

func TestSharedObjectsAreNeverDeleted(t *testing.T) {
	const yaml = one + "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: extra}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: extra}}"
	w, s := deployed(t, yaml)
	o := apply()
	o.Op = OpDelete
	p := compute(t, w, s, "", o)
	want := map[string]Action{"ConfigMap/c": Delete, "ConfigMap/extra/c": Delete, "Namespace/extra": Keep}
	if d := cmp.Diff(want, actions(p)); d != "" {
		t.Error(d)
	}
}

func TestMassDeletesAreRefused(t *testing.T) {
	objects := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: c%d}}", i))
		}
		return strings.Join(parts, "\n---\n")
	}
	const stateful = "\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}}"
	tests := map[string]struct {
		before, after string
		options       func(*Options)
		refused       string
	}{
		"half of many":                   {objects(8), objects(4), nil, ""},
		"more than half of many":         {objects(8), objects(3), nil, "this would delete 5 of the 8 objects of shop"},
		"more than half, up to three":    {objects(4), objects(1), nil, ""},
		"as many as allowed":             {objects(8), objects(3), func(o *Options) { o.MaxDelete = 5 }, ""},
		"more than allowed":              {objects(8), objects(3), func(o *Options) { o.MaxDelete = 4 }, "this would delete 5 of"},
		"a StatefulSet":                  {objects(8) + stateful, objects(8), nil, "this would delete a StatefulSet of shop"},
		"a StatefulSet that is allowed":  {objects(8) + stateful, objects(8), func(o *Options) { o.MaxDelete = 1 }, ""},
		"everything":                     {objects(2), "", nil, "the bundle renders no objects; this would delete all of shop"},
		"everything, though many may":    {objects(2), "", func(o *Options) { o.MaxDelete = 9 }, "the bundle renders no objects"},
		"everything, as is allowed":      {objects(8), "", func(o *Options) { o.AllowEmpty = true }, ""},
		"everything, by a rollback":      {objects(8), "", func(o *Options) { o.Op = OpRollback }, ""},
		"everything, by a delete":        {objects(8) + stateful, "", func(o *Options) { o.Op = OpDelete }, ""},
		"everything, but nothing pruned": {objects(8), objects(1), func(o *Options) { o.NoPrune = true }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.before)
			o := apply()
			if test.options != nil {
				test.options(&o)
			}
			p := compute(t, w, s, test.after, o)
			got := refusal(p)
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
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

func TestImmutableFields(t *testing.T) {
	const job = "{apiVersion: batch/v1, kind: Job, metadata: {name: m}, spec: {template: {spec: {image: x}}}}"
	const claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: m}, spec: {template: x}}"
	ended := []any{map[string]any{"type": "Complete", "status": "True"}}
	tests := map[string]struct {
		manifest   string
		conditions []any
		policy     policy.OnImmutable
		asNew      error
		action     Action
		refused    string
	}{
		"a Job that ended":              {job, ended, "", nil, Recreate, ""},
		"a Job that runs":               {job, nil, "", nil, Recreate, "Job.batch/m  is running; spec.template is immutable"},
		"a Job that runs, by policy":    {job, nil, policy.ImmutableRecreate, nil, Recreate, ""},
		"a Job that ended, not allowed": {job, ended, policy.ImmutableFail, nil, Recreate, "Job.batch/m  spec.template is immutable"},
		"a Job whose pods live on":      {job, nil, policy.ImmutableOrphan, nil, Recreate, ""},
		"a claim, orphaned":             {claim, nil, policy.ImmutableOrphan, nil, Recreate, "PersistentVolumeClaim/m  spec.template is immutable"},
		"a claim, whatever the policy":  {claim, nil, policy.ImmutableRecreate, nil, Recreate, "PersistentVolumeClaim/m  spec.template is immutable"},
		"invalid as a new object too":   {job, ended, "", invalid("m"), Update, "spec.template: field is immutable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, s := deployed(t, test.manifest)
			o := manifests(t, test.manifest)[0]
			id := object.ID{Group: o.ID().Group, Kind: o.ID().Kind, Namespace: "shop", Name: "m"}
			if test.conditions != nil {
				w.objects[id].Object["status"] = map[string]any{"conditions": test.conditions}
			}
			w.refuse[id.String()] = invalid("m", metav1.StatusCause{Field: "spec.template", Message: "field is immutable"})
			if test.asNew != nil {
				w.asNew[id.String()] = test.asNew
			}
			yaml := strings.Replace(strings.Replace(test.manifest, "image: x", "image: y", 1), "template: x", "template: y", 1)
			if test.policy != "" {
				yaml = strings.Replace(yaml, "{name: m}", "{name: m, annotations: {belay.sh/on-immutable: "+string(test.policy)+"}}", 1)
			}
			p := compute(t, w, s, yaml, apply())
			c := &p.Changes[0]
			if c.Action != test.action {
				t.Errorf("%s", c.Action)
			}
			got := refusal(p)
			if test.refused == "" && got != "" || !strings.Contains(got, test.refused) {
				t.Errorf("want %q, got\n%s", test.refused, got)
			}
			if test.refused != "" {
				return
			}
			live := w.objects[id]
			if c.Reason != "spec.template is immutable" || len(c.Steps) != 2 {
				t.Fatalf("%q %+v", c.Reason, c.Steps)
			}
			want := Step{Verb: VerbDelete, UID: string(live.GetUID()), Version: live.GetResourceVersion(), Propagation: "Foreground"}
			if test.policy == policy.ImmutableOrphan {
				want.Propagation = "Orphan"
			}
			if d := cmp.Diff(want, c.Steps[0]); d != "" {
				t.Error(d)
			}
			if create := c.Steps[1]; create.Verb != VerbApply || create.UID != "" || create.Body.GetUID() != "" || create.Body.GetResourceVersion() != "" {
				t.Errorf("the create has preconditions: %+v", create)
			}
		})
	}
}

func TestAPortThatSomebodyMovedIsAConflict(t *testing.T) {
	const svc = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{name: http, port: 80}]}}"
	w, s := deployed(t, svc)
	id := object.ID{Kind: "Service", Namespace: "shop", Name: "s"}
	live := w.objects[id]
	live.Object["spec"] = map[string]any{"ports": []any{map[string]any{"name": "http", "port": int64(8080), "protocol": "TCP"}}}
	entries := live.Object["metadata"].(map[string]any)
	entries["managedFields"] = append(entries["managedFields"].([]any), map[string]any{
		"manager": "kubectl-patch", "operation": "Update", "apiVersion": "v1", "fieldsV1": map[string]any{
			"f:spec": map[string]any{"f:ports": map[string]any{`k:{"port":8080,"protocol":"TCP"}`: map[string]any{".": map[string]any{}}}},
		}})
	w.refuse[id.String()] = invalid("s", metav1.StatusCause{Field: "spec.ports[1].name", Message: "Duplicate value"})
	p := compute(t, w, s, svc, apply())
	want := `4 refused: 1 conflict; nothing was changed
  Service/s  spec.ports[http].port
      bundle 80 (shop.yaml:1) · live 8080, set by kubectl-patch
hint: put it back first, it cannot be taken over: kubectl -n shop edit services s
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
	}
}

func TestAnObjectThatOthersMakeInvalidIsNotImmutable(t *testing.T) {
	w, s := deployed(t, one)
	id := w.put("kubectl-edit", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {b: y}}")
	w.refuse[id.String()] = invalid("c", metav1.StatusCause{Type: metav1.CauseTypeFieldValueRequired, Field: "data.c", Message: "Required value"})
	p := compute(t, w, s, strings.Replace(one, "a: x", "a: y", 1), apply())
	want := `4 refused: 1 object would be invalid together with what others set on it; nothing was changed
  ConfigMap/c (shop.yaml:1), set also by kubectl-edit
      data.c: Required value
hint: take off what they set: kubectl -n shop edit configmaps c
`
	if d := cmp.Diff(want, refusal(p)); d != "" {
		t.Error(d)
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
