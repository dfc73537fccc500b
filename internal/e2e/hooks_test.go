package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hooked is a chart with hooks of all events.
const hooked = "internal/e2e/testdata/hooked"

func TestHooksRunInHelmsOrder(t *testing.T) {
	t.Parallel()
	e := New(t)
	// What Helm sends for this chart; internal/e2e/helm4 asks Helm.
	for _, run := range []struct {
		name string
		args string
		exit int
		want []string
	}{
		{"install", "apply " + hooked + " -r h", 0, []string{
			"create serviceaccounts/hooks", "create jobs/migrate", "others",
			"create jobs/seed", "create jobs/announce", "delete jobs/announce", "delete jobs/seed",
		}},
		{"upgrade", "apply " + hooked + " -r h --set color=red", 0, []string{
			"create jobs/backup", "delete serviceaccounts/hooks", "create serviceaccounts/hooks",
			"delete jobs/migrate", "create jobs/migrate", "delete jobs/backup", "others",
			"create jobs/announce", "delete jobs/announce",
		}},
		{"upgrade that fails", "apply " + hooked + " -r h --set color=green --set fail=announce", 6, []string{
			"create jobs/backup", "delete serviceaccounts/hooks", "create serviceaccounts/hooks",
			"delete jobs/migrate", "create jobs/migrate", "delete jobs/backup", "others",
			"create jobs/announce", "delete jobs/announce",
		}},
		{"rollback", "rollback h 1", 0, []string{
			"create jobs/check", "others", "delete jobs/check", "create jobs/check",
		}},
		{"test", "test h", 0, []string{
			"create pods/test-again", "create pods/test", "delete pods/test",
		}},
		{"test again", "test h --filter name=h-test-again", 0, []string{
			"delete pods/test-again", "create pods/test-again",
		}},
		{"delete", "delete h", 0, []string{
			"create jobs/drain", "delete jobs/drain", "others", "create jobs/bye", "delete jobs/bye",
		}},
	} {
		r := e.Run(Run{Args: append(strings.Fields(run.args), "-n", e.NS), Unchecked: run.name != "upgrade"})
		if r.Exit != run.exit {
			t.Fatalf("%s: want exit %d, got\n%v", run.name, run.exit, r)
		}
		if d := cmp.Diff(run.want, HookWrites(r.Requests, "h-")); d != "" {
			t.Errorf("%s: the hooks were not run as Helm runs them (-want +got):\n%s\n%v", run.name, d, r)
		}
	}
}

