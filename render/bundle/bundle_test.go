package bundle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/policy"
	"github.com/belay-sh/belay/render/bundle"
)

// write makes a directory of files, given as name and content.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const head = "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: shop\n"

const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

func names(b *bundle.Bundle) []string {
	var all []string
	for _, f := range b.Files {
		all = append(all, f.Name)
	}
	return all
}

func TestLoadReadsBundleYAML(t *testing.T) {
	dir := write(t, "bundle.yaml", head+`version: 1.10
kubeVersion: ">=1.28"
environments:
  prod: {namespace: shop, release: front, values: [./env/prod.yaml], cluster: {server: "https://prod.example:6443"}}
  dev:
rollout: {timeout: 10m, failAfter: 30s, maxRestarts: 2}
history: 3
readiness:
- {group: example.com, kind: Database, ready: "self.status.phase == 'Running'", failed: "self.status.phase == 'Error'"}
`, "env/prod.yaml", "a: 1", "values.yaml", "", "templates/_h.tpl", "", "templates/sub/a.yaml", "x", "README.md", "x")
	b, err := bundle.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := bundle.Spec{
		Name: "shop", Version: "1.10", KubeVersion: ">=1.28", History: 3,
		Environments: map[string]bundle.Environment{
			"prod": {Namespace: "shop", Release: "front", Values: []string{"env/prod.yaml"}, Cluster: bundle.Cluster{Server: "https://prod.example:6443"}},
			"dev":  {},
		},
		Readiness: []policy.ReadyRule{
			{Group: "example.com", Kind: "Database", Ready: "self.status.phase == 'Running'", Failed: "self.status.phase == 'Error'"},
		},
		Rollout: bundle.Rollout{Timeout: 10 * time.Minute, FailAfter: 30 * time.Second, MaxRestarts: 2},
	}
	if d := cmp.Diff(want, b.Spec); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"env/prod.yaml", "templates/_h.tpl", "templates/sub/a.yaml", "values.yaml"}, names(b)); d != "" {
		t.Error(d)
	}
	if b.Type != bundle.Belay {
		t.Error(b.Type)
	}
	if again, err := bundle.Load(filepath.Join(dir, "bundle.yaml"), nil); err != nil || again.Spec.Name != "shop" {
		t.Error("bundle.yaml itself is not taken for its directory", err)
	}
}

func TestLoadReportsAllMistakesInBundleYAML(t *testing.T) {
	dir := write(t, "bundle.yaml", `apiVersion: belay.sh/v1
kind: Chart
name: Shop
versoin: 1
kubeVersion: new
environments:
  prod:
    namespace: UP
    value: []
    values: [env/none.yaml, ../x.yaml, 3]
    overlay: overlays/prod
    cluster: {server: prod.example}
rollout: {timeout: 5, failAfter: -1s, maxRestarts: 0, onFailure: x}
history: many
policies: []
readiness:
- {kind: A}
- {group: b, ready: "true"}
- {kind: C, ready: "self.status ==", failed: 3}
- {kind: D, ready: "that.status"}
- {kind: E, reddy: "true"}
- {kind: F, failed: "false"}
- {kind: F, failed: "false"}
`)
	_, err := bundle.Load(dir, nil)
	want := `bundle.yaml:1: apiVersion must be belay.sh/v1alpha1
bundle.yaml:11: environments.prod.overlay: there is no overlays/prod/kustomization.yaml
bundle.yaml:8: environments.prod.namespace: "UP" must be lower-case letters, digits and dashes, at most 63, no dash at an end
bundle.yaml:9: there is no key "environments.prod.value"; the nearest is "values"
bundle.yaml:10: environments.prod.values[2]: the name of a file is expected
bundle.yaml:12: environments.prod.cluster.server: a URL such as https://prod.example:6443 is expected
bundle.yaml:15: there is no key "policies"; there are apiVersion, dependencies, environments, fields, history, kind, kubeVersion, name, readiness, rollout, version
bundle.yaml:14: history: a whole number above 0 is expected
bundle.yaml:2: kind must be Bundle
bundle.yaml:3: name: "Shop" must be lower-case letters, digits and dashes, at most 63, no dash at an end
bundle.yaml:13: rollout.failAfter: "-1s" is not a duration such as 90s or 5m
bundle.yaml:13: rollout.maxRestarts: a whole number above 0 is expected
bundle.yaml:13: there is no key "rollout.onFailure"; there are failAfter, maxRestarts, restartOnConfigChange, timeout
bundle.yaml:13: rollout.timeout: "5" is not a duration such as 90s or 5m
bundle.yaml:4: there is no key "versoin"; the nearest is "version"
bundle.yaml:5: kubeVersion: "new" is not a constraint such as >=1.28
bundle.yaml:17: readiness[0]: it says neither when a A is ready nor when it has failed
bundle.yaml:18: readiness[1]: kind is missing
bundle.yaml:19: readiness[2].failed: an expression is expected, such as self.status.phase == 'Running'
bundle.yaml:19: readiness[2].ready: column 15: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
bundle.yaml:20: readiness[3].ready: column 1: undeclared reference to 'that' (in container '')
bundle.yaml:21: there is no key "readiness[4].reddy"; the nearest is "ready"
bundle.yaml:23: readiness[6]: there is a rule for F above
bundle.yaml:10: environments.prod.values[0]: there is no file env/none.yaml
bundle.yaml:10: environments.prod.values[1]: "../x.yaml" is outside of the bundle`
	want = strings.Replace(want, "yaml:7: there", "yaml:11: there", 1)
	if d := cmp.Diff(sorted(want), sorted(fmt.Sprint(err))); d != "" {
		t.Errorf("%s\n%v", d, err)
	}
}

