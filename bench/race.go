package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// job is one of the things that are measured, in the order they are done.
type job string

const (
	ready    job = "ready" // what must be there before the first; not printed
	first    job = "first apply"
	noop     job = "nothing changed"
	diff     job = "diff"
	upgrade  job = "upgrade"
	rollback job = "rollback"
)

var order = []job{ready, first, noop, diff, upgrade, rollback}

// times are how long each job took.
type times map[job]time.Duration

// contestant does the jobs in a namespace of its own.
type contestant struct {
	ns   string
	into *[]times
	jobs map[job]func(context.Context) error // those that it has
}

// calm is how long the controllers are given to finish with one job before the
// next is measured: they share the machine with what is measured.
const calm = 3 * time.Second

// race measures the contestants, and leaves nothing of them behind. They take turns
// at every job, so that whatever else the machine does slows all of them.
func race(ctx context.Context, f *floor, all []contestant) error {
	took := make([]times, len(all))
	for _, job := range order {
		for i, c := range all {
			do := c.jobs[job]
			if do == nil {
				continue
			}
			if err := settle(ctx); err != nil {
				return err
			}
			began := time.Now()
			if err := do(ctx); err != nil {
				return fmt.Errorf("measuring %s: %s: %w", c.ns, job, err)
			}
			if took[i] == nil {
				took[i] = times{}
			}
			took[i][job] = time.Since(began)
		}
	}
	for i, c := range all {
		*c.into = append(*c.into, took[i])
		if err := f.remove(ctx, c.ns); err != nil {
			return err
		}
	}
	return nil
}

func settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(calm):
		return nil
	}
}

// rounds lets everybody race as often as asked.
func rounds(ctx context.Context, o options, f *floor, bundle, chart string) (*table, error) {
	versions, err := writeVersions(o.quarter)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(versions) }()
	var results table
	all, err := contestants(o, f, bundle, chart, versions, &results)
	if err != nil {
		return nil, err
	}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		if err := race(ctx, f, all); err != nil {
			return nil, err
		}
	}
	if helm := findHelm(o); helm != "" && o.throttled {
		fmt.Fprintln(os.Stderr, "Helm with its default flags")
		const ns = "bench-helm-throttled"
		if err := race(ctx, f, []contestant{{ns, &results.throttled, helmJobs(helm, chart, ns)}}); err != nil {
			return nil, err
		}
	}
	return &results, nil
}

func contestants(o options, f *floor, bundle, chart, versions string, t *table) ([]contestant, error) {
	raw, err := f.jobs(o, "bench-raw", false)
	if err != nil {
		return nil, err
	}
	observed, err := f.jobs(o, "bench-observed", true)
	if err != nil {
		return nil, err
	}
	all := []contestant{
		{"bench-belay", &t.belay, belayJobs(o, bundle, "bench-belay", &t.memory)},
		{"bench-raw", &t.raw, raw},
		{"bench-observed", &t.observed, observed},
	}
	if helm := findHelm(o); helm != "" {
		jobs := helmJobs(helm, chart, "bench-helm", "--qps", "10000", "--burst-limit", "10000")
		all = append(all, contestant{"bench-helm", &t.helm, jobs})
	}
	if kapp := find(o.kapp, "kapp"); kapp != "" {
		jobs := kappJobs(kapp, versions, "bench-kapp")
		jobs[ready] = func(ctx context.Context) error { return f.create(ctx, "bench-kapp") }
		all = append(all, contestant{"bench-kapp", &t.kapp, jobs})
	}
	return all, nil
}
