package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureHelm does the same jobs with Helm: whole processes, with the waiting that
// belay does unasked, and the flags given. Helm has no diff.
func measureHelm(ctx context.Context, helm, chart, ns string, flags ...string) (t times, err error) {
	run := func(into *time.Duration, args ...string) error {
		return calmly(ctx, into, func() error {
			return command(ctx, helm, append(append(args, "-n", ns), flags...)...)
		})
	}
	err = errors.Join(
		run(&t.apply, "install", "bench", chart, "--create-namespace", "--wait"),
		run(&t.noop, "upgrade", "bench", chart, "--wait"),
		run(&t.upgrade, "upgrade", "bench", chart, "--set", "version=2", "--wait"),
		run(&t.rollback, "rollback", "bench", "2", "--wait"),
	)
	if err != nil {
		return t, fmt.Errorf("measuring Helm: %w", err)
	}
	return t, nil
}

// writeChart makes a Helm chart of the bundle's templates and values.
func writeChart(quarter int) (string, error) {
	dir, err := writeBundle(quarter)
	if err != nil {
		return "", err
	}
	chart := "apiVersion: v2\nname: bench\nversion: 1.0.0\n"
	return dir, errors.Join(
		os.Remove(filepath.Join(dir, "bundle.yaml")),
		os.WriteFile(filepath.Join(dir, "Chart.yaml"), []byte(chart), 0o644),
	)
}
