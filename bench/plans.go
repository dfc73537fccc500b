package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// planRounds is how often each plan is made.
const planRounds = 7

// plans prints how long a plan takes: of nothing changed, and of half of the objects
// changed, beside the requests that nobody can do without, kubectl diff and what
// Helm has instead. Programs are measured whole; of belay's time what it takes to
// render the same bundle is told apart, for the floor has its objects ready. All
// take turns, so that whatever else the machine does slows all of them.
func plans(ctx context.Context, w io.Writer, o options, f *floor, bundle, chart string) error {
	_, changed, err := objects(o.quarter, 2)
	if err != nil {
		return err
	}
	before, _, err := objects(o.quarter, 1)
	if err != nil {
		return err
	}
	const ns = "bench-plans"
	if err := f.create(ctx, ns); err != nil {
		return err
	}
	if err := f.apply(ctx, ns, before, false); err != nil {
		return err
	}
	versions, err := writeVersions(o.quarter)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(versions) }()
	old, next := filepath.Join(versions, "1.json"), filepath.Join(versions, "2.json")
	jobs := append([]planJob{
		{"floor: LISTs alone", 0, func() (int64, error) { return 0, f.list(ctx, ns) }},
		{"floor: LISTs, and dry-runs of what changed", 1, func() (int64, error) {
			return 0, errors.Join(f.list(ctx, ns), f.apply(ctx, ns, changed, true))
		}},
	}, belayPlans(ctx, o.belay, bundle)...)
	jobs = append(jobs, kubectlPlans(ctx, ns, old, next)...)
	jobs = append(jobs, helmPlans(ctx, findHelm(o), chart)...)
	if err := command(ctx, o.belay, "apply", bundle, "-n", "bench-plans-belay", "-q"); err != nil {
		return err
	}
	if helm := findHelm(o); helm != "" {
		if err := command(ctx, helm, "install", "bench", chart, "-n", "bench-plans-helm", "--create-namespace", "--qps", "10000", "--burst-limit", "10000"); err != nil {
			return err
		}
	}
	if err := printPlans(w, o, jobs); err != nil {
		return err
	}
	return errors.Join(f.remove(ctx, "bench-plans-helm"), f.remove(ctx, "bench-plans-belay"), f.remove(ctx, ns))
}

// planJob is one way to make a plan.
type planJob struct {
	name string
	// kind groups what is comparable: 0 nothing changed, 1 half of it changed.
	kind int
	do   func() (memory int64, err error)
}

// rendering is the job whose time is taken off belay's, to see its plan alone.
const rendering = "belay render, the same bundle"

func belayPlans(ctx context.Context, belay, bundle string) []planJob {
	run := func(exit int, args ...string) func() (int64, error) {
		return func() (int64, error) { return measured(ctx, exit, belay, args...) }
	}
	return []planJob{
		{rendering, -1, run(0, "render", bundle, "-n", "bench-plans-belay")},
		{"belay diff", 0, run(0, "diff", bundle, "-n", "bench-plans-belay")},
		{"belay diff", 1, run(2, "diff", bundle, "-n", "bench-plans-belay", "--set", "version=2")},
	}
}

// kubectlPlans are none where kubectl is not installed.
func kubectlPlans(ctx context.Context, ns, old, next string) []planJob {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return nil
	}
	run := func(exit int, file string, more ...string) func() (int64, error) {
		args := append([]string{"diff", "--server-side", "--field-manager", "floor", "-n", ns, "-f", file}, more...)
		return func() (int64, error) { return measured(ctx, exit, kubectl, args...) }
	}
	return []planJob{
		{"kubectl diff --server-side", 0, run(0, old)},
		{"kubectl diff --server-side", 1, run(1, next)},
		{"kubectl diff --server-side --concurrency 16", 0, run(0, old, "--concurrency", "16")},
		{"kubectl diff --server-side --concurrency 16", 1, run(1, next, "--concurrency", "16")},
	}
}

// helmPlans are none where Helm is not there. It has no plan; a dry run on the
// server shows the manifests, and says nothing of what is live.
func helmPlans(ctx context.Context, helm, chart string) []planJob {
	if helm == "" {
		return nil
	}
	run := func(more ...string) func() (int64, error) {
		args := append([]string{"upgrade", "bench", chart, "-n", "bench-plans-helm", "--dry-run=server", "--qps", "10000", "--burst-limit", "10000"}, more...)
		return func() (int64, error) { return measured(ctx, 0, helm, args...) }
	}
	return []planJob{
		{"helm upgrade --dry-run=server", 0, run()},
		{"helm upgrade --dry-run=server", 1, run("--set", "version=2")},
	}
}

func printPlans(w io.Writer, o options, jobs []planJob) error {
	took := make([][]time.Duration, len(jobs))
	memory := make([]int64, len(jobs))
	rounds := planRounds
	if o.quarter > 250 { // for the memory; the others would take very long
		rounds = 1
	}
	for range rounds {
		for i, job := range jobs {
			var one time.Duration
			err := clock(&one, func() error {
				used, err := job.do()
				memory[i] = max(memory[i], used)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", job.name, err)
			}
			took[i] = append(took[i], one)
		}
	}
	least := []float64{ms(median(took[0])), ms(median(took[1]))}
	var render float64
	for i, job := range jobs {
		if job.name == rendering {
			render = ms(median(took[i]))
		}
	}
	fmt.Fprintf(w, "a plan of %d objects, median of %d, in ms; ratios are to the floor\n", 4*o.quarter, rounds)
	for kind, title := range []string{"nothing changed", fmt.Sprintf("%d changed", 4*(o.quarter/2))} {
		fmt.Fprintf(w, "%-48s %8s %8s %8s\n", title, "ms", "ratio", "MB")
		for i, job := range jobs {
			if job.kind != kind {
				continue
			}
			of := ms(median(took[i]))
			fmt.Fprintf(w, "  %-46s %8.0f %8.2f %8d\n", job.name, of, of/least[kind], memory[i]>>20)
			if job.name == "belay diff" {
				fmt.Fprintf(w, "  %-46s %8.0f %8.2f\n", "  less its rendering (start, load, render, print)", of-render, (of-render)/least[kind])
			}
		}
	}
	fmt.Fprintln(w)
	return nil
}

// writeManifests writes objects into one file, as JSON documents.
func writeManifests(path string, objects []*unstructured.Unstructured) error {
	var out bytes.Buffer
	for _, u := range objects {
		data, err := u.MarshalJSON()
		if err != nil {
			return err
		}
		out.WriteString("---\n")
		out.Write(data)
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}
