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
	rounds := 60
	if n, err := strconv.Atoi(os.Getenv("BELAY_SOAK_OVERLAYS")); err == nil {
		rounds = n
	}
	quick, whole := 0, 0
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		dir := t.TempDir()
		base := randomObjects(r, 2+r.IntN(14)) + fixedObjects
		body, extra := randomKustomization(r, "n"), randomObjects(r, r.IntN(3))
		write(t, dir, "kustomization.yaml", "resources: [more]\n"+pick(r, "", "components: [part]\n")+body)
		write(t, dir, "more/kustomization.yaml", "resources: [extra.yaml]\n"+pick(r, "", "components: [../part]\n")+randomKustomization(r, "x"))
		write(t, dir, "part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"+randomKustomization(r, ""))
		for _, at := range []string{"", "more/", "part/"} {
			write(t, dir, at+"a.txt", "some text\n")
			write(t, dir, at+"b.env", "# variables\nA=1\nB=on\n")
		}
		write(t, dir, "more/extra.yaml", strings.ReplaceAll(extra, "name: n", "name: x")+"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: always}\n"+strings.ReplaceAll(fixedObjects, "name: n", "name: x"))
		switch took, built := compare(t, dir, base, fmt.Sprintf("seed %d", seed)); {
		case took:
			quick++
		case built:
			whole++
		}
	}
	t.Logf("%d kustomizations took the quick way, %d only kustomize built, %d it refused", quick, whole, rounds-quick-whole)
	if quick < rounds/3 || quick < 2*whole {
		t.Errorf("only %d of %d kustomizations took the quick way", quick, rounds)
	}
}

// compare says whether the quick way was taken, and whether kustomize builds it.
func compare(t *testing.T, dir, base, what string) (quick, built bool) {
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
	want, err := b.whole()
	if !ok {
		return false, err == nil
	}
	if err != nil {
		t.Fatalf("%s: kustomize says %v, the quick way nothing", what, err)
	}
	if d := cmp.Diff(bodies(want), bodies(got)); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
	return true, true
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
			pick(r, "", "", "", ", {name: E, value: \"\"}", ", {name: F, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: f}}}",
				fmt.Sprintf(", {name: G, valueFrom: {configMapKeyRef: {name: n%d, key: a}}}, {name: H, valueFrom: {secretKeyRef: {name: n%d, key: a}}}", r.IntN(n), r.IntN(n)), ", {name: G, valueFrom: {configMapKeyRef: {name: made, key: a}}}"),
			pick(r, "", "", ", ports: [{containerPort: 80}, {containerPort: 81}]", ", ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}]",
				", ports: [{containerPort: 80, protocol: TCP}, {containerPort: 81}]", ", volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}]", ", args: []", ", args: [a, null, a]"),
			pick(r, "", "", ", initContainers: [{name: i, image: nginx}]", ", hostAliases: [{ip: a}, {ip: c, x: y}]", ", volumes: [{name: v, emptyDir: {}}]",
				fmt.Sprintf(", priorityClassName: n1, volumes: [{name: v, configMap: {name: n%d}}, {name: w, secret: {secretName: n%d}}, {name: x, persistentVolumeClaim: {claimName: n%d}}, {name: y, projected: {sources: [{configMap: {name: n0}}, {secret: {name: made}}]}}]", r.IntN(n), r.IntN(n), r.IntN(n)),
				", affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: x}}}]}}", ", nodeSelector: {a: b}",
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
			"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"+meta+fmt.Sprintf("\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: n%d}}", r.IntN(n)),
			"apiVersion: networking.k8s.io/v1\nkind: Ingress\n"+meta+fmt.Sprintf("\nspec: {ingressClassName: n1, tls: [{secretName: n%d}], defaultBackend: {service: {name: n%d}}, rules: [{http: {paths: [{backend: {service: {name: n%d}}}]}}]}", r.IntN(n), r.IntN(n), r.IntN(n)),
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"+meta+fmt.Sprintf("\nrules: [{apiGroups: [''], resources: [configmaps], resourceNames: [n%d, n%d, made]}]", r.IntN(n), r.IntN(n)),
			"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"+meta+"\nspec: {podSelector: {matchLabels: {app: x}}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}",
			"apiVersion: v1\nkind: PersistentVolumeClaim\n"+meta+"\nspec: {storageClassName: n0, volumeName: n1}",
			"apiVersion: apiregistration.k8s.io/v1\nkind: APIService\n"+fmt.Sprintf("metadata: {name: n%d}", i)+"\nspec: {service: {name: n0, namespace: x}}",
			"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"+fmt.Sprintf("metadata: {name: n%d}", i)+"\nspec: {conversion: {webhook: {clientConfig: {service: {name: s, namespace: x}}}}}",
			"apiVersion: example.com/v1\nkind: Thing\n"+meta+"\nspec: {replicas: 1, containers: [{image: nginx}], big: 12345678901, f: 1.25, list: [1, a, true, null]}",
		))
	}
	return strings.ReplaceAll(strings.Join(docs, "\n---\n"), "c: |\n    two\n    lines\n  ,", "c: \"two\\nlines\\n\",") + "\n"
}

