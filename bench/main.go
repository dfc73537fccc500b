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
	flag.IntVar(&o.rounds, "rounds", 5, "how often all is measured; the table shows medians")
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
	results, err := rounds(ctx, o, f, bundle, chart)
	if err != nil {
		return err
	}
	results.print(os.Stdout, o)
	return nil
}

// local measures what needs no cluster.
func local(ctx context.Context, o options) error {
	return errors.Join(startUp(ctx, os.Stdout, o), charts(ctx, os.Stdout, o), overlays(ctx, os.Stdout, o))
}

// clock measures one call.
func clock(into *time.Duration, f func() error) error {
	began := time.Now()
	err := f()
	*into = time.Since(began)
	return err
}
