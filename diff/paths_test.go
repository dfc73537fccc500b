package diff

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/diff/fields"
)

func TestWhatTheServerAllocatesAnewIsNotShownAsADryRunHasIt(t *testing.T) {
	service := func(spec string) map[string]any {
		return manifests(t, "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: "+spec+"}")[0].Body.Object
	}
	live := service("{externalName: a.example, clusterIP: None}")
	answer := service("{clusterIP: 10.0.0.7}")
	owned := fields.Set{"f:spec": map[string]any{"f:externalName": map[string]any{}, "f:clusterIP": map[string]any{}}}
	want := []PathChange{
		{Path: "spec.clusterIP", From: "None", To: "assigned by the server"},
		{Path: "spec.externalName", From: "a.example"},
	}
	if d := cmp.Diff(want, pathChanges(owned, fields.Set{}, live, answer)); d != "" {
		t.Error(d)
	}
	// What the release says is no allocation.
	want[0].To = "10.0.0.7"
	said := fields.Set{"f:spec": map[string]any{"f:clusterIP": map[string]any{}}}
	if d := cmp.Diff(want, pathChanges(owned, said, live, answer)); d != "" {
		t.Error(d)
	}
}
