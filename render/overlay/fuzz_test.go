package overlay_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/render/bundle"
	"github.com/belay-sh/belay/render/overlay"
)

// Whatever a kustomization says, it ends in objects or in located errors.
func FuzzKustomizations(f *testing.F) {
	for _, body := range kustomizations {
		f.Add("resources: [extra.yaml]\n"+body, "x")
	}
	f.Add("resources: [../../../etc/passwd, /etc/passwd, https://example.invalid/a.yaml]\n", "A\nB=1\n")
	f.Add("configMapGenerator: [{name: a, files: [x.txt], envs: [x.txt]}]\n", "A=\x00\n")
	f.Add("patches: [{path: x.txt, target: {kind: '['}}]\n", "[{\"op\": \"move\", \"from\": \"\", \"path\": \"/x\"}]")
	f.Add("transformers: [x.txt]\n", "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\npath: x.txt\n")
	f.Fuzz(func(t *testing.T, body, other string) {
		dir := t.TempDir()
		for name, text := range map[string]string{"kustomization.yaml": body, "x.txt": other, "extra.yaml": extra} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := bundle.LoadTree(dir, "", nil)
		if err == nil {
			_, _, err = overlay.Build(tree, decode(t, front))
		}
		if err != nil && len(object.Errors(err)) == 0 {
			t.Errorf("an error without a place: %v", err)
		}
	})
}
