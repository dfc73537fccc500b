package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/belay-sh/belay/internal/e2e/proxy"
)

// cluster is what all tests share: the binary under test and an API server.
type cluster struct {
	root  string // of the repository
	belay string // the binary under test
	// kubeconfig is a file with the administrator's way past all proxies.
	kubeconfig string
	up         *proxy.Upstream
	api        *API
	stop       func()
}

var (
	shared      *cluster
	errShared   error
	startShared sync.Once
)

// theCluster starts what all tests share, when the first one asks.
func theCluster(t testing.TB) *cluster {
	t.Helper()
	startShared.Do(func() { shared, errShared = startCluster() })
	if errShared != nil {
		t.Fatalf("no cluster to test on: %v", errShared)
	}
	return shared
}

// Main runs tests and ends the cluster after them.
func Main(m *testing.M) int {
	defer func() {
		if shared != nil {
			shared.stop()
		}
	}()
	return m.Run()
}

func startCluster() (*cluster, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "belay-e2e-")
	if err != nil {
		return nil, err
	}
	c := &cluster{root: root, belay: filepath.Join(dir, "belay")}
	c.stop = func() { _ = os.RemoveAll(dir) }
	if err := c.start(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// lookAtSources opens every folder of the repository. go test remembers results
// until a file that the tests opened changes; what they build is not such a file.
func lookAtSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "bin" || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		return err
	})
}

func (c *cluster) start() error {
	if err := lookAtSources(c.root); err != nil {
		return err
	}
	build := append([]string{"build", "-o", c.belay}, raceFlags...)
	if err := run(c.root, "go", append(build, "./cmd/belay")...); err != nil {
		return err
	}
	var err error
	if c.kubeconfig, err = c.control(); err != nil {
		return err
	}
	if c.up, err = proxy.FromKubeconfig(c.kubeconfig); err != nil {
		return err
	}
	c.api = &API{up: c.up}
	return nil
}

// control gives the kubeconfig of a control plane: the one that
// BELAY_TEST_KUBECONFIG names, or a playground of its own.
func (c *cluster) control() (string, error) {
	if path := os.Getenv("BELAY_TEST_KUBECONFIG"); path != "" {
		return path, nil
	}
	if err := run(c.root, "make", "--silent", "playground"); err != nil {
		return "", err
	}
	return c.playground()
}

// playground starts a control plane that lives as long as the command below,
// which lives as long as this process holds its stdin.
func (c *cluster) playground() (string, error) {
	cmd := exec.Command(filepath.Join(c.root, "bin", "playground"), "run", "--", "sh", "-c", `echo "$KUBECONFIG"; exec cat`)
	cmd.Stderr = os.Stderr
	hold, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("starting the playground: %w", err)
	}
	clean := c.stop
	c.stop = func() {
		_ = hold.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // its end says nothing about the tests
		clean()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("starting the playground: it ended before it was ready: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// repository finds the root of the checkout.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		// Modules of tests have a go.mod of their own, below.
		if _, err := os.Stat(filepath.Join(dir, "cmd", "belay")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the repository: no cmd/belay above the working directory")
		}
		dir = parent
	}
}

// run runs a command, with its output where a person can follow it.
func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
