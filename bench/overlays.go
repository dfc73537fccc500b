package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// overlayed is a kustomization with what most have.
const overlayed = `namespace: prod
labels: [{pairs: {env: prod}, includeTemplates: true}]
images: [{name: nginx, newTag: "2"}]
patches:
- target: {kind: Deployment}
  patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: any}
    spec: {template: {spec: {containers: [{name: web, env: [{name: B, value: z}]}]}}}
`

// named is what an overlay has to follow through all objects.
const named = "namePrefix: p-\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n"

// overlays prints how long an overlay with a namespace, labels, images and a
// patch takes on 1,000 and on 10,000 objects, beside kustomize.
func overlays(ctx context.Context, w io.Writer, o options) error {
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	small, big := filepath.Join(dir, "1000"), filepath.Join(dir, "10000")
	if err := errors.Join(writeOverlay(small, 1000), writeOverlay(big, 10000)); err != nil {
		return err
	}
	jobs := [][]string{overlayOf(o.belay, small), overlayOf(o.belay, big), {o.belay, "render", filepath.Join(small, "whole")},
		{o.belay, "render", filepath.Join(small, "named")}}
	_, missing := os.Stat(o.kustomize)
	if missing == nil {
		jobs = append(jobs, []string{o.kustomize, "build", filepath.Join(small, "whole")}, []string{o.kustomize, "build", filepath.Join(small, "named")})
	}
	all := make([][]time.Duration, len(jobs))
	for range max(o.rounds, 3) {
		for i, job := range jobs {
			var took time.Duration
			if err := clock(&took, func() error { return command(ctx, job[0], job[1:]...) }); err != nil {
				return err
			}
			all[i] = append(all[i], took)
		}
	}
	of := func(i int) float64 { return ms(median(all[i])) }
	fmt.Fprintf(w, "an overlay with namespace, labels, images and a patch, in ms: 1,000 objects %.0f  10,000 objects %.0f  ratio %.1f\n", of(0), of(1), of(1)/of(0))
	fmt.Fprintf(w, "the same as a kustomization, 1,000 objects: belay render %.0f, with a prefix and a generator %.0f", of(2), of(3))
	if missing != nil {
		fmt.Fprint(w, "  (no kustomize here to compare with)\n\n")
		return nil
	}
	fmt.Fprintf(w, "  kustomize build %.0f, %.0f  ratios %.1f, %.1f; to the overlay above %.1f\n\n", of(4), of(5), of(4)/of(2), of(5)/of(3), of(4)/of(0))
	return nil
}

func overlayOf(belay, dir string) []string {
	return []string{belay, "render", filepath.Join(dir, "base", "all.yaml"), "--overlay", filepath.Join(dir, "over")}
}

// writeOverlay writes n objects, an overlay for them, and both as a kustomization.
func writeOverlay(dir string, n int) error {
	var text strings.Builder
	for i := range n / 4 {
		fmt.Fprintf(&text, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d%[1]d, labels: {app: d%[1]d}}
spec:
  selector: {matchLabels: {app: d%[1]d}}
  template:
    metadata: {labels: {app: d%[1]d}}
    spec:
      containers:
      - name: web
        image: nginx:1
        ports: [{containerPort: 80}]
        env:
        - {name: A, value: a}
        - {name: M, valueFrom: {configMapKeyRef: {name: c%[1]d, key: a}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c%[1]d}
data: {a: b, c: d}
---
apiVersion: v1
kind: Service
metadata: {name: s%[1]d}
spec: {selector: {app: d%[1]d}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a%[1]d}
`, i)
	}
	for name, data := range map[string]string{
		"base/all.yaml":            text.String(),
		"base/kustomization.yaml":  "resources: [all.yaml]\n",
		"over/kustomization.yaml":  overlayed,
		"whole/kustomization.yaml": "resources: [../base]\n" + overlayed,
		"named/kustomization.yaml": "resources: [../base]\n" + named + overlayed,
	} {
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(data), 0o600)); err != nil {
			return err
		}
	}
	return nil
}
