package e2e

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/examples"
)

// environments reads which environments an example has; "" stands for none.
func environments(t *testing.T, example string) []string {
	t.Helper()
	data, err := fs.ReadFile(examples.FS, example+"/bundle.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Environments map[string]any `json:"environments"`
	}
	if err := yaml.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Environments) == 0 {
		return []string{""}
	}
	return slices.Sorted(maps.Keys(spec.Environments))
}

func TestEveryExampleBecomesReadyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dirs, err := fs.ReadDir(examples.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		for _, environment := range environments(t, dir.Name()) {
			t.Run(strings.TrimSuffix(dir.Name()+"-"+environment, "-"), func(t *testing.T) {
				t.Parallel()
				e := New(t)
				args := []string{"examples/" + dir.Name(), "-r", "exercise", "-n", e.NS}
				if environment != "" {
					args = append(args, "-e", environment)
				}
				e.Must(0, append([]string{"apply"}, args...)...)
				e.Must(0, "status", "exercise", "-n", e.NS)
				e.Must(0, "delete", "exercise", "-n", e.NS, "--yes")
				// A claim's data is never deleted unasked.
				e.mustBeEmpty("PersistentVolumeClaim/")
			})
		}
	}
}

// mustBeEmpty asserts that nothing is left in the namespace, no record either.
// But for what begins with one of kept.
func (e *Env) mustBeEmpty(kept ...string) {
	e.t.Helper()
	var left Objects
	e.Until("pods are gone", func() (bool, error) {
		all, err := e.API.All(e.NS)
		left = all
		pods := all.Where(func(u *unstructured.Unstructured) bool { return len(u.GetOwnerReferences()) > 0 })
		return len(pods) == 0, err
	})
	made := left.Made().Versions()
	maps.DeleteFunc(made, func(name, _ string) bool {
		return slices.ContainsFunc(kept, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	if len(made) > 0 {
		e.t.Errorf("left behind: %v", slices.Sorted(maps.Keys(made)))
	}
}

func TestRedisIsUpgradedByOneLineAndRolledBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", "examples/redis", "-n", e.NS)
	first := e.Settled().Of("redis").Stored(e.NS)

	diff := e.Must(2, "diff", "examples/redis", "-n", e.NS, "--set", "image.tag=6-alpine")
	want := []string{
		"-   image: docker.io/library/redis:5.0.12-alpine",
		"+   image: docker.io/library/redis:6-alpine",
	}
	if d := cmp.Diff(want, changedLines(diff.Stdout)); d != "" {
		t.Errorf("the diff shows more or less than the image (-want +got):\n%s\n%v", d, diff)
	}
	e.Must(0, "apply", "examples/redis", "-n", e.NS, "--set", "image.tag=6-alpine")
	if got := e.image("redis"); got != "docker.io/library/redis:6-alpine" {
		t.Errorf("upgraded to %s", got)
	}
	e.Must(0, "rollback", "redis", "-n", e.NS)
	if d := cmp.Diff(first, e.Settled().Of("redis").Stored(e.NS)); d != "" {
		t.Errorf("the rollback did not restore the first revision (-first +now):\n%s", d)
	}
}

// changedLines are the lines of a diff that say what was and what will be.
func changedLines(out string) []string {
	var lines []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-   ") || strings.HasPrefix(line, "+   ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// image is what the first container of a Deployment runs.
func (e *Env) image(deployment string) string {
	e.t.Helper()
	u, err := e.API.Get("/apis/apps/v1/namespaces/" + e.NS + "/deployments/" + deployment)
	if err != nil {
		e.t.Fatal(err)
	}
	containers, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		e.t.Fatalf("Deployment %s has no containers: %v", deployment, err)
	}
	image, _ := containers[0].(map[string]any)["image"].(string)
	return image
}
