package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// offered are the words that a shell would be offered, without what is said of them.
func offered(r *Result) []string {
	var words []string
	for line := range strings.Lines(r.Stdout) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

func TestAShellIsToldWhatTheClusterHas(t *testing.T) {
	t.Parallel()
	e := New(t)
	bundle := e.Write("cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: \"1\"}\n")
	e.Must(0, "apply", bundle, "-r", "first", "-n", e.NS)
	e.Write("cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: \"2\"}\n")
	e.Must(0, "apply", bundle, "-r", "first", "-n", e.NS, "--description", "two\nlines")
	records := "/api/v1/namespaces/" + e.NS + "/secrets"
	for name, labels := range map[string]string{
		"sh.helm.release.v1.old.v1":  `"owner":"helm","name":"old","status":"superseded","version":"1"`,
		"sh.helm.release.v1.old.v2":  `"owner":"helm","name":"old","status":"deployed","version":"2"`,
		"sh.helm.release.v1.gone.v9": `"owner":"helm","name":"gone","status":"uninstalled","version":"9"`,
		"something-else":             `"owner":"helm","name":"not","status":"deployed","version":"1"`,
	} {
		body := `{"apiVersion":"v1","kind":"Secret","type":"helm.sh/release.v1","metadata":{"name":"` + name + `","labels":{` + labels + `}}}`
		if err := e.API.Create(records, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	shop := e.Write("shop/bundle.yaml", "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: shop\nversion: 1.0.0\nenvironments: {there: {namespace: "+e.NS+"}}\n")
	shop = strings.TrimSuffix(shop, "/bundle.yaml")

	for name, c := range map[string]struct {
		line     []string
		want     []string
		requests int
	}{
		"releases":                       {[]string{"status", "-n", e.NS, ""}, []string{"first"}, 1},
		"of an environment":              {[]string{"diff", shop, "-e", "there", "-r", ""}, []string{"first"}, 1},
		"revisions, newest first":        {[]string{"rollback", "first", "-n", e.NS, ""}, []string{"2", "1"}, 1},
		"the revision of a flag":         {[]string{"get", "manifest", "first", "-n", e.NS, "--revision", ""}, []string{"2", "1"}, 1},
		"two revisions to compare":       {[]string{"diff", "-r", "first", "-n", e.NS, "--revision", "1.."}, []string{"1..2", "1..1"}, 1},
		"revisions of what is not there": {[]string{"rollback", "nothing", "-n", e.NS, ""}, nil, 1},
		"releases of Helm's":             {[]string{"adopt", "-n", e.NS, ""}, []string{"helm/old"}, 2},
		"environments":                   {[]string{"diff", shop, "-n", e.NS, "-e", ""}, []string{"there"}, 0},
		"a verb":                         {[]string{"his"}, []string{"history"}, 0},
		"files":                          {[]string{"apply", "-n", e.NS, ""}, nil, 0},
		"what is complete":               {[]string{"status", "-n", e.NS, "first", ""}, nil, 0},
	} {
		var r *Result
		for range 5 { // a shell does not wait for a cluster that is slow to answer
			r = e.Must(0, append([]string{"__complete"}, c.line...)...)
			if cmp.Equal(c.want, offered(r)) {
				break
			}
		}
		if d := cmp.Diff(c.want, offered(r)); d != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", name, d, r)
		}
		if len(r.Requests) != c.requests {
			t.Errorf("%s takes %d requests, not %d:\n%v", name, len(r.Requests), c.requests, r)
		}
	}
	e.Until("namespaces are offered, in one request", func() (bool, error) {
		r := e.Must(0, "__complete", "status", "-n", "")
		return slices.Contains(offered(r), e.NS) && len(r.Requests) == 1, nil
	})
	refused := e.Run(Run{Args: []string{"__complete", "status", "-n", e.NS, ""}, Rules: []proxy.Rule{{Status: 403}}})
	if len(offered(refused)) > 0 || refused.Exit != 0 || strings.Contains(refused.Stderr, "403") {
		t.Errorf("what the cluster refuses is an error:\n%v", refused)
	}
}
