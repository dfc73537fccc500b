package e2e

import (
	"hash/fnv"
	"os"
	"os/exec"
)

// Points picks n of the numbers below limit, by the commit, for tests that cannot
// take them all; see Soaking.
func Points(n, limit int) []int { return sample(n, limit) }

// Soaking says whether tests are to take every point.
func Soaking() bool { return soaking() }

// soaking is true for make soak, which takes every point and seed; make test
// takes a few, other ones with every commit.
func soaking() bool { return os.Getenv("BELAY_SOAK") != "" }

// sample picks n of the numbers below limit, by the commit; all when soaking.
func sample(n, limit int) []int {
	all := make([]int, limit)
	for i := range all {
		all[i] = i
	}
	if soaking() {
		return all
	}
	h := fnv.New64a()
	commit, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err == nil {
		_, _ = h.Write(commit)
	}
	var picked []int
	for i := range min(n, limit) { // one of each stretch, so that every phase of a run is met
		lo, hi := i*limit/n, (i+1)*limit/n
		picked = append(picked, lo+int(h.Sum64()%uint64(max(1, hi-lo))))
	}
	return picked
}
