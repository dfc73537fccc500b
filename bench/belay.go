package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// measureBelay does the jobs with belay, as a person would: whole processes.
func measureBelay(ctx context.Context, o options, bundle, ns string) (t times, err error) {
	next := []string{"-n", ns, "--set", "version=2"}
	for _, job := range []struct {
		into *time.Duration
		exit int
		args []string
	}{
		{&t.apply, 0, []string{"apply", bundle, "-n", ns}},
		{&t.noop, 0, []string{"apply", bundle, "-n", ns}},
		{&t.diff, 2, append([]string{"diff", bundle}, next...)},
		{&t.upgrade, 0, append([]string{"apply", bundle}, next...)},
		{&t.rollback, 0, []string{"rollback", "bench", "-n", ns}},
	} {
		err := clock(job.into, func() error { return command(ctx, job.exit, o.belay, job.args...) })
		if err != nil {
			return t, fmt.Errorf("measuring belay: %w", err)
		}
	}
	return t, command(ctx, 0, o.belay, "delete", "bench", "-n", ns, "--yes")
}

// command runs a program that must end with the exit code.
func command(ctx context.Context, exit int, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return err
	}
	code := 0
	if ended != nil {
		code = ended.ExitCode()
	}
	if code != exit {
		return fmt.Errorf("%s %s: exit %d, want %d:\n%s", name, strings.Join(args, " "), code, exit, tail(out))
	}
	return nil
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

// startUps is how often a start is measured.
const startUps = 30

// startUp prints how long the programs take to say their version.
func startUp(ctx context.Context, w io.Writer, o options) error {
	belay, err := usual(ctx, o.belay, "version")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "start-up, median of %d:  belay version %.1f ms", startUps, ms(belay))
	helm := o.helm
	if _, err := os.Stat(helm); err != nil {
		if helm, err = exec.LookPath("helm"); err != nil {
			fmt.Fprint(w, "  (no Helm here to compare with)\n\n")
			return nil
		}
	}
	other, err := usual(ctx, helm, "version")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  helm version %.1f ms  ratio %.2f\n\n", ms(other), ms(belay)/ms(other))
	return nil
}

// usual is the median time of a program from start to end.
func usual(ctx context.Context, name string, args ...string) (time.Duration, error) {
	all := make([]time.Duration, startUps)
	for i := range all {
		if err := clock(&all[i], func() error { return command(ctx, 0, name, args...) }); err != nil {
			return 0, err
		}
	}
	return median(all), nil
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
