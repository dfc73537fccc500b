package overlay

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
)

// The two ways must agree: kustomize itself, and its filters object by object.
func TestTheQuickWayBuildsWhatKustomizeBuilds(t *testing.T) {
	rounds := 150
	if n, err := strconv.Atoi(os.Getenv("BELAY_SOAK_OVERLAYS")); err == nil {
		rounds = n
	}
	quick := 0
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		dir := t.TempDir()
		base := randomObjects(r, 2+r.IntN(14))
		body, extra := randomKustomization(r), randomObjects(r, r.IntN(3))
		write(t, dir, "kustomization.yaml", "resources: [more]\n"+body)
		write(t, dir, "more/kustomization.yaml", "resources: [extra.yaml]\n"+randomKustomization(r))
		write(t, dir, "more/extra.yaml", strings.ReplaceAll(extra, "name: n", "name: x")+"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: always}\n")
		if compare(t, dir, base, fmt.Sprintf("seed %d:\n%s", seed, body)) {
			quick++
		}
	}
	t.Logf("%d of %d kustomizations took the quick way", quick, rounds)
	if quick < rounds/2 {
		t.Errorf("only %d of %d kustomizations took the quick way", quick, rounds)
	}
}

// compare says whether the quick way was taken.
func compare(t *testing.T, dir, base, what string) bool {
	t.Helper()
	tree, err := bundle.LoadTree(dir, "", nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	objs, err := object.Decode([]byte(base), "base.yaml")
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, base)
	}
	b, err := newBuilder(tree, objs)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got, ok, err := b.quick()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !ok {
		return false
	}
	want, err := b.whole()
	if err != nil {
		t.Fatalf("%s: kustomize says %v, the quick way nothing", what, err)
	}
	if d := cmp.Diff(bodies(want), bodies(got)); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
	return true
}

func bodies(objs []object.Object) []map[string]any {
	all := make([]map[string]any, len(objs))
	for i, o := range objs {
		all[i] = o.Body.Object
	}
	return all
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// randomObjects are manifests of all kinds that kustomize treats apart.
func randomObjects(r *rand.Rand, n int) string {
	var docs []string
	for i := range n {
		meta := fmt.Sprintf("metadata: {name: n%d%s%s%s}", i, pick(r, "", "", ", namespace: default", ", namespace: other"),
			pick(r, "", ", labels: {tier: web, num: \"1\"}", ", labels: {}", ", labels: null"),
			pick(r, "", ", annotations: {a: \"yes\"}", ", annotations: {a: \"\"}", ", finalizers: [x, y]"))
		pod := fmt.Sprintf("spec: {serviceAccountName: n%d, containers: [{name: c, image: %s, env: [{name: A, value: \"0777\"}, {name: B, value: x}%s]%s}, {name: d, image: other/img}]%s}",
			r.IntN(n), pick(r, "nginx", "nginx:1", "example.com:5000/a/nginx:1@sha256:"+strings.Repeat("ab", 32), "other/img:v1"),
			pick(r, "", "", "", ", {name: E, value: \"\"}", ", {name: F, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: f}}}"),
			pick(r, "", "", ", ports: [{containerPort: 80}, {containerPort: 81}]", ", ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]",
				", ports: [{containerPort: 80, protocol: TCP}, {containerPort: 81}]", ", volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}]", ", args: []", ", args: [a, null, a]"),
			pick(r, "", "", ", initContainers: [{name: i, image: nginx}]", ", hostAliases: [{ip: a}, {ip: c, x: y}]", ", volumes: [{name: v, emptyDir: {}}]", ", nodeSelector: {a: b}",
				", tolerations: [{key: a}, {key: a}]", ", securityContext: null", ", volumes: [{name: v, image: {reference: nginx}}]"))
		template := "template: {" + pick(r, "", "metadata: {labels: {app: x}}, ", "metadata: {annotations: {k: v}}, ") + pod + "}"
		docs = append(docs, pick(r,
			"apiVersion: apps/v1\nkind: Deployment\n"+meta+"\nspec: {replicas: 1, selector: {matchLabels: {app: x}}, "+template+"}",
			"apiVersion: apps/v1\nkind: StatefulSet\n"+meta+"\nspec: {serviceName: s, "+template+", volumeClaimTemplates: [{metadata: {name: v}, spec: {x: 1.5}}]}",
			"apiVersion: apps/v1\nkind: DaemonSet\n"+meta+"\nspec: {"+template+"}",
			"apiVersion: batch/v1\nkind: Job\n"+meta+"\nspec: {"+template+"}",
			"apiVersion: batch/v1\nkind: CronJob\n"+meta+"\nspec: {jobTemplate: {spec: {"+template+"}}}",
			"apiVersion: v1\nkind: ReplicationController\n"+meta+"\nspec: {"+template+"}",
			"apiVersion: v1\nkind: Pod\n"+meta+"\n"+pod,
			"apiVersion: v1\nkind: Service\n"+meta+"\nspec: {selector: {app: x}, ports: [{port: 80}]}",
			"apiVersion: v1\nkind: ServiceAccount\n"+meta,
			"apiVersion: v1\nkind: ConfigMap\n"+meta+"\ndata: {a: \"on\", b: \"1e3\", c: |\n    two\n    lines\n  , d: null}",
			"apiVersion: v1\nkind: Secret\n"+meta+"\nstringData: {a: b}",
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"+meta+fmt.Sprintf(
				"\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: n1}\nsubjects: [{kind: ServiceAccount, name: n%d%s}, {kind: ServiceAccount, name: default}, {kind: User, name: u}]", r.IntN(n), pick(r, "", ", namespace: other", ", namespace: default")),
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n"+fmt.Sprintf("metadata: {name: n%d}", i)+fmt.Sprintf(
				"\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: n1}\nsubjects: [{kind: ServiceAccount, name: n%d}]", r.IntN(n)),
			"apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"+fmt.Sprintf("metadata: {name: n%d}", i)+fmt.Sprintf(
				"\nwebhooks: [{name: a, clientConfig: {service: {name: n%d, namespace: default}}}]", r.IntN(n)),
			"apiVersion: apiregistration.k8s.io/v1\nkind: APIService\n"+fmt.Sprintf("metadata: {name: n%d}", i)+"\nspec: {service: {name: n0, namespace: x}}",
			"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"+fmt.Sprintf("metadata: {name: n%d}", i)+"\nspec: {conversion: {webhook: {clientConfig: {service: {name: s, namespace: x}}}}}",
			"apiVersion: example.com/v1\nkind: Thing\n"+meta+"\nspec: {replicas: 1, containers: [{image: nginx}], big: 12345678901, f: 1.25, list: [1, a, true, null]}",
		))
	}
	return strings.ReplaceAll(strings.Join(docs, "\n---\n"), "c: |\n    two\n    lines\n  ,", "c: \"two\\nlines\\n\",") + "\n"
}

