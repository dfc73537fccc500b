package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upstream is an API server that answers every request with its path, and a
// watch with two lines, the second only after next is closed.
func upstream(t *testing.T, asked *atomic.Int64, next chan struct{}) *Upstream {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Query().Get("watch") != "" {
			_, _ = fmt.Fprintln(w, "one")
			w.(http.Flusher).Flush()
			<-next
			_, _ = fmt.Fprintln(w, "two")
			return
		}
		_, _ = fmt.Fprint(w, r.Proto, r.URL.Path)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	up, err := NewUpstream(s.URL, &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// start returns a proxy and a client that may come in.
func start(t *testing.T, up *Upstream, o Options) (*Proxy, *http.Client) {
	t.Helper()
	p, err := Start(up, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	pair, err := tls.X509KeyPair(p.identity.clientCert, p.identity.clientPK)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(p.identity.caPEM)
	c := &http.Client{Transport: transport(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}})}
	t.Cleanup(c.CloseIdleConnections)
	return p, c
}

func ask(c *http.Client, method, url string) (int, string, error) {
	r, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	a, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	return a.StatusCode, string(body), err
}

func TestRequestsArePassedOnOverHTTP2AndRecorded(t *testing.T) {
	var asked atomic.Int64
	p, c := start(t, upstream(t, &asked, nil), Options{})
	status, body, err := ask(c, "PATCH", p.URL()+"/api/v1/namespaces/a/secrets/belay.x?dryRun=All")
	if err != nil || status != 200 || body != "HTTP/2.0/api/v1/namespaces/a/secrets/belay.x" {
		t.Fatalf("got %d %q, %v", status, body, err)
	}
	want := Requests{{
		Seq: 1, Method: "PATCH", Path: "/api/v1/namespaces/a/secrets/belay.x", Query: "dryRun=All",
		UserAgent: "Go-http-client/2.0", DryRun: true, Passed: true, Status: 200,
	}}
	if d := cmp.Diff(want, p.Requests()); d != "" {
		t.Error(d)
	}
}

func TestWhoHasNoCertificateStaysOutside(t *testing.T) {
	var asked atomic.Int64
	p, _ := start(t, upstream(t, &asked, nil), Options{})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(p.identity.caPEM)
	stranger := &http.Client{Transport: transport(&tls.Config{RootCAs: pool})}
	if _, _, err := ask(stranger, "GET", p.URL()+"/api"); err == nil {
		t.Error("a client without a certificate was let in")
	}
	if asked.Load() != 0 {
		t.Error("its request was passed on")
	}
}

func TestOnlyWhatMayChangeSomethingIsMutating(t *testing.T) {
	for _, c := range []struct {
		request Request
		want    bool
	}{
		{Request{Method: "GET", Path: "/api/v1/pods"}, false},
		{Request{Method: "PATCH", Path: "/api/v1/namespaces/a/services/b", DryRun: true}, false},
		{Request{Method: "POST", Path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}, false},
		{Request{Method: "POST", Path: "/api/v1/namespaces/a/secrets"}, true},
		{Request{Method: "PATCH", Path: "/api/v1/namespaces/a/services/b"}, true},
		{Request{Method: "DELETE", Path: "/api/v1/namespaces/a/services/b"}, true},
	} {
		if got := c.request.Mutating(); got != c.want {
			t.Errorf("%v: mutating is %v", c.request, got)
		}
	}
}

func TestAWatchIsFlushedEventByEvent(t *testing.T) {
	var asked atomic.Int64
	next := make(chan struct{})
	p, c := start(t, upstream(t, &asked, next), Options{})
	a, err := c.Get(p.URL() + "/api/v1/pods?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	lines := bufio.NewScanner(a.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Fatalf("got %q, %v before the second event was sent", lines.Text(), lines.Err())
	}
	close(next)
	if !lines.Scan() || lines.Text() != "two" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	if !p.Requests()[0].Watch {
		t.Error("the watch was not recorded as one")
	}
}

func TestARuleAnswersInTheServersStead(t *testing.T) {
	var asked atomic.Int64
	p, c := start(t, upstream(t, &asked, nil), Options{Rules: []Rule{{
		Match: func(r Request) bool { return r.Method == "PATCH" }, Status: 429, Times: 1,
	}}})
	for i, want := range []int{429, 200} {
		status, _, err := ask(c, "PATCH", p.URL()+"/x")
		if err != nil || status != want {
			t.Errorf("request %d: got %d, %v", i+1, status, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the API server was asked %d times", asked.Load())
	}
}

func TestACutIsNeverPassedOnAndASwallowedAnswerIs(t *testing.T) {
	for _, c := range []struct {
		name string
		rule Rule
		want int64
	}{
		{"cut", Rule{Cut: true}, 0},
		{"swallowed", Rule{Swallow: true}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			p, client := start(t, upstream(t, &asked, nil), Options{Rules: []Rule{c.rule}})
			if _, _, err := ask(client, "PATCH", p.URL()+"/x"); err == nil {
				t.Error("the client got an answer")
			}
			if asked.Load() != c.want {
				t.Errorf("the API server was asked %d times, want %d", asked.Load(), c.want)
			}
		})
	}
}

func TestHooksStopTheRequestOrTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want int64
	}{
		{"before", Options{Before: func(r Request) bool { return r.Seq != 2 }}, 1},
		{"after", Options{After: func(r Request) bool { return r.Seq != 2 }}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			p, client := start(t, upstream(t, &asked, nil), c.o)
			if _, _, err := ask(client, "PATCH", p.URL()+"/1"); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ask(client, "PATCH", p.URL()+"/2"); err == nil {
				t.Error("the second request was answered")
			}
			if asked.Load() != c.want {
				t.Errorf("the API server was asked %d times, want %d", asked.Load(), c.want)
			}
		})
	}
}

func TestTheSameSeedMakesTheSameDecisions(t *testing.T) {
	decide := func(seed uint64) (hits []bool) {
		d := newDice([]Rule{{Probability: 0.5, Status: 500}}, seed)
		for range 64 {
			_, hit := d.pick(Request{}, func(Rule) bool { return true })
			hits = append(hits, hit)
		}
		return hits
	}
	if d := cmp.Diff(decide(7), decide(7)); d != "" {
		t.Error(d)
	}
	if cmp.Equal(decide(7), decide(8)) {
		t.Error("two seeds made the same 64 decisions")
	}
}
