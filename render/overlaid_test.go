package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render"
	"github.com/belay-sh/belay/render/bundle"
)

// folder writes files, given as names and contents, and returns their directory.
func folder(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		full := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOverlaysAreLaidOverHooksOfCharts(t *testing.T) {
	job := func(name, more string) string {
		return fmt.Sprintf("apiVersion: batch/v1\nkind: Job\nmetadata: {name: %s, annotations: {helm.sh/hook: pre-install}}\nspec: {template: {spec: {containers: [{name: c, image: tool, envFrom: [{configMapRef: {name: settings}}]}]}}}\n%s---\n", name, more)
	}
	c := &bundle.Bundle{Type: bundle.Chart, Path: "c", Spec: bundle.Spec{Name: "c"}, Files: []bundle.File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		{Name: "templates/a.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: same}\n")},
		{Name: "templates/hooks.yaml", Data: []byte(job("zeta", "") + job("alpha", "") + job("freed", "") + job("same", ""))},
	}}
	dir := folder(t, "kustomization.yaml", `namePrefix: p-
images: [{name: tool, newTag: "2"}]
patches:
- {target: {kind: Job, name: freed}, patch: '[{"op": "remove", "path": "/metadata/annotations/helm.sh~1hook"}]'}
`)
	tree, err := bundle.LoadTree(dir, "o", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Overlays = []*bundle.Tree{tree}
	w, warnings, err := render.Render(c, o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	note := func(where string, objs []object.Object) {
		for _, o := range objs {
			line := where + " " + o.ID().String()
			if o.ID().Kind == "Job" && o.Body.Object["spec"] != nil {
				line += fmt.Sprint(" ", o.Body.Object["spec"])
			}
			got = append(got, line)
		}
	}
	note("object", w.Objects)
	note("hook", w.Hooks)
	laid := "map[template:map[spec:map[containers:[map[envFrom:[map[configMapRef:map[name:p-settings]]] image:tool:2 name:c]]]]]"
	want := []string{
		"object ConfigMap/p-settings", "object Job.batch/p-freed " + laid, "object Job.batch/p-same",
		"hook Job.batch/p-zeta " + laid, "hook Job.batch/p-alpha " + laid,
		"hook Job.batch/same map[template:map[spec:map[containers:[map[envFrom:[map[configMapRef:map[name:settings]]] image:tool name:c]]]]]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(warnings) != 1 || warnings[0].Source.String() != "templates/hooks.yaml:16" {
		t.Errorf("warnings: %v", warnings)
	}
}
