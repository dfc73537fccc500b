package cluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

// process is one component.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser // open for as long as the component may live
	killed atomic.Bool
	gone   chan struct{}
}

// startProcess runs this binary again with args, its output going to the component's log. It calls died, from another goroutine, if the
// process ends other than by kill.
func startProcess(name string, args []string, dir datadir.Dir, listener *os.File, died func(error)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	log, err := os.OpenFile(dir.Log(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()
	p := &process{cmd: exec.Command(self, args...), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, string(dir)
	p.cmd.SysProcAttr = DieWithParent()
	p.cmd.SysProcAttr.Setpgid = true // Ctrl-C is not for them
	if listener != nil {
		p.cmd.ExtraFiles = []*os.File{listener}
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait()
		if !p.killed.Load() {
			died(fmt.Errorf("%s ended: %s%s", name, p.cmd.ProcessState, lastLines(dir.Log(name))))
		}
	}()
	return p, nil
}

func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill()
}

// lastLines returns the end of a log as an annex to an error.
func lastLines(path string) string {
	const count, size = 8, 8 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > size {
		_, _ = f.Seek(-size, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	lines = lines[max(0, len(lines)-count):]
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}
