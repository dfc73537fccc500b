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
	"syscall"
	"time"
)

// belayJobs does the jobs with belay, as a person would: whole processes. memory
// becomes the most bytes that one of them took.
func belayJobs(o options, bundle, ns string, memory *int64) map[job]func(context.Context) error {
	run := func(exit int, args ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			used, err := measured(ctx, exit, o.belay, append(args, "-n", ns)...)
			*memory = max(*memory, used)
			return err
		}
	}
	return map[job]func(context.Context) error{
		first:    run(0, "apply", bundle),
		noop:     run(0, "apply", bundle),
		diff:     run(2, "diff", bundle, "--set", "version=2"),
		upgrade:  run(0, "apply", bundle, "--set", "version=2"),
		rollback: run(0, "rollback", "bench"),
	}
}

// command runs a program that must succeed.
func command(ctx context.Context, name string, args ...string) error {
	_, err := measured(ctx, 0, name, args...)
	return err
}

// measured runs a program that must end with the exit code, and returns the most
// memory that it had, in bytes, where the system tells.
func measured(ctx context.Context, exit int, name string, args ...string) (memory int64, err error) {
	c := exec.CommandContext(ctx, name, args...)
	out, err := c.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return 0, err
	}
	if code := c.ProcessState.ExitCode(); code != exit {
		return 0, fmt.Errorf("%s %s: exit %d, want %d:\n%s", name, strings.Join(args, " "), code, exit, tail(out))
	}
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = int64(usage.Maxrss) << 10 // Linux counts kilobytes
	}
	return memory, nil
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

// startUps is how often a start is measured.
const startUps = 40

// startUp prints how long the programs take to say their version. They take
// turns, so that whatever else the machine does slows both.
func startUp(ctx context.Context, w io.Writer, o options) error {
	programs := []string{o.belay}
	if helm := findHelm(o); helm != "" {
		programs = append(programs, helm)
	}
	all := make([][]time.Duration, len(programs))
	for range startUps {
		for i, program := range programs {
			var took time.Duration
			if err := clock(&took, func() error { return command(ctx, program, "version") }); err != nil {
				return err
			}
			all[i] = append(all[i], took)
		}
	}
	belay := ms(median(all[0]))
	fmt.Fprintf(w, "start-up, median of %d:  belay version %.1f ms", startUps, belay)
	if len(programs) == 1 {
		fmt.Fprint(w, "  (no Helm here to compare with)\n\n")
		return nil
	}
	helm := ms(median(all[1]))
	fmt.Fprintf(w, "  helm version %.1f ms  ratio %.2f\n\n", helm, belay/helm)
	return nil
}

func findHelm(o options) string { return find(o.helm, "helm") }

// find returns the binary at a path, else the one installed by that name, else "".
func find(path, name string) string {
	if _, err := os.Stat(path); err == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
