// Package component runs one part of a playground's control plane in the process it is called in. The supervisor starts each part as a
// process of its own, because they share global state (flags, logging, feature gates) when linked together, and because one that dies can
// then be told from the others. A part finds its files in the data directory and its listener, already bound, as file descriptor 3; it
// ends when its standard input does, so that none outlives the supervisor.
package component

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

// Options are what a part is run with.
type Options struct {
	Dir   datadir.Dir
	Nodes int
}

// parts are all there are.
var parts = map[string]func(context.Context, Options) error{
	"etcd":               runEtcd,
	"apiserver":          runAPIServer,
	"controller-manager": runControllerManager,
	"scheduler":          runScheduler,
	"nodes":              runNodes,
}

// gcPercent is how much a part's heap may grow before its garbage is collected. All that a playground holds is little: at Go's default of 100
// it is collected again and again while somebody deploys, on processors that are few and wanted. GOGC overrides it.
const gcPercent = 200

// Run runs a part until it fails or standard input ends.
func Run(ctx context.Context, name string, opts Options) error {
	run, ok := parts[name]
	if !ok {
		return fmt.Errorf("no component is called %q", name)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := setVersion(); err != nil {
		return err
	}
	if err := run(ctx, opts); err != nil {
		return fmt.Errorf("running %s: %w", name, err)
	}
	return fmt.Errorf("running %s: it ended by itself", name)
}

// listener is the socket that the supervisor has bound for this part.
func listener() (net.Listener, error) {
	f := os.NewFile(3, "listener")
	defer func() { _ = f.Close() }()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("taking over the listener: %w", err)
	}
	return l, nil
}

// parse sets a part's options from flags, which is the one form that all of them can be set in.
func parse(name string, sets cliflag.NamedFlagSets, flags map[string]string) error {
	all := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	for flag, value := range flags {
		if err := all.Set(flag, value); err != nil {
			return fmt.Errorf("setting --%s: %w", flag, err)
		}
	}
	return nil
}

// awaitAPIServer returns once the API server answers.
func awaitAPIServer(ctx context.Context, kubeconfig string) (*rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return cfg, await(ctx, client, cfg.Host+"/readyz")
}

// await polls a URL until it answers 200.
func await(ctx context.Context, client *http.Client, url string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", url, err)
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// serverTLS is how a part of ours serves: to clients of the playground's authority only.
func serverTLS(dir datadir.Dir) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(dir.Cert("server"), dir.Key("server"))
	if err != nil {
		return nil, fmt.Errorf("reading server certificate: %w", err)
	}
	ca, err := os.ReadFile(dir.Cert("ca"))
	if err != nil {
		return nil, fmt.Errorf("reading CA certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}, nil
}

// Version is the Kubernetes release that is linked in, such as v1.36.3.
func Version() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("reading build information: there is none")
	}
	for _, dep := range info.Deps {
		if dep.Path == "k8s.io/kubernetes" && strings.HasPrefix(dep.Version, "v1.") {
			return dep.Version, nil
		}
	}
	return "", errors.New("reading build information: it has no version of k8s.io/kubernetes")
}
