package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/belay-sh/belay/internal/object"
)

func TestRetries(t *testing.T) {
	const webhook = `Internal error occurred: failed calling webhook "a.example": no endpoints available for service "a"`
	for _, test := range []struct {
		name   string
		code   int
		reason string
		text   string
		want   int64 // requests until it gives up or the second answer is read
	}{
		{"too many requests is tried again", 429, "TooManyRequests", "slow down", 2},
		{"unavailable is tried again", 503, "ServiceUnavailable", "no", 2},
		{"a gateway without a server is tried again", 502, "", "", 2},
		{"a webhook that is not up is tried again", 500, "InternalError", webhook, 2},
		{"a change of etcd's leader is tried again", 500, "InternalError", "etcdserver: leader changed", 2},
		{"a server's time-out is tried again", 500, "ServerTimeout", "try later", 2},
		{"an error without reason is final", 500, "", "failed to create typed patch object", 1},
		{"an internal error that nobody knows is final", 500, "InternalError", "boom", 1},
		{"forbidden is final", 403, "Forbidden", "no", 1},
		{"invalid is final", 422, "Invalid", "no", 1},
		{"a conflict is the caller's", 409, "Conflict", "modified", 1},
		{"not found is final", 404, "NotFound", "no", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var first atomic.Bool
			c, count := server(t, func(w http.ResponseWriter, r *http.Request) {
				if first.CompareAndSwap(false, true) {
					answerStatus(w, test.code, test.reason, test.text)
					return
				}
				_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"ConfigMap"}`)
			})
			var told atomic.Int64
			c.OnRetry = func(Retry) { told.Add(1) }
			_, _, err := c.Apply(t.Context(), configMaps, configMap("a"), object.ApplyOptions{Manager: "m"})
			if (err == nil) != (test.want == 2) {
				t.Errorf("error %v", err)
			}
			if got := count.Load(); got != test.want {
				t.Errorf("%d requests, want %d", got, test.want)
			}
			if told.Load() != test.want-1 {
				t.Errorf("%d retries told, want %d", told.Load(), test.want-1)
			}
		})
	}
}

func TestBudgetsEnd(t *testing.T) {
	start := time.Now()
	for _, f := range []failure{
		{unreachable: true, lost: true}, {lost: true}, {code: 429}, {code: 503},
		{code: 500, reason: "InternalError", message: "failed calling webhook"},
		{code: 500, reason: "ServerTimeout"}, {hopeless: true}, {code: 418},
	} {
		for _, writes := range []bool{false, true} {
			var s spending
			now, tries := start, 0
			for ; tries < 10000; tries++ {
				wait, again := s.next(now, f, writes)
				if !again {
					break
				}
				now = now.Add(wait)
			}
			if took := now.Sub(start); took > time.Minute || tries > 500 {
				t.Errorf("%+v is tried %d times for %s", f, tries, took)
			}
		}
	}
}

func TestTheServerSaysHowLongToWait(t *testing.T) {
	var s spending
	wait, again := s.next(time.Now(), failure{code: 429, after: 7 * time.Second}, true)
	if !again || wait < 7*time.Second {
		t.Errorf("waits %s, %v", wait, again)
	}
}

func TestAnUnreachableServerIsNotWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	l.Close()
	c, err := New(&rest.Config{Host: "http://" + host})
	if err != nil {
		t.Fatal(err)
	}
	tries := 1
	c.OnRetry = func(Retry) { tries++ }
	_, err = c.Version(t.Context())
	if want := "connecting to http://" + host + ": connection refused"; err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if tries != 3 {
		t.Errorf("%d tries, want 3", tries)
	}
}

func TestAWrongCertificateIsTriedOnce(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c, err := New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	c.OnRetry = func(r Retry) { t.Errorf("retried: %v", r.Err) }
	if _, err := c.Version(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("error %v", err)
	}
}

func TestALostAnswerOfAnApplyIsAskedForAgain(t *testing.T) {
	var n atomic.Int64
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","generation":3}}`)
	})
	for range 2 {
		live, created, err := c.Apply(t.Context(), configMaps, configMap("a"), object.ApplyOptions{Manager: "m"})
		if err != nil || created || live.GetGeneration() != 3 {
			t.Fatalf("%v, created %v, %v", live, created, err)
		}
	}
	if n.Load() != 3 {
		t.Errorf("%d requests, want 3", n.Load())
	}
}

func TestAServerThatRestartsIsWaitedFor(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			_, _ = io.WriteString(w, `{"gitVersion":"v1.36.3"}`)
			return
		}
		fmt.Fprintf(w, `{"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"%s1"}}}`+"\n", r.URL.Query().Get("resourceVersion"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	first := httptest.NewServer(handler)
	var address atomic.Value // of the server that runs; its old port may become somebody else's
	address.Store(first.Listener.Addr().String())
	c, err := New(&rest.Config{Host: "http://api.test", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address.Load().(string))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Version(t.Context()); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	restart := func() {
		first.CloseClientConnections()
		first.Close()
		time.AfterFunc(300*time.Millisecond, func() {
			second := httptest.NewServer(handler)
			t.Cleanup(second.Close)
			address.Store(second.Listener.Addr().String())
		})
	}
	err = c.Watch(t.Context(), configMaps, "shop", "", "1", func(e object.Event) error {
		if e.Object.GetResourceVersion() == "11" {
			go restart()
			return nil
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	if v, err := c.Version(t.Context()); v != "v1.36.3" || err != nil {
		t.Error(v, err)
	}
}

func TestWhoHasASayInRequestsThatAreSentAgainIsAsked(t *testing.T) {
	var tries atomic.Int64
	c, count := server(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) < 3 {
			answerStatus(w, 429, "TooManyRequests", "slow down")
			return
		}
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"ConfigMap"}`)
	})
	var told []string
	asked := 0
	stop := errors.New("stop")
	ctx := object.WithResending(t.Context(), object.Resending{
		Told: func(cause error) { told = append(told, fmt.Sprint(cause)) },
		May: func() error {
			if asked++; asked > 2 {
				return stop
			}
			return nil
		},
	})
	if _, _, err := c.Apply(ctx, configMaps, configMap("a"), object.ApplyOptions{Manager: "m"}); err != nil {
		t.Fatal(err)
	}
	if len(told) != 3 || !strings.Contains(told[0], "slow down") || told[2] != "<nil>" || asked != 2 {
		t.Errorf("told %q, asked %d times", told, asked)
	}
	tries.Store(1) // one more failure: it is asked, and says no
	if _, _, err := c.Apply(ctx, configMaps, configMap("a"), object.ApplyOptions{Manager: "m"}); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if got := count.Load(); got != 4 {
		t.Errorf("%d requests, want 4", got)
	}
	tries.Store(1) // a read may always
	if _, err := c.Get(ctx, configMaps, "shop", "a"); err != nil {
		t.Error(err)
	}
}