func sorted(text string) map[string]bool {
	set := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		set[line] = true
	}
	return set
}

func TestLoadReadsPlainManifests(t *testing.T) {
	dir := write(t, "b.yaml", manifest, "a.yml", manifest, "c.json", "{}", "README.md", "x", ".hidden.yaml", "x", "sub/d.yaml", manifest)
	b, err := bundle.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a.yml", "b.yaml", "c.json"}, names(b)); d != "" {
		t.Error(d)
	}
	b, err = bundle.Load(filepath.Join(dir, "b.yaml"), nil)
	if err != nil || b.Type != bundle.Plain || len(b.Files) != 1 || string(b.Files[0].Data) != manifest {
		t.Error(b, err)
	}
	b, err = bundle.Load("-", strings.NewReader(manifest))
	if err != nil || b.Type != bundle.Plain || b.Files[0].Name != "stdin" {
		t.Error(b, err)
	}
}

func TestLoadSaysWhatCannotBeRead(t *testing.T) {
	const readable = "bundles are directories with a bundle.yaml, Helm charts, kustomizations, or plain manifests: a file, a directory, or - for stdin"
	for name, tt := range map[string]struct {
		files []string
		path  string
		want  string
		hint  string
	}{
		"nothing there":        {nil, "none", "none: there is no such file or directory", ""},
		"an empty directory":   {nil, ".", ".: there is no bundle.yaml in it, and no manifest (*.yaml, *.yml, *.json)", readable},
		"only folders":         {[]string{"x/a.yaml", manifest}, ".", ".: there is no bundle.yaml in it, and no manifest (*.yaml, *.yml, *.json)", "folders in it are read with -R only: x"},
		"templates alone":      {[]string{"templates/a.yaml", manifest}, ".", ".: there is no bundle.yaml in it, and no manifest (*.yaml, *.yml, *.json)", "a bundle needs a bundle.yaml beside templates/; belay create makes one"},
		"an archive":           {[]string{"a.tgz", ""}, "a.tgz", "a.tgz: it is not a gzipped archive", ""},
		"no name":              {[]string{"bundle.yaml", head[:len(head)-len("name: shop\n")]}, ".", "bundle.yaml:1: name is missing", ""},
		"broken YAML":          {[]string{"bundle.yaml", head + "version: [\n"}, ".", "bundle.yaml:4: a value is missing, or a bracket is misplaced\n    3 | name: shop\n    4 | version: [\n      | ^", ""},
		"an empty bundle.yaml": {[]string{"bundle.yaml", "# nothing"}, ".", "bundle.yaml:1: apiVersion is missing\nbundle.yaml:1: kind is missing\nbundle.yaml:1: name is missing", ""},
		"a device":             {nil, "/dev/zero", "/dev/zero: this is neither a file nor a directory", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(write(t, tt.files...))
			_, err := bundle.Load(tt.path, nil)
			if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
			if located := object.Errors(err); len(located) == 0 || located[0].Hint != tt.hint {
				t.Errorf("hint of %#v", located)
			}
		})
	}
	if _, err := bundle.Load("-", strings.NewReader(" \n")); fmt.Sprint(err) != "stdin: there is nothing on it" {
		t.Error(err)
	}
}

func TestLoadIgnoresAndFollowsLinksInsideOnly(t *testing.T) {
	dir := write(t, "bundle.yaml", head, "values.yaml", "a: .Files", ".belayignore", "# x\n*.bak\n/docs/\n!keep.bak\ntemplates/**/draft*\n",
		"templates/a.yaml", "", "templates/a.bak", "", "templates/keep.bak", "", "templates/x/y/draft-1.yaml", "", "templates/.hidden/x.yaml", "",
		"docs/x.txt", "", "conf/docs/x.txt", "y", "conf/a.txt", "z")
	if err := os.Symlink("a.yaml", filepath.Join(dir, "templates/link.yaml")); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bundle.yaml", "conf/a.txt", "conf/docs/x.txt", "templates/a.yaml", "templates/keep.bak", "templates/link.yaml", "values.yaml"}
	if d := cmp.Diff(want, names(b)); d != "" {
		t.Error(d)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "templates/out.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Load(dir, nil); fmt.Sprint(err) != "templates/out.yaml: a symbolic link that leads out of the bundle" {
		t.Error(err)
	}
}

func TestAllowsDoesNotCountWhatProvidersAppend(t *testing.T) {
	for version, want := range map[string]bool{"v1.28.0": true, "1.31": true, "v1.30.2-gke.100": true, "v1.27.9": false, "v1.28.0-alpha.1": true} {
		got, err := bundle.Spec{KubeVersion: ">=1.28"}.Allows(version)
		if err != nil || got != want {
			t.Errorf("%s: %v %v", version, got, err)
		}
	}
}
