package overlay

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// constant reads one of kustomize's own tables, which are texts in its source.
func constant(t *testing.T, file string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kustomize/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "konfig", "builtinpluginconsts", file))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i, part := range strings.Split(string(source), "`") {
		if i%2 == 1 {
			text.WriteString(part)
		}
	}
	return text.String()
}

func sorted(specs types.FsSlice) []string {
	texts := make([]string, len(specs))
	for i, s := range specs {
		texts[i] = s.String()
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func TestNamesAreFollowedWhereKustomizeFollowsThem(t *testing.T) {
	var table struct {
		NameReference []struct {
			resid.Gvk  `json:",inline"`
			FieldSpecs types.FsSlice `json:"fieldSpecs"`
		} `json:"nameReference"`
	}
	if err := yaml.Unmarshal([]byte(constant(t, "namereference.go")), &table); err != nil {
		t.Fatal(err)
	}
	want, got := map[string][]string{}, map[string][]string{}
	for _, r := range table.NameReference {
		want[r.Gvk.String()] = sorted(r.FieldSpecs)
	}
	for _, r := range newReferred() {
		got[r.target.String()] = sorted(r.by)
	}
	if len(want) < 10 {
		t.Fatalf("kustomize's table was not read: %v", want)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFieldsAreSetWhereKustomizeSetsThem(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		got  types.FsSlice
	}{
		"commonLabels":              {"commonlabels.go", slices.DeleteFunc(selectorSpecs(), func(s types.FieldSpec) bool { return strings.Contains(s.Path, "metadata/labels") })},
		"commonAnnotations":         {"commonannotations.go", templateSpecs("annotations")},
		"volumeClaimTemplateLabels": {"volumeclaimmetadatalabels.go", claimSpecs()},
		"images":                    {"images.go", imageSpecs()},
		"replicas":                  {"replicas.go", replicaSpecs()},
	} {
		t.Run(name, func(t *testing.T) {
			text := constant(t, tt.file)
			if _, rest, has := strings.Cut(text, name+":\n"); has {
				text = rest
			}
			var want types.FsSlice
			if err := yaml.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(sorted(want), sorted(tt.got)); d != "" || len(want) == 0 {
				t.Error(d)
			}
		})
	}
}
