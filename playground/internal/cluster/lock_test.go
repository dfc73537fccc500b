package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

func TestLockIsHeldOnce(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrHeld) {
		t.Errorf("a second lock: %v, want %v", err, ErrHeld)
	}
	_ = lock.Close()
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
	if _, err := Lock(dir + "-gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock of a directory that is not there: %v", err)
	}
}

func TestEmptyLeavesTheLock(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := os.MkdirAll(dir.File("etcd/member"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Empty(dir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(string(dir)); err != nil || len(entries) != 1 || entries[0].Name() != "lock" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestTempDirRemovesWhatTheDeadLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	old := time.Now().Add(-time.Hour)
	made := func(name string) datadir.Dir {
		dir := datadir.Dir(filepath.Join(os.TempDir(), name))
		if err := os.Mkdir(string(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dead, living, others, fresh := made(tempPrefix+"dead"), made(tempPrefix+"living"), made("others"), made(tempPrefix+"fresh")
	lock, err := Lock(living)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	for _, dir := range []datadir.Dir{dead, living, others} {
		if err := os.Chtimes(string(dir), old, old); err != nil {
			t.Fatal(err)
		}
	}
	dir, own, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	for d, want := range map[datadir.Dir]bool{dead: false, living: true, others: true, fresh: true, dir: true} {
		if _, err := os.Stat(string(d)); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", d, err == nil, want)
		}
	}
}
