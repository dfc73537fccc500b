package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// workload is a Deployment that behaves as told.
func workload(annotations, behavior, container string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: app, annotations: {%s}}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}, annotations: {playground.belay.sh/behavior: "%s"}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: main
        image: registry.example/app:1
        %s
`, annotations, behavior, container)
}

// renamed is the workload under another name.
func renamed(workload, name string) string {
	return strings.NewReplacer("name: app", "name: "+name, "app: app", "app: "+name).Replace(workload)
}

// apply applies a manifest, unchecked.
func (e *Env) apply(manifest string, args ...string) *Result {
	e.t.Helper()
	all := append([]string{"apply", "-", "-r", "app", "-n", e.NS}, args...)
	return e.Run(Run{Args: all, Stdin: manifest, Unchecked: true})
}

func TestTwoCrashesAreNoFailure(t *testing.T) {
	t.Parallel()
	e := New(t)
	if r := e.apply(workload("", "crashes=2", "livenessProbe: {tcpSocket: {port: 80}}")); r.Exit != 0 {
		t.Error(r)
	}
}

// A probe may say yes before the program falls over: what counts is how it is in
// the end.
func TestWhatFallsOverAfterItWasReadyIsNoSuccess(t *testing.T) {
	t.Parallel()
	e := New(t)
	came := make(chan error, 1)
	go func() { came <- e.bringAfterFall("falls") }()
	probes := "readinessProbe: {httpGet: {port: 80}}\n        livenessProbe: {httpGet: {port: 80}, periodSeconds: 1, failureThreshold: 1}"
	falls := renamed(workload("belay.sh/fail-after: 3s, belay.sh/max-restarts: '2'", "not-live=5s", probes), "falls")
	r := e.apply(falls + "---\n" + workload("", "", "envFrom: [{configMapRef: {name: late}}]"))
	for _, want := range []string{" no longer ready: ", "Deployment.apps/falls is not ready: ", "because container main of Pod/falls-"} {
		if r.Exit != 6 || !strings.Contains(r.Stderr, want) {
			t.Errorf("want exit 6 and %q:\n%v", want, r)
		}
	}
	if err := <-came; err != nil {
		t.Error(err)
	}
}

// bringAfterFall brings the ConfigMap late once pods of a Deployment were available,
// and then were not.
func (e *Env) bringAfterFall(name string) error {
	was := false
	for range 1000 {
		time.Sleep(100 * time.Millisecond)
		u, err := e.API.Get("/apis/apps/v1/namespaces/" + e.NS + "/deployments/" + name)
		if err != nil {
			continue // it is not there yet
		}
		n, _, _ := unstructured.NestedFloat64(u.Object, "status", "availableReplicas")
		if was && n == 0 {
			return e.bring("ConfigMap", "late")
		}
		was = was || n > 0
	}
	return errors.New("it never was ready and then was not")
}

func TestTheBundlesBudgetsCount(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("app/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: app\nrollout: {failAfter: 10s, maxRestarts: 2}\n")
	path := e.Write("app/templates/app.yaml", workload("", "", "envFrom: [{secretRef: {name: none}}]"))
	e.Write("app/templates/crash.yaml", renamed(workload("", "crash-loop", ""), "crash"))
	patient := workload("belay.sh/fail-after: 5m, belay.sh/max-restarts: '9'", "crash-loop", "")
	e.Write("app/templates/patient.yaml", renamed(patient, "patient"))
	r := e.Must(6, "apply", strings.TrimSuffix(path, "/templates/app.yaml"), "-n", e.NS)
	// By default a missing Secret is certain after a minute, and a crash with the
	// fourth, which comes later still.
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^00:\d\d  Deployment.apps/(\w+) +failed: (\w+)$`).FindAllStringSubmatch(r.Stderr, -1) {
		got = append(got, m[1]+" "+m[2])
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"app CreateContainerConfigError", "crash CrashLoopBackOff"}, got); d != "" {
		t.Errorf("%s\n%v", d, r)
	}
}

func TestABundleSaysWhenItsKindsAreReady(t *testing.T) {
	t.Parallel()
	e := New(t)
	group := e.NS + ".example.com"
	e.Write("db/bundle.yaml", `apiVersion: belay.sh/v1alpha1
kind: Bundle
name: app
readiness:
- {group: `+group+`, kind: Database, ready: "self.spec.phase == 'Running'", failed: "self.spec.phase == 'Error'"}
`)
	e.Write("db/values.yaml", "phase: Running\n")
	path := e.Write("db/templates/db.yaml", `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.`+group+`}
spec:
  group: `+group+`
  scope: Namespaced
  names: {plural: databases, singular: database, kind: Database, listKind: DatabaseList}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
apiVersion: `+group+`/v1
kind: Database
metadata: {name: main}
spec: {phase: {{ .Values.phase }}}
`)
	bundle := strings.TrimSuffix(path, "/templates/db.yaml")
	e.Must(0, "apply", bundle, "-n", e.NS)
	e.Must(0, "status", "app", "-n", e.NS)
	r := e.Must(6, "apply", bundle, "-n", e.NS, "--set", "phase=Error")
	if want := "failed, for self.spec.phase == 'Error'"; !strings.Contains(r.Stderr, want) {
		t.Errorf("the explanation lacks %q:\n%v", want, r)
	}
	e.Must(6, "status", "app", "-n", e.NS)
}

