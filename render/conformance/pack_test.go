package conformance

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

// pack turns every chart of a folder into an archive.
func pack(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // no subcharts
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		from := filepath.Join(folder, e.Name())
		if err := os.WriteFile(from+"-1.2.3.tgz", archive(t, from, e.Name()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(from); err != nil {
			t.Fatal(err)
		}
	}
}

// archive packs a chart as helm package does.
func archive(t *testing.T, dir, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	out := tar.NewWriter(zipped)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: filepath.ToSlash(filepath.Join(name, inside)), Mode: 0o644, Size: int64(len(data))}
		if err := out.WriteHeader(head); err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
