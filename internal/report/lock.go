package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/belay-sh/belay/internal/release"
)

// NotLocked says that nobody holds a release's lock.
func NotLocked(w io.Writer, name string) {
	fmt.Fprintf(w, "nobody holds the lock of %s; nothing to do\n", name)
}

// Holds says who holds a release's lock. The ages are by the holder's clock.
func Holds(w io.Writer, name string, h release.Holder, now time.Time) {
	fmt.Fprintf(w, "%s holds the lock of %s since %s ago%s\n", Clean(h.By), name, Age(now, h.Since), inBrackets(lifeOf(h, now)))
}

// UnlockQuestion is what belay unlock asks.
func UnlockQuestion(name string, h release.Holder) string {
	return fmt.Sprintf("Take the lock of %s away from %s? [y/N] ", name, Clean(h.By))
}

// Unlocked says that the lock is free.
func Unlocked(w io.Writer, name string) {
	fmt.Fprintf(w, "the lock of %s is free; whoever held it stops\n", name)
}

func lifeOf(h release.Holder, now time.Time) string {
	var parts []string
	if h.Revision > 0 {
		parts = append(parts, "revision "+itoa(h.Revision))
	}
	parts = append(parts, "process "+itoa(h.PID), "last sign of life "+Age(now, h.Renewed)+" ago")
	if h.Job != "" {
		parts = append(parts, Clean(h.Job))
	}
	return strings.Join(parts, ", ")
}
