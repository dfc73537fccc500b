package release

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A release of 10,000 objects and 30 MB stays in Secrets of less than 1 MiB, and
// revisions that differ little share what they have in common.
func TestALargeReleaseIsCutIntoSecretsThatItsRevisionsShare(t *testing.T) {
	// A change costs the piece that it is in, so that small releases share less.
	objects, atMost := 1500, 3.0
	if os.Getenv("BELAY_SOAK") != "" {
		objects, atMost = 10000, 1.4
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		store, _ := newRun(s, "alice")
		w := wanted(objects, "one")
		random := rand.NewChaCha8([32]byte{1})
		size := 0
		for i := range w.Objects {
			noise := make([]byte, 1500)
			_, _ = random.Read(noise) // cannot fail
			w.Objects[i].Body.Object["data"] = map[string]any{"noise": hex.EncodeToString(noise)}
			size += 2*len(noise) + 100
		}
		mustDeploy(t, store, w, Revision{}, Deployed)
		first := recordSizes(t, s)
		for n := range 9 {
			w.Objects[n*objects/10].Body.Object["data"] = map[string]any{"changed": "yes"}
			mustDeploy(t, store, w, Revision{}, Deployed)
		}
		all := recordSizes(t, s)
		t.Logf("%d MB of manifests: one revision takes %d KiB, ten take %d KiB", size>>20, first>>10, all>>10)
		if size < objects*3000 || float64(all) > atMost*float64(first) {
			t.Errorf("of %d bytes, one revision takes %d bytes and ten, that differ in an object each, %d", size, first, all)
		}
		got, err := store.Content(t.Context(), "shop", mustLoad(t, store).Find(1))
		if err != nil || len(got.Objects) != objects {
			t.Fatalf("the first revision cannot be read: %v", err)
		}
		if _, changed, _ := unstructured.NestedString(got.Objects[0].Body.Object, "data", "changed"); changed {
			t.Error("the first revision is not what it was")
		}
		checkSound(t, s)
	})
}

// recordSizes adds up what is in Secrets, none of which may be larger than one may.
func recordSizes(t *testing.T, s *secrets) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for name, u := range s.objects {
		size := 0
		data, _, _ := unstructured.NestedStringMap(u.Object, "data")
		for _, v := range data {
			size += base64.StdEncoding.DecodedLen(len(v))
		}
		if size > 1<<20 {
			t.Errorf("Secret %s holds %d bytes", name, size)
		}
		total += size
	}
	return total
}
