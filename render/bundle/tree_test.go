package bundle_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
)

func TestLoadTreeReadsWhatAKustomizationRefersTo(t *testing.T) {
	dir := write(t, "o/kustomization.yaml", `
resources: [../base, extra.yaml]
components: [../part]
patches: [{path: p.yaml, target: {kind: Deployment}}]
configMapGenerator:
- {name: c, files: [conf/a.txt, key=conf/b.txt], envs: [conf/c.env]}
transformers: [t.yaml]
replacements: [{path: r.yaml}]
`, "o/extra.yaml", manifest, "o/p.yaml", "[]", "o/conf/a.txt", "a", "o/conf/b.txt", "b", "o/conf/c.env", "# x\nA=1\n",
		"o/t.yaml", "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: tp.yaml\n", "o/tp.yaml", "x", "o/r.yaml", "[]",
		"o/unrelated.txt", "x", "base/kustomization.yml", "resources: [m.yaml]\n", "base/m.yaml", manifest,
		"part/Kustomization", "kind: Component\n")
	tree, err := bundle.LoadTree(filepath.Join(dir, "o"), "o", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range tree.Files {
		got = append(got, tree.Shown(f.Name))
	}
	want := []string{"base/kustomization.yml", "base/m.yaml", "o/conf/a.txt", "o/conf/b.txt", "o/conf/c.env", "o/extra.yaml",
		"o/kustomization.yaml", "o/p.yaml", "o/r.yaml", "o/t.yaml", "o/tp.yaml", "part/Kustomization"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]bundle.Generated{{Kind: "ConfigMap", Name: "c", File: "o/kustomization.yaml", Line: 6}}, tree.Generated); d != "" {
		t.Error(d)
	}
}

func TestLoadTreeRefusesWhatLeadsOut(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"a file above":         {"resources:\n- ../secret.yaml\n", "o/kustomization.yaml:2: ../secret.yaml is outside of the kustomization's directory; its files must be in it"},
		"an absolute path":     {"resources: [/etc/passwd]\n", `o/kustomization.yaml:1: resources[0]: "/etc/passwd" is an absolute path; name it from o`},
		"an absolute file":     {"configMapGenerator: [{name: a, files: [/etc/passwd]}]\n", "o/kustomization.yaml:1: /etc/passwd is outside of the kustomization's directory; its files must be in it"},
		"a patch above":        {"patches:\n- path: ../secret.yaml\n", "o/kustomization.yaml:2: ../secret.yaml is outside of the kustomization's directory; its files must be in it"},
		"a keyed file above":   {"secretGenerator: [{name: a, files: ['x=../../etc/passwd']}]\n", "o/kustomization.yaml:1: ../../etc/passwd is outside of the kustomization's directory; its files must be in it"},
		"a link":               {"resources: [link.yaml]\n", "o/link.yaml: a symbolic link that leads out of the kustomization's directory"},
		"a remote base":        {"resources:\n- github.com/org/repo//base?ref=v1\n", "o/kustomization.yaml:2: resources[0]: github.com/org/repo//base?ref=v1 is remote; --allow-remote lets belay fetch it, a copy beside the bundle is safer"},
		"a URL":                {"resources: ['https://example.com/a.yaml']\n", "o/kustomization.yaml:1: resources[0]: https://example.com/a.yaml is remote; --allow-remote lets belay fetch it, a copy beside the bundle is safer"},
		"a missing base":       {"resources: [../bsae]\n", "o/kustomization.yaml:1: resources[0]: there is no file or directory ../bsae; the nearest is base"},
		"a missing patch":      {"patches: [{path: pach.yaml}]\n", "o/kustomization.yaml:1: there is no file pach.yaml; the nearest is patch.yaml"},
		"no kustomization":     {"resources: [../empty]\n", "o/kustomization.yaml:1: resources[0]: there is no kustomization.yaml in ../empty"},
		"a chart":              {"helmCharts: [{name: redis}]\n", "o/kustomization.yaml:1: helmCharts[0].name: belay does not inflate Helm charts in kustomizations: make the chart the bundle, and this its overlay"},
		"the environment":      {"configMapGenerator: [{name: a, envs: [vars.env]}]\n", "o/vars.env:2: a line without =: belay reads no environment variables for it"},
		"a plugin's URL":       {"transformers:\n- '{apiVersion: builtin, kind: PatchTransformer, metadata: {name: a}, path: \"https://example.com/p.yaml\"}'\n", "o/kustomization.yaml: https://example.com/p.yaml is remote; only resources can be"},
		"a plugin's variables": {"generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: a}\n  envs: [vars.env]\n", "o/vars.env:2: a line without =: belay reads no environment variables for it"},
		"a directory as file":  {"patches: [{path: sub}]\n", "o/kustomization.yaml:1: sub is a directory where a file is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "o/kustomization.yaml", tt.body, "secret.yaml", manifest, "base/kustomization.yaml", "", "o/patch.yaml", "x",
				"empty/x", "", "o/vars.env", "A=1\nPATH\n", "o/sub/x", "")
			if err := os.Symlink("/etc/hostname", filepath.Join(dir, "o/link.yaml")); err != nil {
				t.Fatal(err)
			}
			_, err := bundle.LoadTree(filepath.Join(dir, "o"), "o", nil)
			if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLoadTreeReportsAllMistakesAtOnce(t *testing.T) {
	dir := write(t, "kustomization.yaml", "resources: [none.yaml, ../x.yaml]\npatches: [{path: q.yaml}]\n")
	_, err := bundle.LoadTree(dir, "", nil)
	if got := len(object.Errors(err)); got != 3 {
		t.Errorf("%d mistakes: %v", got, err)
	}
}

func TestLoadTreeFetchesWhereItMay(t *testing.T) {
	dir := write(t, "o/kustomization.yaml", "resources: ['https://example.com/a.yaml', 'github.com/org/repo//base', 'github.com/org/gone']\n",
		"fetched/a.yaml", manifest, "fetched/base/kustomization.yaml", "resources: [m.yaml]\n", "fetched/base/m.yaml", manifest)
	tree, err := bundle.LoadTree(filepath.Join(dir, "o"), "o", func(reference string) (string, error) {
		switch {
		case strings.HasSuffix(reference, "a.yaml"):
			return filepath.Join(dir, "fetched/a.yaml"), nil
		case strings.HasSuffix(reference, "base"):
			return filepath.Join(dir, "fetched/base"), nil
		}
		return "", errors.New("not there")
	})
	if fmt.Sprint(err) != "o/kustomization.yaml:1: resources[2]: fetching github.com/org/gone: not there" {
		t.Error(err)
	}
	if len(tree.Fetched) != 2 || len(tree.Files) != 4 {
		t.Error(tree.Fetched, len(tree.Files))
	}
}

func TestLoadReadsFoldersOnlyWhenAsked(t *testing.T) {
	dir := write(t, "a.yaml", manifest, "x/b.yaml", manifest, "x/y/c.json", "{}", ".git/d.yaml", "x", "x/README.md", "x")
	b, err := bundle.Loader{Recursive: true}.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a.yaml", "x/b.yaml", "x/y/c.json"}, names(b)); d != "" {
		t.Error(d)
	}
}
