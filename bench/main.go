// Bench measures belay on a control plane of its own beside the floor, which is
// raw server-side apply of the same objects, beside kubectl's diff, Helm's start-up
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
	belay, helm, kustomize string
	charts                 string

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
	var times table
	helm := findHelm(o)
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		b, err := measureBelay(ctx, o, bundle, fmt.Sprintf("bench-belay-%d", round))
		if err != nil {
			return err
		}
		raw, err := f.measure(ctx, o, fmt.Sprintf("bench-raw-%d", round), false)
		if err != nil {
			return err
		}
		observed, err := f.measure(ctx, o, fmt.Sprintf("bench-observed-%d", round), true)
		if err != nil {
			return err
		}
		times.add(b, raw, observed)
		if helm == "" {
			continue
		}
		h, err := measureHelm(ctx, helm, chart, fmt.Sprintf("bench-helm-%d", round), "--qps", "10000", "--burst-limit", "10000")
		if err != nil {
			return err
		}
		times.helm = append(times.helm, h)
	}
	if helm != "" && o.throttled {
		fmt.Fprintln(os.Stderr, "Helm with its default flags")
		h, err := measureHelm(ctx, helm, chart, "bench-helm-throttled")
		if err != nil {
			return err
		}
		times.throttled = append(times.throttled, h)
	}
	times.print(os.Stdout, o)
	return nil
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
