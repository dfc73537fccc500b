package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

// ErrHeld says that a directory belongs to a playground that lives.
var ErrHeld = errors.New("a playground runs in it")

// Lock makes a directory this process's own until the file is closed, which the kernel does for a process that dies: a lock that can be had
// means that what is in the directory is left over. The lock goes on to a child that is given the file.
func Lock(dir datadir.Dir) (*os.File, error) {
	f, err := os.OpenFile(dir.File("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = current(f, dir)
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrHeld
	}
	return nil, fmt.Errorf("locking %s: %w", dir, err)
}

// current tells the lock that is in the directory from one that went with a directory removed since it was opened.
func current(f *os.File, dir datadir.Dir) error {
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(dir.File("lock"))
	if err == nil && !os.SameFile(locked, there) {
		err = os.ErrNotExist
	}
	return err
}

// AwaitLock is Lock for one who expects the playground to end soon.
func AwaitLock(ctx context.Context, dir datadir.Dir) (*os.File, error) {
	for {
		f, err := Lock(dir)
		if err == nil || !errors.Is(err, ErrHeld) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pollInterval):
		}
	}
}

// Empty removes all but the lock from a directory that is locked.
func Empty(dir datadir.Dir) error {
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		return fmt.Errorf("clearing %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(dir.File(e.Name())); err != nil {
			return fmt.Errorf("clearing %s: %w", dir, err)
		}
	}
	return nil
}

// tempPrefix begins the names of directories of playgrounds that have none.
const tempPrefix = "belay-playground-"

// TempDir makes and locks a directory for a playground that ends with this process. It also removes those of processes that could not:
// directories that are not locked and too old to be just being made.
func TempDir() (datadir.Dir, *os.File, error) {
	entries, _ := os.ReadDir(os.TempDir())
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), tempPrefix) || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		left := datadir.Dir(filepath.Join(os.TempDir(), e.Name()))
		if lock, err := Lock(left); err == nil {
			_ = os.RemoveAll(string(left))
			_ = lock.Close()
		}
	}
	path, err := os.MkdirTemp("", tempPrefix)
	if err != nil {
		return "", nil, fmt.Errorf("making a directory: %w", err)
	}
	lock, err := Lock(datadir.Dir(path))
	if err != nil {
		_ = os.RemoveAll(path)
	}
	return datadir.Dir(path), lock, err
}
