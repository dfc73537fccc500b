package kubelet

import (
	"strings"
	"time"
)

// logLine is one line that a container printed.
type logLine struct {
	at   time.Time
	text string
}

// say prints text, which may have several lines.
func (c *container) say(at time.Time, text string) {
	for line := range strings.Lines(text) {
		c.log = append(c.log, logLine{at, strings.TrimRight(line, "\n")})
	}
}

// lastWords is what a container prints before it fails for a reason, unless LogAnnotation says otherwise.
func lastWords(reason string) string {
	if reason == "OOMKilled" {
		return "level=info msg=\"loading cache\" entries=48211"
	}
	return "level=info msg=\"connecting\" address=db:5432\nlevel=fatal msg=\"connecting to db:5432: connection refused\""
}

// Log returns what a container printed in its current run, or in the one before it, and whether the pod has such a container and run.
func (p *Pod) Log(name string, previous bool) (lines []logLine, ok bool) {
	for _, c := range p.containers {
		if c.spec.Name != name {
			continue
		}
		if previous {
			// A container that waits for its restart shows the run that failed as the previous one.
			if c.state == exited && c.previousLog == nil {
				return c.log, true
			}
			return c.previousLog, c.previousLog != nil
		}
		return c.log, c.starts > 0
	}
	return nil, false
}
