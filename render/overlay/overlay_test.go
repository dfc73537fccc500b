package overlay_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/overlay"
)

const front = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      serviceAccountName: front
      containers:
      - name: front
        image: example.com/front:1.0
        env:
        - {name: COLOR, value: "on"}
        - name: MODE
          valueFrom: {configMapKeyRef: {name: settings, key: mode}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: front}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: "0777", size: "1e3"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: front}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: front}
- {kind: ServiceAccount, name: default}
`

// files writes files, given as names and contents, and returns their directory.
func files(t testing.TB, pairs ...string) string {
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

func tree(t testing.TB, dir string) *bundle.Tree {
	t.Helper()
	loaded, err := bundle.LoadTree(dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func decode(t testing.TB, text string) []object.Object {
	t.Helper()
	objs, err := object.Decode([]byte(text), "templates/front.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return objs
}

// kustomize is what kustomize itself builds from the files on the disk.
func kustomize(t testing.TB, dir string) ([]object.Object, error) {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return object.Decode(text, "kustomize")
}

func text(t testing.TB, objs []object.Object) string {
	t.Helper()
	var b bytes.Buffer
	for _, o := range objs {
		b.WriteString("---\n")
		if err := object.EncodeValue(&b, o.Body.Object); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// kustomizations are bodies of a kustomization.yaml over the objects of front.
var kustomizations = map[string]string{
	"nothing but resources": "",
	"a namespace":           "namespace: prod\n",
	"names":                 "namePrefix: a-\nnameSuffix: -b\n",
	"names and namespace":   "namePrefix: a-\nnamespace: prod\n",
	"labels":                "labels: [{pairs: {env: prod}}]\n",
	"labels of pods":        "labels: [{pairs: {env: prod}, includeTemplates: true}]\n",
	"labels of selectors":   "labels: [{pairs: {env: prod}, includeSelectors: true}]\n",
	"common labels":         "commonLabels: {env: prod}\n",
	"annotations":           "commonAnnotations: {a: \"1\", b: \"on\"}\n",
	"images":                "images: [{name: example.com/front, newName: mirror/front, newTag: \"2\"}]\n",
	"a digest":              "images: [{name: example.com/front, digest: 'sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3'}]\n",
	"replicas":              "replicas: [{name: front, count: 3}]\n",
	"a merge patch":         "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: front}, spec: {replicas: 2, template: {spec: {containers: [{name: front, env: [{name: COLOR, value: \"off\"}, {name: NEW, value: \"1\"}]}]}}}}'}]\n",
	"a targeted merge":      "patches: [{target: {kind: Deployment}, patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: any}, spec: {paused: true}}'}]\n",
	"a patch that deletes":  "patches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, $patch: delete}'}]\n",
	"a JSON patch":          "patches: [{target: {kind: Deployment, name: front}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/image\", \"value\": \"x\"}, {\"op\": \"add\", \"path\": \"/metadata/annotations/a\", \"value\": \"1\"}]'}]\n",
	"a JSON patch by label": "patches: [{target: {labelSelector: 'x=y'}, patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'}]\n",
	"a JSON patch renames":  "patches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"other\"}]'}]\n",
	"old patches":           "patchesStrategicMerge: ['{apiVersion: apps/v1, kind: Deployment, metadata: {name: front}, spec: {replicas: 2}}']\npatchesJson6902: [{target: {version: v1, kind: ConfigMap, name: settings}, patch: '[{\"op\": \"add\", \"path\": \"/data/x\", \"value\": \"y\"}]'}]\n",
	"generators":            "configMapGenerator: [{name: more, literals: [a=b]}]\nsecretGenerator: [{name: key, literals: [k=v], type: Opaque}]\n",
	"a merging generator":   "configMapGenerator: [{name: settings, behavior: merge, literals: [mode=x]}]\n",
	"replacements":          "replacements: [{source: {kind: ConfigMap, name: settings, fieldPath: data.mode}, targets: [{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=front].env.[name=COLOR].value']}]}]\n",
	"kept in order":         "sortOptions: {order: fifo}\nnamespace: prod\n",
	"their own order":       "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [RoleBinding], orderLast: [ConfigMap]}}\n",
	"what the build says":   "buildMetadata: [managedByLabel]\n",
	"transformers":          "transformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: p}\n  prefix: t-\n  fieldSpecs: [{path: metadata/name}]\n",
	"everything quick":      "namespace: prod\nlabels: [{pairs: {env: prod}, includeTemplates: true}]\ncommonAnnotations: {a: b}\nimages: [{name: example.com/front, newTag: \"2\"}]\nreplicas: [{name: front, count: 4}]\npatches: [{target: {kind: Deployment}, patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: any}, spec: {paused: true}}'}]\n",
}

func TestKustomizationsAreBuiltAsKustomizeBuildsThem(t *testing.T) {
	for name, body := range kustomizations {
		t.Run(name, func(t *testing.T) {
			dir := files(t, "kustomization.yaml", "resources: [front.yaml]\n"+body, "front.yaml", front)
			want, err := kustomize(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := overlay.Build(tree(t, dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(text(t, want), text(t, got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOverlaysActAsIfABaseHadHeldWhatWasRendered(t *testing.T) {
	for name, body := range kustomizations {
		t.Run(name, func(t *testing.T) {
			dir := files(t, "base/kustomization.yaml", "resources: [front.yaml]", "base/front.yaml", front,
				"whole/kustomization.yaml", "resources: [../base, extra.yaml]\n"+body, "whole/extra.yaml", extra,
				"over/kustomization.yaml", "resources: [extra.yaml]\n"+body, "over/extra.yaml", extra)
			want, err := kustomize(t, filepath.Join(dir, "whole"))
			if err != nil {
				t.Fatal(err)
			}
			base := decode(t, front)
			before := text(t, base)
			got, _, err := overlay.Build(tree(t, filepath.Join(dir, "over")), base)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(text(t, want), text(t, got)); d != "" {
				t.Error(d)
			}
			if text(t, base) != before {
				t.Error("what was rendered was changed in place")
			}
		})
	}
}

const extra = "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: front}, ports: [{port: 80}]}\n"

func TestObjectsKeepTheirSources(t *testing.T) {
	for name, body := range map[string]string{
		"quick": "namespace: prod\n",
		"whole": "namespace: prod\nnamePrefix: a-\nconfigMapGenerator: [{name: more, literals: [a=b]}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, "kustomization.yaml", "resources: [extra.yaml]\n"+body, "extra.yaml", extra)
			base := decode(t, front+"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: unrelated}\n")
			loaded, err := bundle.LoadTree(dir, "overlays/prod", nil)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := overlay.Build(loaded, base)
			if err != nil {
				t.Fatal(err)
			}
			sources := map[string]string{}
			for _, o := range got {
				sources[o.ID().Kind+" "+strings.TrimPrefix(o.ID().Name, "a-")] = fmt.Sprintf("%s via %s", o.Source, o.Source.Via)
			}
			want := map[string]string{
				"Deployment front": "templates/front.yaml:1 via overlays/prod/kustomization.yaml",
				"Service front":    "overlays/prod/extra.yaml:1 via overlays/prod/kustomization.yaml",
			}
			for key, place := range want {
				if sources[key] != place {
					t.Errorf("%s: %s", key, sources[key])
				}
			}
			if name == "whole" && sources["ConfigMap more-bb9ff4tt6h"] == "" {
				for key, place := range sources {
					if strings.HasPrefix(key, "ConfigMap more") && place != "overlays/prod/kustomization.yaml:4 via " {
						t.Errorf("%s: %s", key, place)
					}
				}
			}
		})
	}
}

func TestPatchesThatFindNothingSayWhatTheyLookedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		body, patch, want string
	}{
		"a misspelled name": {
			"patches: [{path: p.yaml}]\n", "# x\n\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fron}\n",
			"o/p.yaml:3: the patch finds nothing: there is no Deployment.apps/fron (apiVersion apps/v1); the nearest: Deployment.apps/front",
		},
		"another kind": {
			"patchesStrategicMerge: [p.yaml]\n", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: front}\n",
			"o/p.yaml:1: the patch finds nothing: there is no StatefulSet.apps/front (apiVersion apps/v1); the nearest: Deployment.apps/front (another kind), RoleBinding.rbac.authorization.k8s.io/front (another kind), ServiceAccount/front (another kind)",
		},
		"another namespace": {
			"patches:\n- patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: settings, namespace: x}\n", "",
			"o/kustomization.yaml:3: the patch finds nothing: there is no ConfigMap/x/settings (apiVersion v1); the nearest: ConfigMap/settings (another namespace)",
		},
		"a selector that names an object": {
			"patches:\n- {path: p.yaml, target: {kind: ConfigMap, name: setings}}\n", "[{\"op\": \"remove\", \"path\": \"/data\"}]",
			"o/kustomization.yaml:2: the patch finds nothing: no object with kind ConfigMap, name setings; the nearest: ConfigMap/settings",
		},
		"several at once": {
			"patches:\n- {path: p.yaml}\n- {target: {kind: ConfigMap, name: setings}, patch: '[{\"op\": \"remove\", \"path\": \"/data\"}]'}\n",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fron}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settins}\n",
			"o/p.yaml:1: the patch finds nothing: there is no Deployment.apps/fron (apiVersion apps/v1); the nearest: Deployment.apps/front\n" +
				"o/p.yaml:5: the patch finds nothing: there is no ConfigMap/settins (apiVersion v1); the nearest: ConfigMap/settings\n" +
				"o/kustomization.yaml:3: the patch finds nothing: no object with kind ConfigMap, name setings; the nearest: ConfigMap/settings",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, "kustomization.yaml", tt.body, "p.yaml", tt.patch)
			loaded, err := bundle.LoadTree(dir, "o", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = overlay.Build(loaded, decode(t, front))
			if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSelectorsThatFindNothingAreTold(t *testing.T) {
	dir := files(t, "kustomization.yaml", "patches:\n- {target: {kind: Job}, patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'}\n")
	_, notices, err := overlay.Build(tree(t, dir), decode(t, front))
	if err != nil {
		t.Fatal(err)
	}
	want := []overlay.Notice{{Source: object.Source{File: "kustomization.yaml", Line: 2}, Message: "the patch finds nothing: no object with kind Job"}}
	if d := cmp.Diff(want, notices); d != "" {
		t.Error(d)
	}
}

func TestMistakesOfKustomizationsAreLocated(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"an unknown field":  {[]string{"kustomization.yaml", "resource: [a.yaml]\n"}, `kustomization.yaml:1: there is no field "resource"; the nearest is "resources"`},
		"a broken resource": {[]string{"kustomization.yaml", "resources: [a.yaml]\n", "a.yaml", "apiVersion: v1\nkind: [\n"}, "a.yaml:2"},
		"nothing in it":     {[]string{"kustomization.yaml", "# nothing\n"}, "kustomization.yaml: kustomization.yaml is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := overlay.Build(tree(t, files(t, tt.files...)), nil)
			if !strings.HasPrefix(fmt.Sprint(err), tt.want) {
				t.Error(err)
			}
		})
	}
}

func TestWhatKustomizeSaysIsSaidPlainly(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: %s}\nstringData: {password: hunter2}\n---\n"
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"two objects of one name": {
			[]string{"kustomization.yaml", "namespace: c\nresources: [a.yaml]\n", "a.yaml", fmt.Sprintf(secret+secret, "a", "b")},
			"kustomization.yaml: namespace transformation gives several objects the same name and namespace: Secret/s",
		},
		"a base's generator that finds nothing": {
			[]string{"kustomization.yaml", "resources: [base]\n", "base/kustomization.yaml", "configMapGenerator: [{name: x, behavior: merge, literals: [a=b]}]\n"},
			"base/kustomization.yaml: ConfigMap/x does not exist; cannot merge or replace",
		},
		"a component's": {
			[]string{"kustomization.yaml", "components: [part]\n", "part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nconfigMapGenerator: [{name: x, behavior: merge, literals: [a=b]}]\n"},
			"part/kustomization.yaml: ConfigMap/x does not exist; cannot merge or replace",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := overlay.Build(tree(t, files(t, tt.files...)), nil)
			if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatKustomizeLogsIsTold(t *testing.T) {
	before := log.Writer()
	dir := files(t, "a.yaml", extra, "kustomization.yaml", "resources: [a.yaml]\nvars:\n- {name: V, objref: {apiVersion: v1, kind: Service, name: front}}\n")
	_, notices, err := overlay.Build(tree(t, dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(notices) != 2 || notices[1].Message != "kustomize says: well-defined vars that were never replaced: V" {
		t.Error(notices)
	}
	if log.Writer() != before {
		t.Error("Go's log goes elsewhere")
	}
}

func TestOldFieldsAreTold(t *testing.T) {
	for name, more := range map[string]string{"quick": "", "whole": "buildMetadata: [managedByLabel]\n"} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, "kustomization.yaml", "resources: [a.yaml]\ncommonLabels: {a: b}\n"+more, "a.yaml", extra)
			_, notices, err := overlay.Build(tree(t, dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := []overlay.Notice{{Source: object.Source{File: "kustomization.yaml", Line: 2}, Message: "kustomize calls commonLabels deprecated; it has labels instead"}}
			if d := cmp.Diff(want, notices); d != "" {
				t.Error(d)
			}
		})
	}
}