// randomKustomization is the body of one; it has no resources.
func randomKustomization(r *rand.Rand) string {
	var b strings.Builder
	add := func(chance int, lines ...string) {
		if r.IntN(100) < chance {
			b.WriteString(pick(r, lines...) + "\n")
		}
	}
	add(40, "namespace: prod", "namespace: default")
	add(40, "labels: [{pairs: {env: prod}}]", "labels: [{pairs: {env: \"1\", active: \"true\"}, includeTemplates: true}]",
		"labels: [{pairs: {env: a}, includeVolumeClaimTemplates: true}, {pairs: {tier: db}}]", "labels: [{pairs: {x: z}, fields: [{path: spec/extra, create: true, kind: Thing}]}]")
	add(30, "commonAnnotations: {a: b, num: \"1\"}")
	add(40, "images: [{name: nginx, newTag: \"2\"}]", "images: [{name: nginx, newName: mirror/nginx, digest: 'sha256:"+strings.Repeat("cd", 32)+"'}, {name: other/img, newTag: v2}]")
	b.WriteString("patches:\n")
	add(40, "- {target: {kind: Deployment}, patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: any}, spec: {paused: true, template: {spec: {containers: [{name: c, env: [{name: C, value: z}]}]}}}}'}",
		"- {target: {name: n.*, labelSelector: tier=web}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations/p\", \"value\": \"1\"}]'}",
		"- {target: {kind: ConfigMap}, patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: any}, data: {a: null, z: \"1\"}}'}\n- {target: {namespace: other}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/labels\", \"value\": {\"p\": \"q\"}}]'}",
		"- {target: {kind: Secret}, patch: '{apiVersion: v1, kind: Secret, metadata: {name: any}, $patch: delete}'}",
		"- {target: {group: example.com}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/list\", \"value\": [1, 2.5, \"x\", {\"a\": null}]}]'}")
	for range r.IntN(3) {
		add(40, randomMerge(r))
	}
	add(15, "sortOptions: {order: fifo}", "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Job, Secret], orderLast: [Namespace]}}")
	add(5, "namePrefix: p-")
	return b.String()
}

