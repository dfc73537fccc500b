package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/belay-sh/belay/apply"
)

// Whatever is said while a table stands on the screen stands above it.
func TestWhatIsSaidBesidesDoesNotTearTheTable(t *testing.T) {
	var b bytes.Buffer
	clock := now
	p := newProgress(&b, ProgressOptions{Plan: runPlan(), Began: now, Now: func() time.Time { return clock }, Terminal: true})
	p.Event(apply.Event{At: now, ID: config, Kind: apply.Started})
	p.tick(now)
	b.Reset()
	ServerWarning(p, "v1 is old")
	if b.Len() > 0 {
		t.Errorf("written into the table: %q", b.String())
	}
	p.tick(now.Add(time.Second))
	if got := b.String(); !strings.HasPrefix(got, "\x1b[2A\r\x1b[Jwarning: the server says: v1 is old\n   1s  ConfigMap/front-config") {
		t.Errorf("%q", got)
	}
	p.Stop()
	b.Reset()
	SlowRetry(p, 4500*time.Millisecond, errors.New("connecting to https://prod: connection refused"))
	if got := b.String(); got != "retrying for 4s: connecting to https://prod: connection refused\n" {
		t.Errorf("after the end: %q", got)
	}
}
