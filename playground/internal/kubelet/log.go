package kubelet

import (
	"cmp"
	"fmt"
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

// Log returns what a container printed in its current run or in the one before it. The error is a kubelet's answer to who asks for a log
// that is not there.
func (p *Pod) Log(name string, previous bool) ([]logLine, error) {
	c := p.find(name)
	switch {
	case c == nil:
		return nil, fmt.Errorf("container %q in pod %q is not available", name, p.object.Name)
	case previous && c.state == exited && c.reason != "":
		return c.log, nil // it waits for its restart: the run that failed is the previous one
	case previous && c.previous == nil:
		return nil, fmt.Errorf("previous terminated container %q in pod %q not found", name, p.object.Name)
	case previous:
		return c.previousLog, nil
	case c.starts > 0:
		return c.log, nil
	}
	why := cmp.Or(c.reason, "ContainerCreating")
	switch why {
	case "ErrImagePull":
		why = "image can't be pulled"
	case "ImagePullBackOff":
		why = "trying and failing to pull image"
	}
	return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, p.object.Name, why)
}

// Running reports whether a container runs.
func (p *Pod) Running(name string) bool {
	c := p.find(name)
	return c != nil && c.state == running
}

func (p *Pod) find(name string) *container {
	for _, c := range p.containers {
		if c.spec.Name == name {
			return c
		}
	}
	return nil
}
