package diff

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAFieldThatYieldsIsHeldWhileItIsOursAndLeftOnceItIsNot(t *testing.T) {
	const yaml = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {belay.sh/fields: data.a=yield}}, data: {a: '%', b: '1'}}"
	with := func(a string) string { return strings.Replace(yaml, "%", a, 1) }
	w, s := deployed(t, with("1"))

	// It is ours alone: another value in the bundle must not go out.
	p := compute(t, w, s, with("2"), apply())
	if !p.Empty() {
		t.Errorf("a field that yields is changed: %+v", p.Changes[0].Paths)
	}
	without := strings.Replace(with("1"), "a: '1', ", "", 1)
	if p := compute(t, w, s, without, apply()); !p.Empty() {
		t.Errorf("a field that yields is dropped: %+v", p.Changes[0].Paths)
	}
	// Somebody sets it: it is left out, and no conflict.
	w.put("operator", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop}, data: {a: theirs}}")
	p = compute(t, w, s, strings.Replace(with("2"), "b: '1'", "b: '2'", 1), apply())
	c := change(t, p, "ConfigMap/c")
	if len(p.Refused) > 0 || len(c.Conflicts) > 0 || len(c.Steps) != 1 {
		t.Fatalf("%s\n%+v", refusal(p), c)
	}
	if _, sent, _ := unstructured.NestedString(c.Steps[0].Body.Object, "data", "a"); sent {
		t.Error("a field that is somebody's is sent")
	}
	if len(c.Yields) != 1 || c.Yields[0].To != "operator" || c.Yields[0].Theirs != "theirs" {
		t.Errorf("%+v", c.Yields)
	}
}
