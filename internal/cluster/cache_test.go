package cluster

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// growing is a server that serves widgets or not, and says so in its index of schemas.
type growing struct {
	mu      sync.Mutex
	widgets bool
	asked   []string
}

func (g *growing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r.URL.Path)
	const widgets = `{"metadata":{"name":"example.com"},"versions":[{"version":"v1","freshness":"Current","resources":[` +
		`{"resource":"widgets","scope":"Namespaced","responseKind":{"kind":"Widget"}}]}]}`
	text := map[string]string{
		"/openapi/v3": `{"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=A"}}}`,
		"/version":    `{"gitVersion":"v1.36.3"}`,
		"/api":        `{"items":[{"metadata":{},"versions":[{"version":"v1","resources":[{"resource":"namespaces","scope":"Cluster","responseKind":{"kind":"Namespace"}}]}]}]}`,
		"/apis":       `{"items":[]}`,
	}
	if g.widgets {
		text["/openapi/v3"] = `{"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=A"},"apis/example.com/v1":{"serverRelativeURL":"/x?hash=B"}}}`
		text["/apis"] = `{"items":[` + widgets + `]}`
	}
	body, ok := text[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, body)
}

func TestWhatAServerServesIsRememberedAsLongAsItHolds(t *testing.T) {
	g := &growing{}
	server := httptest.NewServer(g)
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "cache")
	// find looks for kinds as a run does, and returns what it asked for.
	find := func(found bool, kind schema.GroupKind) map[string]int {
		t.Helper()
		c, err := New(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		c.CacheDir = dir
		g.asked = nil
		if _, err := c.Kind(t.Context(), kind, "v1"); found != (err == nil) || err != nil && !meta.IsNoMatchError(err) {
			t.Fatalf("found: %v, %v", found, err)
		}
		if keys, err := c.Schemas(t.Context()); err != nil || !strings.HasPrefix(keys["v1"], "A ") {
			t.Fatal(keys, err)
		}
		asked := map[string]int{}
		for _, path := range g.asked {
			asked[path]++
		}
		return asked
	}
	namespace, widget := schema.GroupKind{Kind: "Namespace"}, schema.GroupKind{Group: "example.com", Kind: "Widget"}
	expect := func(what string, asked map[string]int, discovery, index int) {
		t.Helper()
		if asked["/api"]+asked["/apis"] != discovery || asked["/openapi/v3"] != index {
			t.Errorf("%s: asked %v", what, asked)
		}
	}
	expect("the first time", find(true, namespace), 2, 1)
	expect("the second time", find(true, namespace), 0, 1)
	expect("a kind that is not served", find(false, widget), 0, 1)
	g.widgets = true
	expect("a kind that came", find(true, widget), 2, 1)
	expect("the kind, again", find(true, widget), 0, 1)
	g.widgets = false
	expect("a kind that went", find(false, widget), 2, 1)

	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	file := filepath.Join(dir, files[0].Name())
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("a broken file", find(true, namespace), 2, 1)
	expect("the file is whole again", find(true, namespace), 0, 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("no place for a file", find(true, namespace), 2, 1)
}

func TestAKindThatIsNotServedAfterAllIsForgotten(t *testing.T) {
	g := &growing{widgets: true}
	server := httptest.NewServer(g)
	defer server.Close()
	dir := t.TempDir()
	for range 2 { // the file is made, then used
		c, err := New(&rest.Config{Host: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		c.CacheDir = dir
		kind, err := c.Kind(t.Context(), schema.GroupKind{Group: "example.com", Kind: "Widget"}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.List(t.Context(), kind, "shop", "")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Error("the file is still there")
	}
}
