package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Env is one test's part of the cluster: a namespace of its own, which does not
// exist at first, and a home of its own.
type Env struct {
	// NS is the namespace, the default one of every run.
	NS  string
	API *API
	// SameServer makes the API server have one address in all runs, as people
	// know it. It is for tests that do not run belay twice at once.
	SameServer bool

	same    *net.TCPListener // of SameServer
	t       testing.TB
	c       *cluster
	home    string
	secrets []string
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// New gives a test its part of the cluster; it skips the test with -short.
func New(t testing.TB) *Env {
	t.Helper()
	notShort(t)
	c := theCluster(t)
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	name = strings.TrimPrefix(name, "test")
	e := &Env{
		NS:  strings.TrimRight(name[:min(len(name), 36)], "-") + "-" + strings.ToLower(rand.Text()[:6]),
		API: c.api, t: t, c: c, home: t.TempDir(),
	}
	t.Cleanup(func() { e.clean(e.NS) })
	return e
}

// listener is what a run's proxy listens on; nil is any free port.
func (e *Env) listener() (net.Listener, error) {
	if !e.SameServer {
		return nil, nil
	}
	if e.same == nil {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		e.same = l
		e.t.Cleanup(func() { _ = l.Close() })
	}
	// A copy, so that nobody else gets the port between two runs.
	f, err := e.same.File()
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return net.FileListener(f)
}

func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster; not with -short")
	}
}

// clean deletes a namespace, and does not wait for that.
func (e *Env) clean(ns string) {
	if err := e.API.Delete("/api/v1/namespaces/" + ns); err != nil {
		e.t.Logf("cleaning up: %v", err)
	}
}

// Secret registers a value that must never be printed, in clear or in base64.
func (e *Env) Secret(value string) string {
	e.secrets = append(e.secrets, value, base64.StdEncoding.EncodeToString([]byte(value)))
	return value
}

// Kubeconfig is a file by which other tools reach the cluster, past all proxies, as
// the administrator.
func (e *Env) Kubeconfig() string { return e.c.kubeconfig }

// Path is that of a file in the repository.
func (e *Env) Path(elements ...string) string {
	return filepath.Join(append([]string{e.c.root}, elements...)...)
}

// Write makes a file in the test's own folder and returns its path.
func (e *Env) Write(name, content string) string {
	e.t.Helper()
	path := filepath.Join(e.home, "files", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		e.t.Fatal(err)
	}
	return path
}

// All reads all objects of the test's namespace.
func (e *Env) All() Objects {
	e.t.Helper()
	all, err := e.API.All(e.NS)
	if err != nil {
		e.t.Fatal(err)
	}
	return all
}

// Settled reads all objects of the namespace once controllers have come to
// rest: two readings in a row are equal.
func (e *Env) Settled() Objects {
	e.t.Helper()
	before := e.All()
	for range 60 {
		time.Sleep(250 * time.Millisecond)
		now := e.All()
		if cmp.Equal(before.Versions(), now.Versions()) {
			return now
		}
		before = now
	}
	e.t.Error("the namespace did not come to rest in 15 s")
	return before
}

// Until waits for something to become true, and fails the test when it does not.
func (e *Env) Until(what string, done func() (bool, error)) {
	e.t.Helper()
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		yes, err := done()
		if yes && err == nil {
			return
		}
		last = err
	}
	e.t.Fatal(errors.Join(fmt.Errorf("waited a minute until %s", what), last))
}

// Revision is what a history says of a revision.
type Revision struct {
	Number            int
	Status, Note, Git string
	By, Job           string
}

// history reads a release's history, oldest first.
func (e *Env) history(release string) []Revision {
	e.t.Helper()
	r := e.Must(0, "history", release, "-n", e.NS, "-o", "json")
	var history struct{ Items []Revision }
	if err := json.Unmarshal([]byte(r.Stdout), &history); err != nil {
		e.t.Fatalf("reading the history: %v\n%v", err, r)
	}
	return history.Items
}

// Statuses are those of a release's revisions, oldest first.
func (e *Env) Statuses(release string) []string {
	e.t.Helper()
	var all []string
	for _, revision := range e.history(release) {
		all = append(all, revision.Status)
	}
	return all
}