// runsOf reads how the hooks of the current revision went.
func (e *Env) runsOf(release string) map[string]string {
	e.t.Helper()
	r := e.Must(0, "get", "hooks", release, "-n", e.NS, "-o", "json")
	var hooks struct {
		Runs []struct {
			Name, Event, Summary string
			Failed               bool
			Exit                 *int
			Log                  []string
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &hooks); err != nil {
		e.t.Fatalf("reading the hooks: %v\n%v", err, r)
	}
	found := map[string]string{}
	for _, run := range hooks.Runs {
		text := map[bool]string{true: "failed", false: "succeeded"}[run.Failed]
		if run.Exit != nil && (*run.Exit != 0) != run.Failed {
			e.t.Errorf("%s %s, and its exit code is %d", run.Name, text, *run.Exit)
		}
		if len(run.Log) > 0 {
			text += ": " + run.Log[len(run.Log)-1]
		}
		found[run.Event+" "+run.Name] = text
	}
	return found
}

// migrating is a bundle with hooks of belay's own: one that needs a Secret and a
// database of the bundle, and one that runs when all fails.
func (e *Env) migrating() string {
	e.Write("migrating/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: migrating\nversion: 1.0.0\n")
	e.Write("migrating/values.yaml", "color: blue\nbehavior: complete=1s\ntoken: none\n")
	file := e.Write("migrating/templates/all.yaml", `apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: "{{ .Values.token }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: database}
spec:
  selector: {matchLabels: {app: database}}
  template:
    metadata: {labels: {app: database}}
    spec: {containers: [{name: main, image: "registry.example/database:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {belay.sh/run: before, belay.sh/depends-on: apps/Deployment/database}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {playground.belay.sh/behavior: "{{ .Values.behavior }}"}
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: registry.example/migrate:1
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: token}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {color: "{{ .Values.color }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "registry.example/web:1", envFrom: [{configMapRef: {name: config}}]}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: alert
  annotations: {belay.sh/run: on-failure}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.example/alert:1"}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  ttlSecondsAfterFinished: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "registry.example/once:1"}]
`)
	return strings.TrimSuffix(file, "/templates/all.yaml")
}

func TestAHookOfABundleRunsAfterWhatItNeedsAndBeforeTheRest(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.migrating()
	// Twice more by the check: the Job that its TTL removed must not come back.
	r := e.Must(0, "apply", bundle, "-n", e.NS)
	var order []string
	for _, w := range r.Requests.Mutating() {
		if !w.Record() {
			order = append(order, w.Path[strings.LastIndex(w.Path, "/")+1:])
		}
	}
	at := func(name string) int { return slices.Index(order, name) }
	for _, pair := range [][2]string{{"token", "migrate"}, {"database", "migrate"}, {"migrate", "config"}, {"migrate", "web"}, {"migrate", "once"}} {
		if at(pair[0]) < 0 || at(pair[0]) > at(pair[1]) {
			t.Errorf("%s was not written before %s: %v", pair[0], pair[1], order)
		}
	}
	if at("alert") >= 0 {
		t.Errorf("the hook for failures ran: %v", order)
	}

	diff := e.Must(2, "diff", bundle, "-n", e.NS, "--set", "color=red")
	for _, want := range []string{
		"ConfigMap/config       Deployment.apps/web restarts to read it", "Deployment.apps/web    restarts 1 pod: ConfigMap/config changed",
		"> Job.batch/migrate      pre-upgrade hook", "> Job.batch/alert        only if this run fails", "2 to update, 1 to run",
	} {
		if !strings.Contains(spaceless(diff.Stdout), spaceless(want)) {
			t.Errorf("the plan does not say %q:\n%v", want, diff)
		}
	}
	if strings.Contains(diff.Stdout, "config-hash") || strings.Contains(diff.Stdout, "database") {
		t.Errorf("the plan shows more than what changes:\n%v", diff)
	}
	e.Must(0, "apply", bundle, "-n", e.NS, "--set", "color=red", "--no-hooks")
	if runs := e.runsOf("migrating"); len(runs) != 0 {
		t.Errorf("hooks ran in spite of --no-hooks: %v", runs)
	}
	e.Must(2, "diff", bundle, "-n", e.NS, "--set", "color=red", "--run-hooks")
}

func spaceless(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestAHookThatFailsStopsTheRunAndIsRolledBack(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.migrating()
	e.Must(0, "apply", bundle, "-n", e.NS)
	r := e.Must(9, "apply", bundle, "-n", e.NS, "--set", "color=red", "--set", "behavior=crash-loop=3", "--on-failure", "rollback")
	for _, want := range []string{
		"Job.batch/migrate is not ready: pre-upgrade hook failed", "exited 3", "templates/all.yaml:", "rolled back to 1, as revision 3",
	} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
	alerted := strings.Index(r.Requests.String(), "jobs/alert")
	if rolled := strings.LastIndex(r.Requests.String(), "jobs/migrate"); alerted < 0 || alerted > rolled {
		t.Errorf("the hook for failures did not run before the rollback:\n%v", r)
	}
	for _, w := range r.Requests.Mutating() {
		if strings.HasSuffix(w.Path, "/configmaps/config") || strings.HasSuffix(w.Path, "/deployments/web") {
			t.Errorf("the run went on behind the hook that failed: %v", w)
		}
	}
	if d := cmp.Diff([]string{"superseded", "rolled-back", "deployed"}, e.Statuses("migrating")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestARefusedHookStopsARunBeforeItBegins(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Must(0, "apply", e.Write("first.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n"), "-r", "first", "-n", e.NS)
	hook := e.Write("hook.yaml", `apiVersion: v1
kind: ConfigMap
metadata: {name: data}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: broken
  annotations: {helm.sh/hook: pre-install}
spec:
  template:
    spec:
      restartPolicy: Sometimes
      containers: [{name: main, imag: x}]
`)
	r := e.Must(3, "apply", hook, "-r", "broken", "-n", e.NS)
	if !strings.Contains(r.Stderr, "hook.yaml:5: Job.batch/broken") || !strings.Contains(r.Stderr, "imag") {
		t.Errorf("it does not say what is wrong with the hook, and where:\n%v", r)
	}
	foreign := strings.NewReplacer("name: broken", "name: first", "kind: Job", "kind: ConfigMap", "batch/v1", "v1").Replace(
		"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: broken\n  annotations: {belay.sh/run: after}\n")
	r = e.Must(4, "apply", e.Write("foreign.yaml", foreign), "-r", "foreign", "-n", e.NS)
	if !strings.Contains(r.Stderr, "release first") {
		t.Errorf("it does not say whose object the hook would replace:\n%v", r)
	}
	r = e.Must(3, "apply", e.Write("odd.yaml", strings.Replace(foreign, "after", "afterwards", 1)), "-r", "odd", "-n", e.NS)
	if !strings.Contains(r.Stderr, `"afterwards" is not one of before, after, on-failure, test`) {
		t.Errorf("it does not say which values there are:\n%v", r)
	}
}
