package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failures are ways to fail, one bundle each, and beside it what belay says of it
// in the end.
const failures = "internal/e2e/testdata/failures"

// sampled are the failures that make test takes; make soak takes all.
var sampled = []string{
	"image-not-found", "oom", "readiness-http", "secret-missing", "unschedulable-selector", "quota", "job-backoff", "volume-configmap",
}

func TestEveryFailureIsExplainedByItsCause(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, failures, "*.yaml"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d failures, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if !soaking() && !slices.Contains(sampled, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := New(t)
			e.mustFail(name, file)
		})
	}
}

// mustFail applies a broken bundle and compares the last block of what is said.
func (e *Env) mustFail(name, file string) {
	e.t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	manifest := e.denied(strings.ReplaceAll(string(source), "NAMESPACE", e.NS))
	e.t.Cleanup(func() { e.Belay("delete", "broken", "-n", e.NS, "--yes") })
	r := e.Run(Run{Args: []string{"apply", "-", "-r", "broken", "-n", e.NS, "--timeout", "90s"}, Stdin: manifest})
	refused := r.Exit == 1 && strings.Contains(r.Stderr, "could not be created") // the server took no object: nothing rolled out
	if r.Exit != 6 && r.Exit != 7 && !refused {
		e.t.Errorf("want exit 6 or 7:\n%v", r)
	}
	noticed(e.t, r)
	e.mustWork(r)
	got := e.steady(lastBlock(r.Stderr))
	if strings.Contains(got, "bystander") {
		e.t.Errorf("a healthy object is spoken of:\n%s", got)
	}
	golden := strings.TrimSuffix(file, ".yaml") + ".txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			e.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		e.t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		e.t.Errorf("%s is explained otherwise (-want +got):\n%s\n%v", name, d, r)
	}
}

// mustWork types the commands that an explanation suggests, where there is a kubectl.
func (e *Env) mustWork(r *Result) {
	e.t.Helper()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return
	}
	for _, m := range regexp.MustCompile(`(?m)^  see     kubectl (.*)$`).FindAllStringSubmatch(r.Stderr, -1) {
		args := strings.Fields(regexp.MustCompile(`--(context|kubeconfig) \S+`).ReplaceAllString(m[1], "")) // those of the run's proxy
		cmd := exec.Command(kubectl, args...)
		cmd.Env = []string{"KUBECONFIG=" + e.Kubeconfig(), "HOME=" + e.home}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
			e.t.Errorf("kubectl %s: %v\n%s\nsuggested by\n%v", m[1], err, out, r)
		}
	}
}

// lastBlock is all after the last line of the progress, but for the result.
func lastBlock(stderr string) string {
	clock := regexp.MustCompile(`(?m)^\d\d:\d\d  .*\n`)
	if all := clock.FindAllStringIndex(stderr, -1); len(all) > 0 {
		stderr = stderr[all[len(all)-1][1]:]
	}
	if i := strings.Index(stderr, "\nbroken revision "); i >= 0 {
		stderr = stderr[:i]
	}
	return strings.Trim(stderr, "\n") + "\n"
}

// noticed logs when a failure was noticed.
func noticed(t testing.TB, r *Result) {
	m := regexp.MustCompile(`(?m)^(\d\d):(\d\d)  .*  failed: (.*)$`).FindStringSubmatch(r.Stderr)
	if m == nil {
		t.Logf("exit %d, at the timeout", r.Exit)
		return
	}
	minutes, _ := strconv.Atoi(m[1])
	seconds, _ := strconv.Atoi(m[2])
	t.Logf("exit %d, noticed after %d s: %s", r.Exit, 60*minutes+seconds, m[3])
}

// unsteady is what differs from run to run.
var unsteady = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\b(app|migrate)-[0-9a-f]{6,10}-[0-9a-z]{5}\b`), "$1-HASH-ID"},
	{regexp.MustCompile(`\b(app|migrate)-([0-9a-f]{6,10}|[bcdfghjklmnpqrstvwxz2456789]{5})\b`), "$1-HASH"},
	{regexp.MustCompile(`\d+ (try|tries)( in \d+s)?`), "N tries"},
	{regexp.MustCompile(`last \d+s ago`), "last Ns ago"},
	{regexp.MustCompile(`\b(once|twice|(two|three|four|five|six|seven|eight|nine|ten) times|\d+ times)\b`), "N times"},
	{regexp.MustCompile(`10\.\d+\.\d+\.\d+`), "10.x.x.x"},
	{regexp.MustCompile(` --kubeconfig \S+`), ""},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UID"},
	{regexp.MustCompile(` --context \S+`), ""},
	{regexp.MustCompile(` --previous\b`), ""}, // a container that crashed may run again by then
}

func (e *Env) steady(text string) string {
	text = strings.ReplaceAll(text, e.NS, "NAMESPACE")
	for _, u := range unsteady {
		text = u.of.ReplaceAllString(text, u.by)
	}
	return text
}
