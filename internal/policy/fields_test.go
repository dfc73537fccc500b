package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

func deployment(fields string) object.Object {
	return object.Object{Body: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "front", "annotations": map[string]any{"belay.sh/fields": fields}},
	}}}
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	rules := Rules{Fields: []FieldRule{
		{Kind: "Service", OnConflict: Force},
		{Kind: "Deployment", Path: "spec.replicas", OnConflict: Yield},
		{Manager: "kubectl-*", OnConflict: Force},
	}}
	p, err := Of(deployment("spec.template.spec.containers[a@b]@vpa=yield, metadata.labels=fail,spec.*.image@ci/* = force"), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, manager string
		want          Decision
	}{
		{"spec.replicas", "hpa", Yield},
		{"spec.replicas", "kubectl-edit", Yield},
		{"spec.paused", "kubectl-edit", Force},
		{"spec.paused", "argocd", ""},
		{"spec.template.spec.containers[a@b].resources.limits.memory", "vpa", Yield},
		{"spec.template.spec.containers[a@b].resources.limits.memory", "argocd", ""},
		{"metadata.labels.app", "kubectl-edit", Fail},
		{"metadata.labelsof", "argocd", ""},
		{"spec.template.spec.containers[c].image", "ci/job", Force},
	} {
		if got := p.Decide(c.path, c.manager); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.path, c.manager, got, c.want)
		}
	}
}

func TestMistakesInFieldRulesAreNamed(t *testing.T) {
	_, err := Of(deployment("spec.replicas,spec.a=maybe,spec.b@=yield"), Rules{})
	want := `Deployment.apps/front: annotation belay.sh/fields: "spec.replicas" is not PATH[@MANAGER]=yield, force or fail
"maybe" is not one of yield, force, fail
"spec.b@=yield" names no manager after @`
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, err.Error()))
	}
}
