package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

func isRecord(u *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(u.Object, "type")
	return strings.HasPrefix(kind, "belay.sh/")
}

func TestALockCanBeTakenAwayFromWhoHoldsIt(t *testing.T) {
	t.Parallel()
	e := New(t)
	if r := e.Run(Run{Args: []string{"apply", fifteen, "-n", e.NS}, Unchecked: true}); r.Exit != 0 {
		t.Fatal(r)
	}
	free := e.Must(0, "unlock", "fifteen", "-n", e.NS)
	if !strings.Contains(free.Stderr, "nobody holds the lock") {
		t.Errorf("a lock that is free:\n%v", free)
	}
	e.Must(3, "unlock", "nothing", "-n", e.NS)

	// A run that was killed leaves its lock, which would expire by itself in 15 s.
	killed := e.Run(Run{Args: e.upgrade(small), Unchecked: true, Signal: &Signal{
		Signal: syscall.SIGKILL, At: 3, After: true, Match: func(r proxy.Request) bool { return isWrite(r) && !r.DryRun },
	}})
	e.Must(8, "apply", fifteen, "-n", e.NS, "--lock-timeout", "0")
	taken := e.Must(0, "unlock", "fifteen", "-n", e.NS, "--yes")
	if !strings.Contains(taken.Stderr, "holds the lock of fifteen since") {
		t.Errorf("unlock names no holder:\n%v", taken)
	}
	if d := cmp.Diff([]string{"deployed", "interrupted"}, e.Statuses("fifteen")); d != "" {
		t.Errorf("history (-want +got):\n%s\n%v", d, killed)
	}
	if r := e.Run(Run{Args: append(e.upgrade(small), "--lock-timeout", "0"), Unchecked: true}); r.Exit != 0 {
		t.Errorf("the lock is not free:\n%v", r)
	}
}

