package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// Run says how belay is run.
type Run struct {
	// Args are the command line, without the program.
	Args []string
	// Stdin is what it reads, Vars are further environment variables.
	Stdin string
	Vars  []string
	// Rules are what goes wrong between it and the API server; Seed is of their dice.
	Rules []proxy.Rule
	Seed  uint64
	// Signal, if given, is sent to it at a request.
	Signal *Signal
	// Before is called for every request before it is passed on, from any goroutine.
	Before func(proxy.Request)
	// Started is told the process that runs it.
	Started func(*os.Process)
	// Unchecked leaves out the runs that check what must hold after an apply.
	Unchecked bool
	// Server replaces the proxy's address in the kubeconfig.
	Server string
}

// Signal says which signal is sent to belay, and when.
type Signal struct {
	Signal syscall.Signal
	// At counts requests from 1; those that Match says no to are not counted.
	At    int
	Match func(proxy.Request) bool
	// After sends it when the API server has answered the request, before belay
	// hears of it; otherwise before the request is passed on.
	After bool
}

// Result is how a run ended.
type Result struct {
	Args           []string
	Stdout, Stderr string
	// Exit is the exit code; -1 when a signal ended it.
	Exit int
	// Requests are all that it sent.
	Requests proxy.Requests
	// Signaled is true when Run.Signal was sent; After is how long it lived then.
	Signaled bool
	After    time.Duration
	// Took is how long it lived, CPU how much of that it computed, and Memory the
	// most bytes that it had.
	Took, CPU time.Duration
	Memory    int
}

// String shows everything about a run, for failures.
func (r *Result) String() string {
	return "belay " + strings.Join(r.Args, " ") + "\nexit " + strconv.Itoa(r.Exit) +
		"\nstdout:\n" + r.Stdout + "\nstderr:\n" + r.Stderr + "\nrequests:\n" + r.Requests.String()
}

// Belay runs belay and checks what must always hold.
func (e *Env) Belay(args ...string) *Result {
	e.t.Helper()
	return e.Run(Run{Args: args})
}

// Must runs belay, which must end with the exit code.
func (e *Env) Must(exit int, args ...string) *Result {
	e.t.Helper()
	r := e.Belay(args...)
	if r.Exit != exit {
		e.t.Fatalf("want exit %d, got\n%v", exit, r)
	}
	return r
}

// Run runs belay as told and checks what must always hold.
func (e *Env) Run(run Run) *Result {
	e.t.Helper()
	r := e.start(run)
	e.check(run, r)
	return r
}

// start runs belay to its end.
func (e *Env) start(run Run) *Result {
	e.t.Helper()
	p := &process{signal: run.Signal, told: run.Started, started: make(chan struct{}), ended: make(chan struct{})}
	listener, err := e.listener()
	if err != nil {
		e.t.Fatal(err)
	}
	px, err := proxy.Start(e.c.up, proxy.Options{
		Rules: run.Rules, Seed: run.Seed, Listener: listener,
		Before: func(r proxy.Request) bool {
			if run.Before != nil {
				run.Before(r)
			}
			return p.request(r, false)
		},
		After: func(r proxy.Request) bool { return p.request(r, true) },
	})
	if err != nil {
		e.t.Fatal(err)
	}
	defer px.Close()

	kubeconfig := px.Kubeconfig(e.NS)
	if run.Server != "" {
		kubeconfig = bytes.ReplaceAll(kubeconfig, []byte(px.URL()), []byte(run.Server))
	}
	path := filepath.Join(e.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		e.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	p.cmd = exec.Command(e.c.belay, run.Args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = e.c.root, &stdout, &stderr
	p.cmd.Stdin = strings.NewReader(run.Stdin)
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + e.home, "KUBECONFIG=" + path, "TZ=UTC", "USER=tester",
		"GORACE=atexit_sleep_ms=0", // else each run under the race detector ends a second late
	}, run.Vars...)
	began := time.Now()
	err = p.run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		e.t.Fatalf("running belay: %v", err)
	}
	r := &Result{
		Args: run.Args, Stdout: stdout.String(), Stderr: stderr.String(),
		Exit: p.cmd.ProcessState.ExitCode(), Requests: px.Requests(), Took: p.endedAt.Sub(began),
		CPU: p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(),
	}
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = int(usage.Maxrss) << 10 // Linux counts in KiB
	}
	if sent := p.sentAt(); !sent.IsZero() {
		r.Signaled, r.After = true, p.endedAt.Sub(sent)
	}
	return r
}

// process is a running belay that gets a signal at a request.
type process struct {
	cmd     *exec.Cmd
	signal  *Signal
	told    func(*os.Process)
	started chan struct{}
	ended   chan struct{}
	endedAt time.Time

	mu    sync.Mutex
	count map[int]bool // requests counted, by number
	sent  time.Time
}

func (p *process) run() error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if p.told != nil {
		p.told(p.cmd.Process)
	}
	close(p.started)
	err := p.cmd.Wait()
	p.endedAt = time.Now()
	close(p.ended)
	return err
}

// request is called for every request, before it is passed on and after it is
// answered. False drops it: whoever sent it is dead.
func (p *process) request(r proxy.Request, after bool) bool {
	if p.signal == nil || !p.due(r, after) {
		return true
	}
	<-p.started
	if err := p.cmd.Process.Signal(p.signal.Signal); err != nil {
		return true // it has ended by itself
	}
	if p.signal.Signal != syscall.SIGKILL {
		return true
	}
	<-p.ended
	return false
}

// due counts a request and says whether the signal is to be sent now.
func (p *process) due(r proxy.Request, after bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signal.Match != nil && !p.signal.Match(r) {
		return false
	}
	if p.count == nil {
		p.count = map[int]bool{}
	}
	if !after {
		p.count[r.Seq] = len(p.count)+1 == p.signal.At
	}
	if !p.count[r.Seq] || after != p.signal.After || !p.sent.IsZero() {
		return false
	}
	p.sent = time.Now()
	return true
}

func (p *process) sentAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// verb is the command of a command line.
func verb(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// has says whether a command line has a flag.
func has(args []string, flags ...string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return slices.Contains(flags, name)
	})
}
