package cmd

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/belay-sh/belay/internal/report"
)

// env is all that commands know of the process around them. Nothing touches a
// cluster before connect is called.
type env struct {
	stdin          io.Reader
	stdout, stderr *pipeWriter
	lookupEnv      func(string) (string, bool)
	now            func() time.Time

	stdinTerminal, stdoutTerminal, stderrTerminal bool
	// size is the width and height of the terminal behind stderr; ok is false
	// where there is none.
	size func() (width, height int, ok bool)

	// program is how people call us: "belay" or "kubectl belay".
	program string
	// color is --color: auto, always or never.
	color string
	// stopping is closed at the first signal; nil never is.
	stopping <-chan struct{}

	// answered is true once stdout holds an answer: no other document follows.
	answered bool
	// targetSaid is true once a command that only reads has said what it reads.
	targetSaid bool

	flags kubeFlags
	conn  *connection
}

func processEnv(streams genericiooptions.IOStreams) *env {
	stderrFd := int(os.Stderr.Fd())
	return &env{
		stdin:          streams.In,
		stdout:         &pipeWriter{w: streams.Out},
		stderr:         &pipeWriter{w: streams.ErrOut},
		lookupEnv:      os.LookupEnv,
		now:            time.Now,
		stdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		stdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		stderrTerminal: term.IsTerminal(stderrFd),
		size: func() (int, int, bool) {
			width, height, err := term.GetSize(stderrFd)
			return width, height, err == nil
		},
	}
}

// pipeWriter drops what is written after the reader went away, so that a
// closed pipe never stops a run. Any other error is kept for the end.
type pipeWriter struct {
	w      io.Writer
	mu     sync.Mutex
	closed bool
	err    error
}

func (p *pipeWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return len(b), nil
	}
	n, err := p.w.Write(b)
	if err == nil {
		return n, nil
	}
	p.closed = true
	if !errors.Is(err, syscall.EPIPE) {
		p.err = err
	}
	return len(b), nil
}

// broken says that what was written did not all get through.
func (p *pipeWriter) broken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// outputErr is the error that writing to stdout met, a closed pipe aside.
func (e *env) outputErr() error {
	e.stdout.mu.Lock()
	defer e.stdout.mu.Unlock()
	if e.stdout.err == nil {
		return nil
	}
	return &failure{code: exitError, message: "writing the output: " + e.stdout.err.Error(), cause: e.stdout.err}
}

// getenv returns a variable of the environment, or "".
func (e *env) getenv(name string) string {
	value, _ := e.lookupEnv(name)
	return value
}

// addGlobalFlags declares kubectl's own flags, and --color.
func (e *env) addGlobalFlags(fs *pflag.FlagSet) {
	e.flags.add(fs)
	fs.StringVar(&e.color, "color", "auto", "when to use colour: auto, always or never")
}

// colorFor says whether output to a stream is coloured.
func (e *env) colorFor(terminal bool) bool {
	switch e.color {
	case "always":
		return true
	case "never":
		return false
	default:
		return terminal && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
	}
}

// namespaceFlag is -n, or "".
func (e *env) namespaceFlag() string { return e.flags.Context.Namespace }

// hintFlags are what commands in hints carry, so that they work when pasted.
func (e *env) hintFlags(namespace string) report.Flags {
	return report.Flags{
		Program:    e.program,
		Namespace:  namespace,
		Context:    e.flags.CurrentContext,
		Kubeconfig: e.flags.kubeconfig,
	}
}
