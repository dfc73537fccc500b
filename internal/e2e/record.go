package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// Record gives another program's way to the cluster, through a proxy of its own,
// to fn and returns what was asked.
func (e *Env) Record(fn func(kubeconfig string) error) (proxy.Requests, error) {
	e.t.Helper()
	px, err := proxy.Start(e.c.up, proxy.Options{})
	if err != nil {
		return nil, err
	}
	defer px.Close()
	path := filepath.Join(e.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, px.Kubeconfig(e.NS), 0o600); err != nil {
		return nil, err
	}
	err = fn(path)
	return px.Requests(), err
}

// HookWrites tells in which order objects whose names begin with prefix were
// created and deleted, by their resource and name without it. What else was
// written in between, records excepted, is "others", as often as it was
// interrupted. A deletion of what was not there is none.
func HookWrites(requests proxy.Requests, prefix string) []string {
	var writes []string
	for _, r := range requests.Mutating() {
		if r.Status >= 400 || r.Record() || strings.Contains(r.Path, "/secrets") || strings.HasSuffix(r.Path, "/namespaces") {
			continue
		}
		parts := strings.Split(r.Path, "/")
		resource, name := parts[len(parts)-2], parts[len(parts)-1]
		write := "others"
		if rest, ok := strings.CutPrefix(name, prefix); ok && resource != "namespaces" {
			write = map[bool]string{true: "delete ", false: "create "}[r.Method == "DELETE"] + resource + "/" + rest
		} else if resource == "namespaces" {
			continue
		}
		if len(writes) == 0 || write != "others" || writes[len(writes)-1] != write {
			writes = append(writes, write)
		}
	}
	return slices.Clip(writes)
}
