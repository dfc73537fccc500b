package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
)

func deployment(annotations map[string]string) object.Object {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
	u.SetName("front")
	u.SetAnnotations(annotations)
	return object.Object{Body: u, Source: object.Source{File: "templates/front.yaml", Line: 3}}
}

func TestOfReadsAnnotations(t *testing.T) {
	for name, tt := range map[string]struct {
		in   map[string]string
		want policy.Policy
	}{
		"nothing is said": {nil, policy.Policy{Wait: policy.WaitReady, FailAfter: time.Minute, MaxRestarts: 9}},
		"everything is said": {
			map[string]string{
				"belay.sh/prune": "never", "belay.sh/on-immutable": "recreate", "belay.sh/weight": "-5", "belay.sh/wait": "exists",
				"belay.sh/timeout": "90s", "belay.sh/fail-after": "5m", "belay.sh/max-restarts": "2", "other.io/x": "y",
				"belay.sh/depends-on": "Service/db, apps/StatefulSet/db, example.com/Database/data/db,Deployment.apps/x/y, Pod/ns/p",
			},
			policy.Policy{
				Keep: true, OnImmutable: policy.ImmutableRecreate, Weight: -5, Wait: policy.WaitExists,
				Timeout: 90 * time.Second, FailAfter: 5 * time.Minute, MaxRestarts: 2,
				DependsOn: []object.ID{
					{Kind: "Service", Name: "db"}, {Group: "apps", Kind: "StatefulSet", Name: "db"},
					{Group: "example.com", Kind: "Database", Namespace: "data", Name: "db"},
					{Group: "apps", Kind: "Deployment", Namespace: "x", Name: "y"}, {Kind: "Pod", Namespace: "ns", Name: "p"},
				},
			},
		},
		"a sync wave is a weight": {
			map[string]string{"argocd.argoproj.io/sync-wave": "-3"},
			policy.Policy{Wait: policy.WaitReady, Weight: -3, FailAfter: time.Minute, MaxRestarts: 9},
		},
		"a weight says more than a sync wave": {
			map[string]string{"argocd.argoproj.io/sync-wave": "5", "belay.sh/weight": "0"},
			policy.Policy{Wait: policy.WaitReady, FailAfter: time.Minute, MaxRestarts: 9},
		},
		"cli-utils' dependencies are known": {
			map[string]string{"config.kubernetes.io/depends-on": "apps/namespaces/shop/Deployment/db, /namespaces/shop/Service/db,rbac.authorization.k8s.io/ClusterRole/r,/Namespace/shop"},
			policy.Policy{Wait: policy.WaitReady, FailAfter: time.Minute, MaxRestarts: 9, DependsOn: []object.ID{
				{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "db"}, {Kind: "Service", Namespace: "shop", Name: "db"},
				{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "r"}, {Kind: "Namespace", Name: "shop"},
			}},
		},
		"Helm's word for keeping is known": {
			map[string]string{"helm.sh/resource-policy": "keep"},
			policy.Policy{Wait: policy.WaitReady, Keep: true, FailAfter: time.Minute, MaxRestarts: 9},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := policy.Of(deployment(tt.in), policy.Rules{FailAfter: time.Minute, MaxRestarts: 9})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOfReportsAllMistakesOfAnObject(t *testing.T) {
	_, err := policy.Of(deployment(map[string]string{
		"belay.sh/prun": "never", "belay.sh/prune": "no", "belay.sh/weight": "high", "belay.sh/timeout": "5", "belay.sh/wait": "Ready",
		"belay.sh/fail-after": "-1s", "belay.sh/max-restarts": "0", "belay.sh/depends-on": "db, Deployment.apps/front, service/x",
		"belay.sh/release-namespace": "x", "belay.sh/on-immutable": "orphans",
	}), policy.Rules{})
	want := `annotation belay.sh/depends-on: "db" is not [group/]Kind/[namespace/]name
"Deployment.apps/front" is the object itself
"service/x" is not [group/]Kind/[namespace/]name
annotation belay.sh/fail-after: "-1s" is not a duration such as 90s or 5m
annotation belay.sh/max-restarts: "0" is not a whole number above 0
annotation belay.sh/on-immutable: "orphans" is not one of fail, recreate, orphan
there is no annotation belay.sh/prun; the nearest is belay.sh/prune
annotation belay.sh/prune: "no" is not one of auto, never
annotation belay.sh/release-namespace is written by belay; remove it
annotation belay.sh/timeout: "5" is not a duration such as 90s or 5m
annotation belay.sh/wait: "Ready" is not one of ready, exists, none
annotation belay.sh/weight: "high" is not a whole number`
	if d := cmp.Diff(want, strings.ReplaceAll(fmt.Sprint(err), "templates/front.yaml:3: Deployment.apps/front: ", "")); d != "" {
		t.Error(d)
	}
	if n := len(object.Errors(err)); n != 10 {
		t.Errorf("%d located errors", n)
	}
}

func TestMistakesInTheOrderOfOtherToolsAreMistakes(t *testing.T) {
	_, err := policy.Of(deployment(map[string]string{
		"argocd.argoproj.io/sync-wave":    "first",
		"config.kubernetes.io/depends-on": "apps/shop/Deployment/db, /Namespace/, /namespaces//Service/db, apps/Deployment/front",
	}), policy.Rules{})
	const form = " is not [GROUP]/namespaces/NAMESPACE/KIND/NAME or [GROUP]/KIND/NAME"
	want := `annotation argocd.argoproj.io/sync-wave: "first" is not a whole number
annotation config.kubernetes.io/depends-on: "apps/shop/Deployment/db"` + form + `
"/Namespace/"` + form + `
"/namespaces//Service/db"` + form + `
"apps/Deployment/front" is the object itself`
	if d := cmp.Diff(want, strings.ReplaceAll(fmt.Sprint(err), "templates/front.yaml:3: Deployment.apps/front: ", "")); d != "" {
		t.Error(d)
	}
}

func TestCheckRefusesLabelsOfBelay(t *testing.T) {
	o := deployment(nil)
	o.Body.SetLabels(map[string]string{object.ReleaseLabel: "shop"})
	err := policy.Check([]object.Object{deployment(nil), o}, policy.Rules{})
	if got := fmt.Sprint(err); got != "templates/front.yaml:3: Deployment.apps/front: label belay.sh/release is written by belay; remove it" {
		t.Error(got)
	}
}

func TestProtected(t *testing.T) {
	of := func(apiVersion, kind string, annotations map[string]string) object.Object {
		o := deployment(annotations)
		o.Body.SetAPIVersion(apiVersion)
		o.Body.SetKind(kind)
		return o
	}
	for name, tt := range map[string]struct {
		o    object.Object
		want bool
	}{
		"a Deployment":            {of("apps/v1", "Deployment", nil), false},
		"prune auto":              {of("apps/v1", "Deployment", map[string]string{"belay.sh/prune": "auto"}), false},
		"prune never":             {of("apps/v1", "Deployment", map[string]string{"belay.sh/prune": "never"}), true},
		"Helm's keep":             {of("v1", "Service", map[string]string{"helm.sh/resource-policy": "keep"}), true},
		"a claim":                 {of("v1", "PersistentVolumeClaim", nil), true},
		"a namespace":             {of("v1", "Namespace", nil), true},
		"a definition":            {of("apiextensions.k8s.io/v1", "CustomResourceDefinition", nil), true},
		"a kind of the same name": {of("example.com/v1", "Namespace", nil), false},
	} {
		if reason, got := policy.Protected(tt.o); got != tt.want || got == (reason == "") {
			t.Errorf("%s: %v %q", name, got, reason)
		}
	}
}
