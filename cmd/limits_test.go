package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belay-sh/belay/render/values"
)

// endless never ends; it counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestLargeFilesOfValuesAreNotRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<30); err != nil {
		t.Fatal(err)
	}
	source := &endless{}
	for _, g := range []givenLayer{{values.File, name}, {values.SetFile, "a=" + name}, {values.File, "-"}} {
		_, err := g.read(source)
		if !strings.HasSuffix(fmt.Sprint(err), " is larger than 16 MiB") {
			t.Errorf("%s %s: %v", g.kind, g.text, err)
		}
	}
	if source.read > 4*values.MaxSize {
		t.Errorf("%d bytes were read", source.read)
	}
	if _, err := readRandom(name); err == nil {
		t.Error("a large file of random values was read")
	}
}
