package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// kappJobs does the same jobs with kapp, its client limits lifted: whole processes,
// which wait unasked. It has no rollback: what was there before is deployed again.
// make builds no kapp: its module cannot be had without its repository.
func kappJobs(kapp, versions, ns string) map[job]func(context.Context) error {
	deploy := func(version string) func(context.Context) error {
		return func(ctx context.Context) error {
			return command(ctx, kapp, "deploy", "-a", "bench", "-n", ns, "-f", filepath.Join(versions, version), "-y", "--kube-api-qps", "10000", "--kube-api-burst", "10000")
		}
	}
	return map[job]func(context.Context) error{
		first: deploy("1.json"), noop: deploy("1.json"), upgrade: deploy("2.json"), rollback: deploy("1.json"),
	}
}

// writeVersions writes all objects of both versions, 1.json and 2.json, to a temporary folder.
func writeVersions(quarter int) (string, error) {
	before, _, err := objects(quarter, 1)
	if err != nil {
		return "", err
	}
	after, _, err := objects(quarter, 2)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return "", err
	}
	return dir, errors.Join(
		writeManifests(filepath.Join(dir, "1.json"), before),
		writeManifests(filepath.Join(dir, "2.json"), after),
	)
}