func TestARunThatOnlyWaitsStopsWhenItsLockIsTakenAway(t *testing.T) {
	t.Parallel()
	e := New(t)
	never := e.Write("never.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: never}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}, annotations: {playground.belay.sh/behavior: not-ready}}
    spec: {containers: [{name: main, image: "registry.example/never:1"}]}
`)
	ended := make(chan *Result, 1)
	go func() {
		ended <- e.Run(Run{Args: []string{"apply", never, "-r", "never", "-n", e.NS, "--timeout", "5m"}, Unchecked: true})
	}()
	e.Until("the Deployment is there", func() (bool, error) {
		_, err := e.API.Get("/apis/apps/v1/namespaces/" + e.NS + "/deployments/never")
		return err == nil, err
	})
	e.Must(0, "unlock", "never", "-n", e.NS, "--yes")
	if r := <-ended; r.Exit != 8 {
		t.Errorf("want exit 8, got\n%v", r)
	}
	if d := cmp.Diff([]string{"interrupted"}, e.Statuses("never")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestAnEjectedReleaseLeavesItsObjectsAsTheyAre(t *testing.T) {
	t.Parallel()
	e := New(t)
	password := e.Secret("k0mm-herein")
	e.Must(0, "apply", fifteen, "-n", e.NS, "--set", "password="+password)
	before := e.Settled().Where(func(u *unstructured.Unstructured) bool { return !isRecord(u) }).Versions()
	dir := filepath.Join(filepath.Dir(e.Write("x", "")), "ejected")
	e.Must(0, "eject", "fifteen", "-n", e.NS, "--output-dir", dir)
	after := e.Settled()
	if d := cmp.Diff(before, after.Versions()); d != "" {
		t.Errorf("objects were touched, or records are left (-before +after):\n%s", d)
	}
	e.Must(3, "history", "fifteen", "-n", e.NS)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 15 {
		t.Errorf("%d files were written (%v), want one for each of 15 objects", len(files), err)
	}
	// What was written is what is there.
	if r := e.Run(Run{Args: []string{"diff", dir, "-r", "fifteen", "-n", e.NS}}); r.Exit != 0 {
		t.Errorf("the manifests differ from what is live:\n%v", r)
	}
}

func TestTheCauseOfAChangeIsRecorded(t *testing.T) {
	t.Parallel()
	e := New(t)
	repository := filepath.Dir(e.Write("repo/all.yaml", letter("one")))
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+e.home)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(word string) string {
		e.Write("repo/all.yaml", letter(word))
		git("add", ".")
		git("commit", "-qm", word)
		return git("rev-parse", "HEAD")
	}
	git("init", "-q")
	old := commit("old")
	apply := func(exit int, more ...string) *Result {
		t.Helper()
		args := append([]string{"apply", repository, "-r", "mail", "-n", e.NS, "--no-downgrade"}, more...)
		r := e.Run(Run{Args: args, Unchecked: true, Vars: []string{
			"GITHUB_ACTOR=octo", "GITHUB_RUN_ID=7", "GITHUB_SERVER_URL=https://ci.example", "GITHUB_REPOSITORY=a/b",
		}})
		if r.Exit != exit {
			t.Fatalf("want exit %d, got\n%v", exit, r)
		}
		return r
	}
	apply(0, "--description", "first")
	apply(0) // nothing changes, and nothing is recorded
	apply(0, "--record", "--description", "again")
	recent := commit("recent")
	apply(0)
	want := []Revision{
		{Number: 1, Status: "superseded", Note: "first", Git: old[:12], By: "octo", Job: "https://ci.example/a/b/actions/runs/7"},
		{Number: 2, Status: "superseded", Note: "again", Git: old[:12], By: "octo", Job: "https://ci.example/a/b/actions/runs/7"},
		{Number: 3, Status: "deployed", Git: recent[:12], By: "octo", Job: "https://ci.example/a/b/actions/runs/7"},
	}
	if d := cmp.Diff(want, e.history("mail")); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	git("checkout", "-q", old)
	if r := apply(4); !strings.Contains(r.Stderr, "does not come after it") {
		t.Errorf("an older commit:\n%v", r)
	}
	git("checkout", "-q", "--orphan", "other")
	commit("unrelated")
	git("reflog", "expire", "--expire=now", "--all")
	if r := apply(4); !strings.Contains(r.Stderr, "come after") {
		t.Errorf("an unrelated commit:\n%v", r)
	}
	if err := os.RemoveAll(filepath.Join(repository, ".git")); err != nil {
		t.Fatal(err)
	}
	apply(3)
}

func TestRecordsHoldSecretsOnlyWhereTheBundleDoes(t *testing.T) {
	t.Parallel()
	e := New(t)
	e.Write("vault/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: vault\nversion: 1.0.0\n")
	e.Write("vault/values.yaml", "password: \"\"\n")
	e.Write("vault/templates/NOTES.txt", "log in with {{ .Values.password }}\n")
	dir := filepath.Dir(filepath.Dir(e.Write("vault/templates/all.yaml", `apiVersion: v1
kind: Secret
metadata: {name: vault}
stringData: {password: {{ .Values.password | quote }}, url: "pg://u:{{ .Values.password }}@db"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: open}
data: {a: b}
`)))
	first, second := e.Secret("guess-me-not-1"), e.Secret("guess-me-not-2")
	for _, password := range []string{first, second} {
		if r := e.Run(Run{Args: []string{"apply", dir, "-n", e.NS, "--set", "password=" + password}, Unchecked: true}); r.Exit != 0 {
			t.Fatal(r)
		}
	}
	e.Must(0, "get", "plan", "vault", "-n", e.NS)
	e.Must(0, "get", "values", "vault", "-n", e.NS)
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	found := 0
	for _, u := range e.All().Where(isRecord) {
		data, _, _ := unstructured.NestedStringMap(u.Object, "data")
		for key, value := range data {
			packed, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := decoder.DecodeAll(packed, nil)
			if err != nil {
				t.Fatalf("%s of %s: %v", key, u.GetName(), err)
			}
			for line := range bytes.Lines(plain) {
				holds := false
				for _, secret := range e.secrets {
					holds = holds || bytes.Contains(line, []byte(secret))
				}
				if holds && bytes.Contains(line, []byte(`"kind":"Secret"`)) {
					found++
				} else if holds {
					t.Errorf("%s of %s says a secret:\n%s", key, u.GetName(), line)
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("%d recorded Secrets were found, want those of two revisions", found)
	}
}

const lamps = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  scope: Namespaced
  names: {kind: Lamp, plural: lamps, singular: lamp}
  versions:
  - {name: v1beta1, served: %[2]t, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

func TestARollbackSendsWhatIsServedNow(t *testing.T) {
	t.Parallel()
	e := New(t)
	group := strings.ReplaceAll(e.NS, "-", "")
	definition := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/lamps." + group + ".example.com"
	if err := e.API.Apply(definition, "somebody", []byte(fmt.Sprintf(lamps, group, true))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.API.Delete(definition); err != nil {
			t.Log(err)
		}
	})
	e.Until("the kind is served", func() (bool, error) {
		_, err := e.API.Get("/apis/" + group + ".example.com/v1beta1/namespaces/default/lamps")
		return err == nil, nil
	})
	lamp := func(version string, watt int) string {
		return e.Write(fmt.Sprintf("%d.yaml", watt), fmt.Sprintf("apiVersion: %s.example.com/%s\nkind: Lamp\nmetadata: {name: lamp}\nspec: {watt: %d}\n", group, version, watt))
	}
	apply := func(file string) {
		t.Helper()
		if r := e.Run(Run{Args: []string{"apply", file, "-r", "lamp", "-n", e.NS}, Unchecked: true}); r.Exit != 0 {
			t.Fatal(r)
		}
	}
	apply(lamp("v1beta1", 40))
	path := "/apis/" + group + ".example.com/v1/namespaces/" + e.NS + "/lamps/lamp"
	before, err := e.API.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.API.Apply(definition, "somebody", []byte(fmt.Sprintf(lamps, group, false))); err != nil {
		t.Fatal(err)
	}
	e.Until("the old version is gone", func() (bool, error) {
		_, err := e.API.Get("/apis/" + group + ".example.com/v1beta1/namespaces/default/lamps")
		return err != nil, nil
	})
	apply(lamp("v1", 60))
	back := e.Must(0, "rollback", "lamp", "-n", e.NS)
	if !strings.Contains(back.Stderr, "the server serves "+group+".example.com/v1beta1 no longer") {
		t.Errorf("it does not say that another version was sent:\n%v", back)
	}
	after, err := e.API.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	if spec := fmt.Sprint(after.Object["spec"]); spec != "map[watt:40]" || after.GetUID() != before.GetUID() {
		t.Errorf("it is %s, %s, want 40 watts as %s", spec, after.GetUID(), before.GetUID())
	}
	e.Must(0, "drift", "lamp", "-n", e.NS)

	// Without the kind nothing can be restored, and nothing is tried.
	apply(e.Write("other.yaml", letter("other")))
	if err := e.API.Delete(definition); err != nil {
		t.Fatal(err)
	}
	e.Until("the kind is gone", func() (bool, error) {
		_, err := e.API.Get(path)
		return err != nil, nil
	})
	if r := e.Must(3, "rollback", "lamp", "-n", e.NS); !strings.Contains(r.Stderr, "Lamp."+group+".example.com/lamp") {
		t.Errorf("it does not say what cannot be restored:\n%v", r)
	}
}
