// Bench measures belay on a control plane of its own beside the floor, which is
// raw server-side apply of the same objects, beside kubectl's diff, Helm, kapp
// and what Helm renders and kustomize builds, in one run, so that the ratios mean
// something. Absolute times are the machine's.
// It stands outside the flow and is run by `make bench`, with KUBECONFIG set.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options are what a run of the benchmark can be told.
type options struct {
	belay, helm, kustomize, kapp string
	charts                       string

	rounds  int
	quarter int  // of the objects: how many of each kind
	offline bool // only what needs no cluster
	// throttled measures Helm with its default flags too, once: it takes minutes.
	throttled bool
	plans     bool // only plans
}

func main() {
	var o options
	flag.StringVar(&o.belay, "belay", "bin/belay", "the binary to measure")
	flag.StringVar(&o.helm, "helm", "bin/helm", "Helm's binary; left out when it is not there")
	flag.StringVar(&o.kustomize, "kustomize", "bin/kustomize", "kustomize's binary; left out when it is not there")
	flag.StringVar(&o.kapp, "kapp", "bin/kapp", "kapp's binary; left out when it is not there")
	flag.StringVar(&o.charts, "charts", "", "directories of charts to render besides the written ones, with commas between")
	flag.BoolVar(&o.offline, "offline", false, "measure only what needs no cluster")
	flag.BoolVar(&o.plans, "plans", false, "measure only how long plans take")
	flag.BoolVar(&o.throttled, "throttled", false, "measure Helm with its default flags too, once: minutes")
	flag.IntVar(&o.rounds, "rounds", 3, "how often all is measured; the table shows medians")
	flag.IntVar(&o.quarter, "quarter", 100, "objects of each of the four kinds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if !o.plans {
		if err := local(ctx, o); err != nil || o.offline {
			return err
		}
	}
	f, err := newFloor(os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	bundle, err := writeBundle(o.quarter)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(bundle) }()

	chart, err := writeChart(o.quarter)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(chart) }()

	if err := plans(ctx, os.Stdout, o, f, bundle, chart); err != nil || o.plans {
		return err
	}
	var results table
	helm := findHelm(o)
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for _, c := range contestants(o, f, bundle, chart, helm, &results) {
			if err := c.race(ctx, f); err != nil {
				return err
			}
		}
	}
	if helm != "" && o.throttled {
		fmt.Fprintln(os.Stderr, "Helm with its default flags")
		c := contestant{"bench-helm-throttled", &results.throttled, func(ctx context.Context, ns string) (times, error) {
			return measureHelm(ctx, helm, chart, ns)
		}}
		if err := c.race(ctx, f); err != nil {
			return err
		}
	}
	results.print(os.Stdout, o)
	return nil
}

// contestant does all jobs in a namespace.
type contestant struct {
	ns      string
	into    *[]times
	measure func(ctx context.Context, ns string) (times, error)
}

// contestants are those that every round measures, one after another.
func contestants(o options, f *floor, bundle, chart, helm string, t *table) []contestant {
	all := []contestant{
		{"bench-belay", &t.belay, func(ctx context.Context, ns string) (times, error) {
			return measureBelay(ctx, o, bundle, ns)
		}},
		{"bench-raw", &t.raw, func(ctx context.Context, ns string) (times, error) {
			return f.measure(ctx, o, ns, false)
		}},
		{"bench-observed", &t.observed, func(ctx context.Context, ns string) (times, error) {
			return f.measure(ctx, o, ns, true)
		}},
	}
	if helm != "" {
		all = append(all, contestant{"bench-helm", &t.helm, func(ctx context.Context, ns string) (times, error) {
			return measureHelm(ctx, helm, chart, ns, "--qps", "10000", "--burst-limit", "10000")
		}})
	}
	if kapp := find(o.kapp, "kapp"); kapp != "" {
		all = append(all, contestant{"bench-kapp", &t.kapp, func(ctx context.Context, ns string) (times, error) {
			return measureKapp(ctx, o, kapp, ns)
		}})
	}
	return all
}

// race measures a contestant, and leaves nothing of it behind.
func (c contestant) race(ctx context.Context, f *floor) error {
	t, err := c.measure(ctx, c.ns)
	if err != nil {
		return err
	}
	*c.into = append(*c.into, t)
	return f.remove(ctx, c.ns)
}

// local measures what needs no cluster.
func local(ctx context.Context, o options) error {
	return errors.Join(startUp(ctx, os.Stdout, o), charts(ctx, os.Stdout, o), overlays(ctx, os.Stdout, o))
}

// times are how long each job took, and the memory it took.
type times struct {
	apply, noop, diff, upgrade, rollback time.Duration
	// memory is what the largest process took, in bytes; 0 when nobody looked.
	memory int64
}

// clock measures one call.
func clock(into *time.Duration, f func() error) error {
	began := time.Now()
	err := f()
	*into = time.Since(began)
	return err
}
