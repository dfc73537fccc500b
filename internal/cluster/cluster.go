// Package cluster talks to a Kubernetes API server: one file for each family of
// verbs, retries in one table. It is the only package that imports client-go,
// and takes just its connections and credentials from there. Its Client
// satisfies the small interfaces that diff, apply, rollout and release declare;
// it knows none of them. Errors of the server keep their apierrors types, those
// about Secrets carry no values.
package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// dialTimeout bounds the making of a connection: a black hole must be told
	// from a slow server before people lose their patience.
	dialTimeout = 10 * time.Second
	// answerTimeout bounds one try of a request that is not a watch. The server
	// ends its own work after 60 s.
	answerTimeout = 65 * time.Second
	// parallel bounds the requests that one call sends at once.
	parallel = 32
)

// Client asks and changes one API server. It throttles nothing, and may be used
// by many goroutines. Its callbacks must be set before its first use; they are
// called concurrently.
type Client struct {
	// OnRequest is told of every answer, for -vv.
	OnRequest func(Request)
	// OnRetry is told before a request is sent again.
	OnRetry func(Retry)
	// OnWarning is told the server's warnings: deprecated versions and the like.
	OnWarning func(text string)
	// CacheDir is where it is remembered what servers serve, a file each; empty
	// means nowhere. It must be set before the first use.
	CacheDir string

	cacheName string

	http    *http.Client
	base    *url.URL
	timeout time.Duration
	// answered is set by the first answer of any kind: until then the server may
	// not exist, and is not waited for.
	answered  atomic.Bool
	discovery discovery
	version   atomic.Pointer[string] // the server's, once it said so
}

// Request is one try of a request, without its body.
type Request struct {
	Method string
	// Path is the path and query.
	Path string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	Took   time.Duration
	Err    error
}

// New makes a client; it sends no request.
func New(cfg *rest.Config) (*Client, error) {
	cfg = rest.CopyConfig(cfg)
	timeout := cfg.Timeout
	// A timeout of the HTTP client would end watches too.
	cfg.Timeout = 0
	if timeout <= 0 {
		timeout = answerTimeout
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "belay"
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("reading the server's address %q: %w", cfg.Host, err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing to connect to %s: %w", base, err)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &Client{cacheName: cacheName(base.String(), cfg), http: client, base: base, timeout: timeout, discovery: newDiscovery()}, nil
}

// Server returns the server's address: https://prod.example:6443.
func (c *Client) Server() string { return c.base.String() }

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
