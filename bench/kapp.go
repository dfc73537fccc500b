package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// measureKapp does the same jobs with kapp, its client limits lifted: whole processes,
// which wait unasked. It has no rollback: what was there before is deployed again.
// make builds no kapp: its module cannot be had without its repository.
func measureKapp(ctx context.Context, o options, kapp, ns string) (t times, err error) {
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return t, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	namespace, before, after := filepath.Join(dir, "ns.json"), filepath.Join(dir, "1.json"), filepath.Join(dir, "2.json")
	if err := writeVersions(o.quarter, before, after); err != nil {
		return t, err
	}
	if err := os.WriteFile(namespace, fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": %q}}`, ns), 0o600); err != nil {
		return t, err
	}
	deploy := func(app, in, file string) error {
		return command(ctx, kapp, "deploy", "-a", app, "-n", in, "-f", file, "-y", "--kube-api-qps", "10000", "--kube-api-burst", "10000")
	}
	if err := deploy(ns, "default", namespace); err != nil {
		return t, fmt.Errorf("measuring kapp: %w", err)
	}
	err = errors.Join(
		calmly(ctx, &t.apply, func() error { return deploy("bench", ns, before) }),
		calmly(ctx, &t.noop, func() error { return deploy("bench", ns, before) }),
		calmly(ctx, &t.upgrade, func() error { return deploy("bench", ns, after) }),
		calmly(ctx, &t.rollback, func() error { return deploy("bench", ns, before) }),
	)
	if err != nil {
		return t, fmt.Errorf("measuring kapp: %w", err)
	}
	return t, nil
}

// writeVersions writes all objects of both versions.
func writeVersions(quarter int, before, after string) error {
	for i, path := range []string{before, after} {
		all, _, err := objects(quarter, i+1)
		if err != nil {
			return err
		}
		if err := writeManifests(path, all); err != nil {
			return err
		}
	}
	return nil
}