// fixedObjects are what randomKustomization names.
const fixedObjects = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: ncm, annotations: {keep: "1"}}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nmoved, namespace: other}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: nsec}
stringData: {a: b}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ndep}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
      - name: c
        image: nginx
        envFrom: [{configMapRef: {name: nmade}}, {secretRef: {name: nsec}}, {configMapRef: {name: ncm}}]
        env: [{name: A, valueFrom: {secretKeyRef: {name: nmade, key: k}}}, {name: B, valueFrom: {secretKeyRef: {name: ntwice, key: k}}}]
`

// randomKustomization is the body of one; it has no resources. own begins the names
// of the objects that it knows to be there; "" is for none.
func randomKustomization(r *rand.Rand, own string) string {
	var b strings.Builder
	add := func(chance int, lines ...string) {
		if line := pick(r, lines...); r.IntN(100) < chance && (own != "" || !strings.Contains(line, "@")) {
			b.WriteString(strings.ReplaceAll(line, "@", own) + "\n")
		}
	}
	add(40, "namespace: prod", "namespace: default")
	add(40, "labels: [{pairs: {env: prod}}]", "labels: [{pairs: {env: \"1\", active: \"true\"}, includeTemplates: true}]",
		"labels: [{pairs: {sel: a}, includeSelectors: true}, {pairs: {env: q}}]", "labels: [{pairs: {env: a}, includeVolumeClaimTemplates: true}, {pairs: {tier: db}}]", "labels: [{pairs: {x: z}, fields: [{path: spec/extra, create: true, kind: Thing}]}]")
	add(30, "commonAnnotations: {a: b, num: \"1\"}")
	add(40, "images: [{name: nginx, newTag: \"2\"}]", "images: [{name: nginx, newName: mirror/nginx, digest: 'sha256:"+strings.Repeat("cd", 32)+"'}, {name: other/img, newTag: v2}]")
	add(25, "namePrefix: p-", "nameSuffix: -s", "namePrefix: p-\nnameSuffix: -s", "namePrefix: nn-")
	add(20, "configMapGenerator: [{name: @cm, behavior: merge, literals: [a=z]}]", "configMapGenerator: [{name: @made, files: [a.txt, k=a.txt], literals: [x=1]}]",
		"configMapGenerator: [{name: @cm, envs: [b.env], options: {disableNameSuffixHash: true, labels: {l: m}}}]", "configMapGenerator: [{name: @moved, namespace: other, literals: [x=y], behavior: replace}]")
	add(20, "secretGenerator: [{name: @sec, behavior: merge, literals: [k=v], type: Opaque}]", "secretGenerator: [{name: @made, files: [a.txt]}, {name: @twice, envs: [b.env]}]\ngeneratorOptions: {annotations: {gen: x}, labels: {x: z}}")
	add(15, "commonLabels: {team: a}", "commonLabels: {app: other, tier: \"1\"}")
	add(15, "replacements: [{source: {kind: ConfigMap, name: @cm, fieldPath: metadata.name}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.metadata.labels.app], options: {create: true}}]}]",
		"replacements: [{source: {kind: Deployment, name: @dep, fieldPath: spec.replicas}, targets: [{select: {kind: Thing}, fieldPaths: [spec.replicas]}]}]",
		"replacements: [{source: {kind: ConfigMap, name: @cm}, targets: [{select: {kind: Thing}, fieldPaths: [spec.owner], options: {create: true}}]}]",
		"replacements: [{source: {kind: ConfigMap, name: @cm}, targets: [{select: {kind: Secret}, fieldPaths: [metadata.name]}]}]")
	add(10, "patchesStrategicMerge: ['{apiVersion: v1, kind: ConfigMap, metadata: {name: @cm}, data: {s: t}}']", "patchesStrategicMerge: ['{apiVersion: apps/v1, kind: Deployment, metadata: {name: @dep}, $patch: delete}']")
	add(10, "patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: .cm}, patch: '[{\"op\": \"add\", \"path\": \"/data/j\", \"value\": \"k\"}]'}]")
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
	add(3, "buildMetadata: [managedByLabel]")
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
	if r.IntN(12) == 0 {
		name, target = fmt.Sprintf("n%d", r.IntN(5)), ""
	}
	return "- {" + target + "patch: '{apiVersion: " + kind + ", metadata: {name: " + name + meta + "}, " + spec + "}'}"
}

// Parts of many objects are built at the same time.
func TestManyObjectsAreBuiltAsKustomizeBuildsThem(t *testing.T) {
	for seed := range 3 {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		dir := t.TempDir()
		write(t, dir, "kustomization.yaml", `namespace: prod
namePrefix: p-
labels: [{pairs: {env: prod}, includeSelectors: true}]
commonAnnotations: {a: b}
images: [{name: nginx, newTag: "2"}]
configMapGenerator: [{name: nmade, literals: [a=b]}]
patches:
- {target: {kind: Deployment}, patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: any}, spec: {template: {spec: {containers: [{name: c, env: [{name: B, $patch: delete}]}]}}}}'}
- {target: {kind: StatefulSet}, patch: '{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: any}, spec: {template: {spec: {containers: [{name: d, args: null}]}}}}'}
- {target: {group: apps}, patch: '[{"op": "add", "path": "/metadata/finalizers", "value": ["x"]}]'}
`)
		base := strings.ReplaceAll(strings.ReplaceAll(randomObjects(r, 120), ", namespace: default", ""), ", namespace: other", "")
		quick, built := compare(t, dir, base, fmt.Sprintf("seed %d", seed))
		if !quick || !built {
			t.Errorf("seed %d: quick %v, built %v", seed, quick, built)
		}
	}
}