// randomMerge is an entry of patches: a strategic merge of some of what merges in
// different ways.
func randomMerge(r *rand.Rand) string {
	kind := pick(r, "apps/v1, kind: Deployment", "apps/v1, kind: StatefulSet", "apps/v1, kind: DaemonSet", "batch/v1, kind: Job", "v1, kind: Pod", "v1, kind: Service", "example.com/v1, kind: Thing")
	container := "{name: " + pick(r, "c", "d", "new") + pick(r, "", ", image: x:1", ", image: null", ", args: [z]", ", args: null",
		", env: [{name: B, value: \"\"}]", ", env: [{name: Z, value: z}, {name: A, value: new}]", ", env: [{name: B, $patch: delete}]",
		", ports: [{containerPort: 80, name: web}]", ", ports: [{containerPort: 80, protocol: TCP, name: web}, {containerPort: 90, protocol: TCP}]",
		", volumeMounts: [{mountPath: /b, readOnly: true}, {mountPath: /c, name: v}]", ", resources: {limits: {cpu: 1, memory: 1Gi}}") + "}"
	pod := "{" + pick(r, "containers: ["+container+"]", "containers: ["+container+", {name: more, image: y}]", "nodeSelector: {a: c, d: e}", "nodeSelector: null",
		"hostAliases: [{ip: b}]", "tolerations: [{key: b}]", "volumes: [{name: v, emptyDir: {medium: Memory}}, {name: w, configMap: {name: n0}}]",
		"securityContext: {runAsUser: 1}", "securityContext: {}", "imagePullSecrets: [{name: s}]", "unknown: [{a: 1}]") + "}"
	spec := pick(r, "spec: {replicas: 2}", "spec: {paused: true, extra: {a: [1, 2]}}")
	switch {
	case strings.HasSuffix(kind, "Pod"):
		spec = "spec: " + pod
	case strings.HasSuffix(kind, "Service"):
		spec = "spec: {" + pick(r, "ports: [{port: 80, name: web}]", "ports: [{port: 80, protocol: TCP}]", "ports: [{port: 90}]", "selector: {b: c}", "type: NodePort") + "}"
	case strings.HasSuffix(kind, "Thing"):
		spec = "spec: {" + pick(r, "list: [2]", "containers: [{image: z}]", "f: 2.50", "new: {deep: {er: on}}") + "}"
	case r.IntN(4) > 0:
		spec = "spec: {template: {" + pick(r, "", "metadata: {labels: {m: n}}, ") + "spec: " + pod + "}}"
	}
	meta := pick(r, "", "", ", labels: {p: \"1\"}", ", annotations: {p: q}", ", annotations: null", ", finalizers: [y, z]", ", namespace: elsewhere")
	name, target := "any", "target: {kind: "+kind[strings.LastIndex(kind, " ")+1:]+"}, "
	if r.IntN(4) == 0 {
		name, target = fmt.Sprintf("n%d", r.IntN(5)), ""
	}
	return "- {" + target + "patch: '{apiVersion: " + kind + ", metadata: {name: " + name + meta + "}, " + spec + "}'}"
}

func BenchmarkOverlay(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("quick/%d", n), func(b *testing.B) {
			builder := thousand(b, n)
			for b.Loop() {
				if _, ok, err := builder.quick(); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
	b.Run("kustomize/1000", func(b *testing.B) {
		builder := thousand(b, 1000)
		for b.Loop() {
			if _, err := builder.whole(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// thousand is an overlay with namespace, labels, images and a patch on n objects.
func thousand(t testing.TB, n int) *builder {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "kustomization.yaml", `namespace: prod
labels: [{pairs: {env: prod}, includeTemplates: true}]
images: [{name: nginx, newTag: "2"}]
patches:
- target: {kind: Deployment}
  patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: any}
    spec: {template: {spec: {containers: [{name: web, env: [{name: B, value: z}]}]}}}
`)
	var text strings.Builder
	for i := range n / 4 {
		fmt.Fprintf(&text, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d%[1]d, labels: {app: d%[1]d}}
spec:
  selector: {matchLabels: {app: d%[1]d}}
  template:
    metadata: {labels: {app: d%[1]d}}
    spec: {containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}], env: [{name: A, value: a}, {name: M, valueFrom: {configMapKeyRef: {name: c%[1]d, key: a}}}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c%[1]d}
data: {a: b, c: d}
---
apiVersion: v1
kind: Service
metadata: {name: s%[1]d}
spec: {selector: {app: d%[1]d}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a%[1]d}
`, i)
	}
	objs, err := object.Decode([]byte(text.String()), "base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := bundle.LoadTree(dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuilder(tree, objs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
