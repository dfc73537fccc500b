package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"path"
	"strings"
	"testing"

	"github.com/belay-sh/belay/render/bundle"
)

// packed is an archive of files, given as name and content.
func packed(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		head := &tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever an archive holds, what comes out of it stays in its folder.
func FuzzArchives(f *testing.F) {
	f.Add([]byte("a/Chart.yaml"), []byte("name: a"), false)
	f.Add([]byte("a/../../etc/passwd"), []byte("x"), false)
	f.Add([]byte(`a\..\..\b`), []byte("x"), false)
	f.Add([]byte("c:/x"), []byte("x"), false)
	f.Add(packed(f, "a/Chart.yaml", "name: a", "a/b", "c"), []byte{}, true)
	f.Fuzz(func(t *testing.T, name, data []byte, raw bool) {
		archive := name
		if !raw {
			if len(name) == 0 || bytes.IndexByte(name, 0) >= 0 || bytes.HasSuffix(name, []byte("/")) {
				t.Skip("no name of a file")
			}
			archive = packed(t, string(name), string(data), "a/values.yaml", "")
		}
		files, err := bundle.Unpack(bytes.NewReader(archive))
		if err != nil {
			return
		}
		for _, file := range files {
			if path.Clean(file.Name) != file.Name || path.IsAbs(file.Name) || file.Name == ".." || strings.HasPrefix(file.Name, "../") {
				t.Errorf("%q leads out of the archive", file.Name)
			}
		}
	})
}
