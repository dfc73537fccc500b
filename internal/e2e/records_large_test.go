package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tenThousand makes a manifest of n ConfigMaps of 3 KB that do not compress well.
func tenThousand(n int, version string) string {
	random := rand.NewChaCha8([32]byte{7})
	var b strings.Builder
	for i := range n {
		noise := make([]byte, 1450)
		_, _ = random.Read(noise) // cannot fail
		text := hex.EncodeToString(noise)
		if i%(n/10) == 0 {
			text = version
		}
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%05d}\ndata: {noise: %q}\n", i, text)
	}
	return b.String()
}

// Ten thousand objects and 30 MB are recorded, listed, shown and rolled back.
func TestALargeReleaseIsRecordedAndRolledBack(t *testing.T) {
	if !soaking() {
		t.Skip("one of the long tests: BELAY_SOAK=1")
	}
	e := New(t)
	const n = 10000
	for version := range 3 {
		file := e.Write("large.yaml", tenThousand(n, fmt.Sprint("version ", version)))
		r := e.Run(Run{Args: []string{"apply", file, "-r", "large", "-n", e.NS, "--timeout", "20m"}, Unchecked: true})
		if r.Exit != 0 {
			t.Fatal(r)
		}
		t.Logf("version %d: %d requests, records of %d KiB", version, len(r.Requests), e.recordSizes()>>10)
	}
	if r := e.Must(0, "list", "-n", e.NS); !strings.Contains(r.Stdout, "large") {
		t.Errorf("list:\n%v", r)
	}
	if r := e.Must(0, "history", "large", "-n", e.NS); len(r.Requests) > 5 {
		t.Errorf("the history of a large release takes %d requests:\n%v", len(r.Requests), r)
	}
	if r := e.Must(0, "get", "manifest", "large", "-n", e.NS, "--revision", "1", "-o", "name"); strings.Count(r.Stdout, "\n") != n {
		t.Errorf("revision 1 has %d manifests, want %d", strings.Count(r.Stdout, "\n"), n)
	}
	e.Must(0, "status", "large", "-n", e.NS)
	if r := e.Must(0, "rollback", "large", "1", "-n", e.NS, "--timeout", "20m"); !strings.Contains(r.Stderr, "rolled back large to revision 1") {
		t.Errorf("rollback:\n%v", r)
	}
	u, err := e.API.Get("/api/v1/namespaces/" + e.NS + "/configmaps/cm-00000")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(u.Object["data"]); got != "map[noise:version 0]" {
		t.Errorf("after the rollback it holds %s", got)
	}
	e.Must(0, "delete", "large", "-n", e.NS, "--yes", "--timeout", "20m")
}

// recordSizes adds up the release's records, none of which may be larger than 1 MiB.
func (e *Env) recordSizes() int {
	e.t.Helper()
	total := 0
	for id, u := range e.All().Where(isRecord) {
		size := 0
		data, _, _ := unstructured.NestedStringMap(u.Object, "data")
		for _, v := range data {
			size += base64.StdEncoding.DecodedLen(len(v))
		}
		if size > 1<<20 {
			e.t.Errorf("%s holds %d bytes", id, size)
		}
		total += size
	}
	return total
}
