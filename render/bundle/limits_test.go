package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belay-sh/belay/render/bundle"
)

// laughs expand to 9^8 values.
func laughs() string {
	var b strings.Builder
	b.WriteString("a: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'i'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	return b.String()
}

func TestKustomizationsThatGrowWithoutEndAreRefused(t *testing.T) {
	patch := manifest + laughs()
	inline := "    " + strings.ReplaceAll(strings.TrimSpace(patch), "\n", "\n    ")
	for name, tt := range map[string]struct{ body, want string }{
		"a patch":        {"patches: [{path: x.yaml}]\n", "x.yaml:9:"},
		"an inline one":  {"patches:\n- patch: |\n" + inline + "\n", "kustomization.yaml:3: "},
		"an old one":     {"patchesStrategicMerge: [x.yaml]\n", "x.yaml:9:"},
		"a plugin":       {"transformers: [x.yaml]\n", "x.yaml:9:"},
		"itself":         {laughs(), "kustomization.yaml:"},
		"a replacement":  {"replacements: [{path: x.yaml}]\n", "x.yaml:9:"},
		"a file of data": {"configMapGenerator: [{name: c, files: [x.yaml]}]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "kustomization.yaml", "resources: [a.yaml]\n"+tt.body, "a.yaml", manifest, "x.yaml", patch)
			_, err := bundle.LoadTree(dir, "", nil)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if text := fmt.Sprint(err); !strings.HasPrefix(text, tt.want) || !strings.Contains(text, "aliases expand to more than") {
				t.Error(text)
			}
		})
	}
}

// promised is an archive that says of a file that it is so large.
func promised(t *testing.T, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "a/zeros", Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesAreBounded(t *testing.T) {
	var many []string
	for i := range 20_001 {
		many = append(many, fmt.Sprintf("a/%d", i), "")
	}
	for name, tt := range map[string]struct {
		archive []byte
		want    string
	}{
		"a zip bomb":           {promised(t, 5<<30), "it unpacks to more than 100 MiB"},
		"one of many parts":    {packed(t, "a/1", strings.Repeat("\x00", 60<<20), "a/2", strings.Repeat("\x00", 60<<20)), "it unpacks to more than 100 MiB"},
		"many files":           {packed(t, many...), "there are more than 20000 files in it"},
		"a way out":            {packed(t, "a/b", "", "a/../../x", ""), `"a/../../x" is outside of the archive's folder`},
		"another way out":      {packed(t, `a\..\..\x`, ""), `"a\\..\\..\\x" is outside of the archive's folder`},
		"an absolute path":     {packed(t, "/etc/x", ""), `"/etc/x" is outside of the archive's folder`},
		"a drive":              {packed(t, "a/c:/x", ""), `"a/c:/x" is outside of the archive's folder`},
		"a promise not kept":   {promised(t, 10), "the archive is broken: unexpected EOF"},
		"nothing in it":        {packed(t), "there is nothing in the archive"},
		"what is no archive":   {[]byte("PK\x03\x04"), "it is not a gzipped archive"},
		"a beginning of one":   {packed(t, "a/b", "c")[:20], "the archive is broken: unexpected EOF"},
		"one without a folder": {packed(t, "Chart.yaml", ""), "its files are not in a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bundle.Unpack(bytes.NewReader(tt.archive))
			if fmt.Sprint(err) != tt.want {
				t.Errorf("%v, not %s", err, tt.want)
			}
		})
	}
}

func TestLargeFilesAreNotRead(t *testing.T) {
	dir := write(t, "bundle.yaml", head, "values.yaml", "", "templates/a.yaml", manifest)
	for _, name := range []string{"values.yaml", "templates/a.yaml"} {
		if err := os.Truncate(filepath.Join(dir, name), 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	allocated := testing.AllocsPerRun(1, func() {
		_, err := bundle.Load(dir, nil)
		for _, want := range []string{"values.yaml: it is larger than 64 MiB", "templates/a.yaml: it is larger than 64 MiB"} {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%v does not say %s", err, want)
			}
		}
	})
	if allocated > 2000 {
		t.Errorf("%v allocations", allocated)
	}
}
