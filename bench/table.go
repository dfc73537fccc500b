package main

import (
	"fmt"
	"io"
	"time"
)

// table holds the times of all rounds.
type table struct {
	belay, raw, observed, helm, kapp, throttled []times
	memory                                      int64 // bytes of belay's largest process
}

// print writes a line for each job: belay, the floor with and without waiting,
// and belay as a multiple of them.
func (t *table) print(w io.Writer, o options) {
	fmt.Fprintf(w, "%d objects, %d of them changed; medians of %d rounds, all taking turns, in seconds\n", 4*o.quarter, 4*(o.quarter/2), o.rounds)
	fmt.Fprintf(w, "floor: raw server-side apply by %d workers, in process (a change is a LIST of each kind, a dry-run and an apply)\n", workers)
	fmt.Fprintf(w, "observed: the same, and waiting until every Deployment is observed, as belay does; %s of quiet before each job\n\n", calm)
	if len(t.helm)+len(t.kapp) > 0 {
		fmt.Fprintf(w, "helm: --wait; it and kapp with client limits lifted; default: Helm's default flags, once. Their ratios say how much faster belay is\n\n")
	}
	fmt.Fprintf(w, "%-16s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "belay", "floor", "ratio", "observed", "ratio", "helm", "ratio", "kapp", "ratio", "default", "ratio")
	for _, job := range order[1:] {
		belay, raw := middle(t.belay, job), middle(t.raw, job)
		fmt.Fprintf(w, "%-16s %8.2f %8.2f %8.1f", job, belay, raw, belay/raw)
		if job != noop && job != diff { // which write nothing
			observed := middle(t.observed, job)
			fmt.Fprintf(w, " %8.2f %8.2f", observed, belay/observed)
		} else {
			fmt.Fprintf(w, " %8s %8s", "", "")
		}
		for _, peer := range [][]times{t.helm, t.kapp, t.throttled} {
			if len(peer) == 0 || peer[0][job] == 0 {
				fmt.Fprintf(w, " %8s %8s", "", "")
				continue
			}
			took := middle(peer, job)
			fmt.Fprintf(w, " %8.2f %8.1f", took, took/belay)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nbelay's largest process: %d MB\n", t.memory>>20)
}

// middle is the median of one job over all rounds, in seconds.
func middle(rounds []times, job job) float64 {
	all := make([]time.Duration, len(rounds))
	for i, t := range rounds {
		all[i] = t[job]
	}
	return median(all).Seconds()
}
