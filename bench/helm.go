package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// helmJobs does the same jobs with Helm: whole processes, with the waiting that
// belay does unasked, and the flags given. Helm has no diff.
func helmJobs(helm, chart, ns string, flags ...string) map[job]func(context.Context) error {
	run := func(args ...string) func(context.Context) error {
		args = append(append(args, "--wait", "-n", ns), flags...)
		return func(ctx context.Context) error { return command(ctx, helm, args...) }
	}
	return map[job]func(context.Context) error{
		first:    run("install", "bench", chart, "--create-namespace"),
		noop:     run("upgrade", "bench", chart),
		upgrade:  run("upgrade", "bench", chart, "--set", "version=2"),
		rollback: run("rollback", "bench", "2"),
	}
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
