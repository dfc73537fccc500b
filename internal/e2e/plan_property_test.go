package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// zoo holds an object of every built-in kind that people write, small, and such
// that no pod of theirs runs.
const zoo = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: "1", b: "2"}, binaryData: {c: YQ==}}
---
{apiVersion: v1, kind: Secret, metadata: {name: web}, data: {a: YQ==}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 53, protocol: UDP}, {name: c, port: 53, protocol: TCP}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}, imagePullSecrets: [{name: a}, {name: b}]}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: web}, spec: {limits: [{type: Container, max: {cpu: "64"}}]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: web}, spec: {hard: {pods: "1000"}}}
---
{apiVersion: v1, kind: PodTemplate, metadata: {name: web}, template: {metadata: {labels: {app: pt}}, spec: {containers: [{name: a, image: x, env: [{name: A, value: a}]}]}}}
---
{apiVersion: v1, kind: ReplicationController, metadata: {name: web}, spec: {replicas: 0, selector: {app: rc}, template: {metadata: {labels: {app: rc}}, spec: {containers: [{name: a, image: x}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 0, selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {
  containers: [{name: a, image: x, env: [{name: A, value: a}, {name: B, value: b}], ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}], resources: {limits: {cpu: "0.5", memory: 1024Mi}}, livenessProbe: {httpGet: {port: 80}}, volumeMounts: [{name: v, mountPath: /v}]}, {name: b, image: y}],
  volumes: [{name: v, emptyDir: {}}, {name: w, configMap: {name: web}}], tolerations: [{key: a, operator: Exists}], hostAliases: [{ip: 1.1.1.1, hostnames: [a]}], topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {replicas: 0, serviceName: web, selector: {matchLabels: {app: s}}, template: {metadata: {labels: {app: s}}, spec: {containers: [{name: a, image: x}]}}, updateStrategy: {type: RollingUpdate}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: web}, spec: {selector: {matchLabels: {app: ds}}, template: {metadata: {labels: {app: ds}}, spec: {nodeSelector: {none: none}, containers: [{name: a, image: x}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web}, spec: {replicas: 0, selector: {matchLabels: {app: rs}}, template: {metadata: {labels: {app: rs}}, spec: {containers: [{name: a, image: x}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: web}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: web}, spec: {suspend: true, schedule: "0 0 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x, env: [{name: A, value: a}]}]}}}}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}], tls: [{hosts: [a.example]}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}], from: [{podSelector: {}}]}], policyTypes: [Ingress]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: none}, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web}, rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: web}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}, subjects: [{kind: ServiceAccount, name: web, namespace: x}]}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: web}, spec: {holderIdentity: a, leaseDurationSeconds: 15}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web}, addressType: IPv4, endpoints: [{addresses: [10.9.9.9], conditions: {ready: true}}], ports: [{name: a, port: 80, protocol: TCP}]}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: web}, spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}}
`

// TestRandomEditsAreShownAsTheyHappen edits objects of all built-in kinds at random
// and holds every apply to its plan: the next plan is empty, and what was shown is
// what changed.
func TestRandomEditsAreShownAsTheyHappen(t *testing.T) {
	t.Parallel()
	runs, cases := 2, 250
	if soaking() {
		runs, cases = 20, 500
	}
	for seed := range runs {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			z := newZoo(t, uint64(seed))
			for round := 0; z.cases < cases; round++ {
				if round > cases {
					t.Fatalf("only %d edits went through in %d rounds", z.cases, round)
				}
				z.round()
			}
			t.Logf("%d edits, %d refused", z.cases, z.refused)
		})
	}
}

// zooTest is a run of random edits.
type zooTest struct {
	*Env
	schemas *schemas
	now     []object.Object // as applied last
	cases   int
	refused int
}

func newZoo(t *testing.T, seed uint64) *zooTest {
	e := New(t)
	objects, err := object.Decode([]byte(zoo), "zoo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	z := &zooTest{Env: e, schemas: newSchemas(e.API, seed), now: objects}
	z.apply(objects)
	return z
}

func (z *zooTest) file(objects []object.Object) string {
	var docs []string
	for _, o := range objects {
		docs = append(docs, text(o.Body.Object))
	}
	return z.Write("zoo.yaml", strings.Join(docs, "\n---\n"))
}

func (z *zooTest) apply(objects []object.Object) {
	z.t.Helper()
	r := z.start(Run{Args: []string{"apply", z.file(objects), "-r", "zoo", "-n", z.NS, "--no-wait", "-q"}})
	if r.Exit != 0 {
		z.t.Fatalf("the plan was fine, the apply was not:\n%v", r)
	}
}

var kindAndName = regexp.MustCompile(`\b([A-Z]\w+)[\w.]*/web\b`)

// lineOf finds the line of a mistake in a document; objects have one line each,
// and one between them.
var lineOf = regexp.MustCompile(`"line": (\d+)`)

// round edits every object once or twice, takes back what the server refuses,
// and applies the rest.
func (z *zooTest) round() {
	z.t.Helper()
	wanted := make([]object.Object, len(z.now))
	edits := make([]string, len(z.now))
	for i, o := range z.now {
		wanted[i] = object.Object{Body: o.Body.DeepCopy()}
		for range 1 + z.schemas.dice.IntN(2) {
			what, err := z.schemas.edit(wanted[i].Body)
			if err != nil {
				z.t.Fatal(err)
			}
			edits[i] += what + "; "
		}
	}
	var plan *Result
	for range len(z.now) + 2 {
		plan = z.start(Run{Args: []string{"diff", z.file(wanted), "-r", "zoo", "-n", z.NS, "-o", "json"}})
		z.check(Run{Args: plan.Args}, plan)
		if plan.Exit == 0 || plan.Exit == 2 {
			break
		}
		back := 0
		for _, m := range kindAndName.FindAllStringSubmatch(plan.Stderr, -1) {
			for i := range wanted {
				if wanted[i].Body.GetKind() == m[1] && edits[i] != "" {
					wanted[i], edits[i] = z.now[i], ""
					back++
				}
			}
		}
		var mistakes [][]string
		if strings.Contains(plan.Stdout, `"kind": "Error"`) { // a plan has lines, too
			mistakes = lineOf.FindAllStringSubmatch(plan.Stdout, -1)
		}
		for _, m := range mistakes {
			if line, err := strconv.Atoi(m[1]); err == nil && edits[(line-1)/2] != "" {
				wanted[(line-1)/2], edits[(line-1)/2] = z.now[(line-1)/2], ""
				back++
			}
		}
		if z.refused += back; back == 0 {
			z.t.Fatalf("refused, and nothing to take back:\n%v", plan)
		}
	}
	if plan.Exit != 2 {
		return
	}
	before := z.All()
	z.apply(wanted)
	after := z.All()
	z.compare(plan, before, after, wanted, edits)
	again := z.start(Run{Args: []string{"diff", z.file(wanted), "-r", "zoo", "-n", z.NS, "--fresh"}})
	if again.Exit != 0 {
		z.t.Fatalf("the next plan is not empty, after %q:\n%v\n%v", edits, again, plan)
	}
	z.now = wanted
}

// compare holds the fields that a plan showed to what changed at the release's
// fields.
func (z *zooTest) compare(plan *Result, before, after Objects, wanted []object.Object, edits []string) {
	z.t.Helper()
	var doc struct {
		Changes []struct {
			object.ID
			Action string
			Fields []struct {
				Path      string
				From, To  any
				Masked    bool
				Ownership bool
			}
		}
	}
	if err := json.Unmarshal([]byte(plan.Stdout), &doc); err != nil {
		z.t.Fatal(err)
	}
	manager := "belay/" + z.NS + "/zoo"
	for _, c := range doc.Changes {
		if c.Action != "update" {
			continue
		}
		was, is := before[c.ID], after[c.ID]
		if was == nil || is == nil {
			continue // of a kind that All leaves out
		}
		z.cases++
		shown := map[string]string{}
		for _, f := range c.Fields {
			if !f.Masked {
				shown[f.Path] = text([]any{f.From, f.To, f.Ownership})
			}
		}
		happened := differences(was, is, manager)
		if text(shown) != text(happened) {
			// What nobody owned was claimed first, so that the apply could remove it.
			for _, o := range wanted {
				if o.Body.GetKind() != c.Kind {
					continue
				}
				if claimed := fields.Claim(was, o.Body, manager); claimed != nil {
					happened = differences(claimed, is, manager)
				}
			}
		}
		if text(shown) != text(happened) {
			z.t.Errorf("%s: shown  %s\nhappened %s\nafter %q", c.ID, text(shown), text(happened), edits)
		}
	}
}

// differences are those of two states of an object, at what the release owns.
func differences(was, is *unstructured.Unstructured, manager string) map[string]string {
	found := map[string]string{}
	for _, d := range fields.Diff(applied(was, manager), applied(is, manager), was.Object, is.Object) {
		if !strings.Contains(d.Path, "belay.sh/") && !object.IsSecretPath(object.IDOf(is), d.Path) {
			found[d.Path] = text([]any{d.From, d.To, d.Ownership})
		}
	}
	return found
}

func applied(u *unstructured.Unstructured, manager string) fields.Set {
	e, _ := fields.Applied(u, manager)
	return e.Fields
}
