// Package proxy stands between a client and a Kubernetes API server in tests: it
// records every request, and on demand delays, refuses or cuts them, or calls
// the test at the k-th request, so that the client can be killed just there and
// the product needs no failpoints. It knows HTTP and Kubernetes' URLs, nothing
// of belay; internal/e2e starts one for every run of the binary.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Options say what a proxy does besides passing requests on.
type Options struct {
	// Rules are tried in order for every request; the first that applies is used.
	Rules []Rule
	// Listener is where to listen, and is closed with the proxy; nil is any free port.
	Listener net.Listener
	// Seed is of the dice that rules with a Probability throw.
	Seed uint64
	// Before is called when a request has arrived, before it is passed on; After
	// when the API server has answered, before the client hears of it. Both may be
	// called concurrently, and may block: the request waits. A false answer drops
	// the request, or the answer, and cuts the client's connection.
	Before, After func(Request) bool
}

// Proxy is one listener in front of an API server.
type Proxy struct {
	up       *Upstream
	options  Options
	server   *http.Server
	listener net.Listener
	identity *identity
	rules    *dice

	mu       sync.Mutex
	requests []*Request
	conns    map[net.Conn]bool
}

type connKey struct{}

type requestKey struct{}

// Start listens, as the options say or on a free port of the loopback address, and
// passes on to up. Close must be called.
func Start(up *Upstream, o Options) (*Proxy, error) {
	id := up.identity
	l := o.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	p := &Proxy{
		up: up, options: o, listener: l, identity: id,
		rules: newDice(o.Rules, o.Seed), conns: map[net.Conn]bool{},
	}
	p.server = &http.Server{
		Handler:           p.handler(),
		TLSConfig:         id.serverConfig(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // killed clients are what this is for
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: p.track,
	}
	go func() { _ = p.server.ServeTLS(l, "", "") }() // ends with Close
	return p, nil
}

// URL is where clients find the proxy.
func (p *Proxy) URL() string { return "https://" + p.listener.Addr().String() }

// Close cuts all connections and stops listening.
func (p *Proxy) Close() { _ = p.server.Close() }

// Requests returns what was asked so far, in order of arrival.
func (p *Proxy) Requests() Requests {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(Requests, len(p.requests))
	for i, r := range p.requests {
		all[i] = *r
	}
	return all
}

// Cut closes every connection that clients have to the proxy.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) track(c net.Conn, s http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s {
	case http.StateNew:
		p.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(p.conns, c)
	}
}

func (p *Proxy) handler() http.Handler {
	pass := &httputil.ReverseProxy{
		FlushInterval: -1, // watches stream
		Transport:     p.up,
		ErrorLog:      log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(p.up.url)
			r.Out.Host = p.up.url.Host
		},
		ModifyResponse: func(a *http.Response) error {
			seen, _ := a.Request.Context().Value(requestKey{}).(*Request)
			return p.answered(seen, a.StatusCode)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, errDropped) {
				seen, _ := r.Context().Value(requestKey{}).(*Request)
				p.note(seen, func(r *Request) { r.Injected = "upstream: " + err.Error() })
			}
			cut(r)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := p.arrived(r)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, seen))
		if before := p.options.Before; before != nil && !before(p.copy(seen)) {
			p.note(seen, func(r *Request) { r.Injected = "dropped" })
			cut(r)
		}
		if p.inject(w, r, seen) {
			return
		}
		p.note(seen, func(r *Request) { r.Passed = true })
		pass.ServeHTTP(w, r)
	})
}

// errDropped is the answer that the test did not want to be heard.
var errDropped = errors.New("answer dropped")

func (p *Proxy) answered(seen *Request, status int) error {
	p.note(seen, func(r *Request) { r.Status = status })
	if after := p.options.After; after != nil && !after(p.copy(seen)) {
		p.note(seen, func(r *Request) { r.Injected = "answer dropped" })
		return errDropped
	}
	if rule := p.rules.swallow(p.copy(seen)); rule {
		p.note(seen, func(r *Request) { r.Injected = "answer cut" })
		return errDropped
	}
	return nil
}

func (p *Proxy) arrived(r *http.Request) *Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := newRequest(len(p.requests)+1, r)
	p.requests = append(p.requests, seen)
	return seen
}

func (p *Proxy) note(r *Request, change func(*Request)) {
	if r == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change(r)
}

func (p *Proxy) copy(r *Request) Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *r
}

// cut closes the connection that a request came over, and with it every other
// request on it: what a client sees when a machine in between dies.
func cut(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		_ = c.Close()
	}
	panic(http.ErrAbortHandler)
}

// Upstream is the API server that proxies pass requests on to. It may be shared.
type Upstream struct {
	url *url.URL
	// own authenticates as the administrator; bare leaves that to the client's
	// token.
	own, bare http.RoundTripper
	// identity is that of all its proxies: they stand for one server.
	identity *identity
}

// NewUpstream takes an API server's address and a TLS configuration that trusts
// it and authenticates as an administrator.
func NewUpstream(server string, admin *tls.Config) (*Upstream, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	bare := admin.Clone()
	bare.Certificates, bare.GetClientCertificate = nil, nil
	id, err := newIdentity()
	if err != nil {
		return nil, fmt.Errorf("making the proxy's certificates: %w", err)
	}
	return &Upstream{url: u, own: transport(admin), bare: transport(bare), identity: id}, nil
}

// RoundTrip sends a request as the administrator, or with the client's own
// token where it brings one.
func (u *Upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		return u.bare.RoundTrip(r)
	}
	return u.own.RoundTrip(r)
}

// URL is the API server's address.
func (u *Upstream) URL() string { return u.url.String() }

func transport(c *tls.Config) http.RoundTripper {
	return &http.Transport{
		TLSClientConfig:     c,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true, // what the client asked for is passed on as it is
	}
}