func TestARunCanBeReadAsItGoes(t *testing.T) {
	t.Parallel()
	e := New(t)
	r := e.apply(workload("", "slow-start=2s", "readinessProbe: {tcpSocket: {port: 80}}"), "-o", "events", "--logs")
	if r.Exit != 0 {
		t.Fatal(r)
	}
	var types []string
	for line := range strings.Lines(r.Stdout) {
		var event struct{ APIVersion, Kind, Type string }
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.APIVersion != "belay.sh/v1alpha1" {
			t.Fatalf("%v in %s", err, line)
		}
		types = append(types, event.Kind+event.Type)
	}
	if got := strings.Join(types, " "); !strings.HasPrefix(got, "Eventstarted Eventwrote Eventdone Eventstarted Eventwrote Eventwaiting") || !strings.HasSuffix(got, "Eventdone Result") {
		t.Errorf("the events are %s:\n%v", got, r)
	}
	if !strings.Contains(r.Stderr, ` main | level=info msg="starting" container=main`) {
		t.Errorf("the log is not shown:\n%v", r)
	}
}

func TestOldPodsAreWaitedForOnRequest(t *testing.T) {
	t.Parallel()
	e := New(t)
	if r := e.apply(workload("", "ignore-term", "")); r.Exit != 0 {
		t.Fatal(r)
	}
	r := e.apply(workload("", "", ""), "--wait-old-pods")
	if r.Exit != 0 || !strings.Contains(r.Stderr, "old pods ending") {
		t.Error(r)
	}
	pods, err := e.API.All(e.NS)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name := range pods.Versions() {
		if strings.HasPrefix(name, "Pod/") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d pods are there, want 2", n)
	}
}

// bring creates a ConfigMap or Secret of that name, as an operator would.
func (e *Env) bring(kind, name string) error {
	return e.API.Do("POST", "/api/v1/namespaces/"+e.NS+"/"+strings.ToLower(kind)+"s", "application/json",
		[]byte(`{"apiVersion":"v1","kind":"`+kind+`","metadata":{"name":"`+name+`"},"data":{"a":"Yg=="}}`), nil)
}

func TestASecretThatComesLateIsWaitedFor(t *testing.T) {
	if !soaking() {
		t.Skip("takes a minute: make soak")
	}
	t.Parallel()
	e := New(t)
	came := make(chan error, 1)
	go func() {
		time.Sleep(40 * time.Second)
		came <- e.bring("Secret", "late")
	}()
	if r := e.apply(workload("", "", "envFrom: [{secretRef: {name: late}}]")); r.Exit != 0 {
		t.Error(r)
	}
	if err := <-came; err != nil {
		t.Error(err)
	}
}

func TestASlowStartSucceeds(t *testing.T) {
	if !soaking() {
		t.Skip("takes two minutes: make soak")
	}
	t.Parallel()
	e := New(t)
	if r := e.apply(workload("", "crashes=2,slow-start=90s", "readinessProbe: {httpGet: {port: 80}}")); r.Exit != 0 {
		t.Error(r)
	}
}

func TestAServerThatIsAwayDoesNotEndAWait(t *testing.T) {
	if !soaking() {
		t.Skip("takes a minute: make soak")
	}
	t.Parallel()
	e := New(t)
	var since atomic.Int64
	away := func(r proxy.Request) bool {
		if r.Watch && strings.Contains(r.Path, "deployments") {
			since.CompareAndSwap(0, time.Now().UnixNano())
		}
		from := since.Load()
		passed := time.Duration(time.Now().UnixNano() - from)
		return from > 0 && passed > 2*time.Second && passed < 22*time.Second
	}
	r := e.Run(Run{
		Args:      []string{"apply", "-", "-r", "app", "-n", e.NS},
		Stdin:     workload("", "slow-start=35s", "readinessProbe: {httpGet: {port: 80}}"),
		Rules:     []proxy.Rule{{Match: away, Cut: true}},
		Unchecked: true,
	})
	if r.Exit != 0 {
		t.Error(r)
	}
}

func TestWhatIsWaitedForEndsInTheProgress(t *testing.T) {
	t.Parallel()
	e := New(t)
	manifest := workload("", "slow-start=5s", "readinessProbe: {tcpSocket: {port: 80}}")
	if r := e.apply(manifest, "--no-wait"); r.Exit != 0 {
		t.Fatal(r)
	}
	r := e.apply(manifest) // which changes nothing
	if r.Exit != 0 || !strings.Contains(r.Stderr, "Deployment.apps/app  waiting: ") || !strings.Contains(r.Stderr, "Deployment.apps/app  ready: 2 of 2\n") {
		t.Error(r)
	}
	if strings.Contains(r.Stderr, "\x1b") {
		t.Errorf("the terminal leaks into a pipe:\n%q", r.Stderr)
	}
}
