package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/belay-sh/belay/internal/object"
)

var (
	configMaps = object.Kind{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, Resource: "configmaps", Namespaced: true}
	secrets    = object.Kind{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, Resource: "secrets", Namespaced: true}
	namespaces = object.Kind{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, Resource: "namespaces"}
	deploys    = object.Kind{GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, Resource: "deployments", Namespaced: true}
)

// server answers by handler and counts requests.
func server(t *testing.T, handler http.HandlerFunc) (*Client, *atomic.Int64) {
	t.Helper()
	var count atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	c, err := New(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c, &count
}

func answerStatus(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)
}

func configMap(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": "shop"},
	}}
}

func TestPaths(t *testing.T) {
	for _, test := range []struct {
		k          object.Kind
		namespace  string
		name, want string
	}{
		{configMaps, "shop", "a", "/api/v1/namespaces/shop/configmaps/a"},
		{configMaps, "", "", "/api/v1/configmaps"},
		{namespaces, "", "shop", "/api/v1/namespaces/shop"},
		{namespaces, "shop", "shop", "/api/v1/namespaces/shop"},
		{deploys, "shop", "", "/apis/apps/v1/namespaces/shop/deployments"},
		{deploys, "shop", "system:a b", "/apis/apps/v1/namespaces/shop/deployments/system:a%20b"},
	} {
		if got := pathOf(test.k, test.namespace, test.name); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

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

func TestWhatAnApplySends(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("timeout")
		got := r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + q.Encode()
		want := "PATCH /api/v1/namespaces/shop/configmaps/a application/apply-patch+yaml dryRun=All&fieldManager=belay%2Fshop%2Fshop&fieldValidation=Ignore&force=true"
		if got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.Copy(w, r.Body)
	})
	body := configMap("a")
	got, created, err := c.DryRun(t.Context(), configMaps, body, object.ApplyOptions{Manager: "belay/shop/shop", Force: true})
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	if d := cmp.Diff(body.Object, got.Object); d != "" {
		t.Error(d)
	}
}

func TestErrorsAboutSecretsHoldNoValues(t *testing.T) {
	const typed = `failed to create typed patch object (shop/a; /v1, Kind=Secret): .stringData.password: expected string, got &value.valueUnstructured{Value:48151623}`
	for _, test := range []struct {
		name, reason, text, want string
		code                     int
	}{
		{"a schema error keeps its path", "", typed, "refused by the server: Internal Server Error: .stringData.password: expected string (its text is hidden, it may hold values)", 500},
		{"an admission error is hidden", "Forbidden", `admission webhook "x" denied the request: 48151623`, "refused by the server: Forbidden (its text is hidden, it may hold values)", 403},
		{"a missing right is said", "Forbidden", `secrets "a" is forbidden: User "ci" cannot patch resource "secrets"`, `secrets "a" is forbidden: User "ci" cannot patch resource "secrets"`, 403},
		{"plain text is dropped", "", "", "an error on the server (\"\") has prevented the request from succeeding (patch secrets)", 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.text == "" {
					http.Error(w, "48151623", test.code)
					return
				}
				answerStatus(w, test.code, test.reason, test.text)
			})
			_, _, err := c.DryRun(t.Context(), secrets, configMap("a"), object.ApplyOptions{})
			if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "48151623") {
				t.Fatalf("error %v", err)
			}
			if d := cmp.Diff(test.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCausesOfSecretErrorsKeepTheirFields(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(422)
		_, _ = io.WriteString(w, `{"kind":"Status","reason":"Invalid","message":"data[a]: 48151623","details":{"causes":[{"reason":"FieldValueInvalid","message":"48151623","field":"data[a]"}]}}`)
	})
	_, err := c.Create(t.Context(), secrets, configMap("a"))
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "data[a]: FieldValueInvalid") {
		t.Errorf("error %v", err)
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal("no status")
	}
	raw, _ := json.Marshal(status.Status())
	if strings.Contains(string(raw), "48151623") {
		t.Errorf("the status holds the value: %s", raw)
	}
}

func TestListsSayWhatTheirItemsAre(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("labelSelector"); got != "belay.sh/release=shop" {
			t.Errorf("selector %q", got)
		}
		_, _ = io.WriteString(w, `{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"},"spec":{"replicas":3}}]}`)
	})
	list, err := c.List(t.Context(), deploys, "shop", "belay.sh/release=shop")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"kind": "Deployment", "apiVersion": "apps/v1",
		"metadata": map[string]any{"name": "a"}, "spec": map[string]any{"replicas": int64(3)},
	}
	if d := cmp.Diff(want, list.Items[0].Object); d != "" || list.GetResourceVersion() != "7" {
		t.Error(list.GetResourceVersion(), d)
	}
}

func TestAccessIsAskedOncePerRight(t *testing.T) {
	c, count := server(t, func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Spec struct{ ResourceAttributes struct{ Verb string } }
		}
		_ = json.NewDecoder(r.Body).Decode(&review)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"status":{"allowed":%v}}`, review.Spec.ResourceAttributes.Verb == "get")
	})
	get, del := object.Access{Verb: "get", Resource: "pods"}, object.Access{Verb: "delete", Resource: "pods"}
	got, err := c.Can(t.Context(), []object.Access{get, del, get, get})
	if d := cmp.Diff([]bool{true, false, true, true}, got); err != nil || d != "" || count.Load() != 2 {
		t.Error(err, count.Load(), d)
	}
}

func TestSchemaKeys(t *testing.T) {
	const version = "v1.36.3"
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			_, _ = io.WriteString(w, `{"gitVersion":"`+version+`"}`)
			return
		}
		_, _ = io.WriteString(w, `{"paths":{"api":{"serverRelativeURL":"/openapi/v3/api?hash=X"},
			"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=A"},"apis/apps/v1":{"serverRelativeURL":"/openapi/v3/apis/apps/v1?hash=B"}}}`)
	})
	got, err := c.Schemas(t.Context())
	if d := cmp.Diff(map[string]string{"v1": "A v1.36.3", "apps/v1": "B v1.36.3"}, got); d != "" || err != nil {
		t.Error(err, d)
	}
}

const aggregated = `{"kind":"APIGroupDiscoveryList","items":[
 {"metadata":{"name":"apps"},"versions":[
  {"version":"v1","freshness":"Current","resources":[
   {"resource":"deployments","scope":"Namespaced","responseKind":{"group":"apps","version":"v1","kind":"Deployment"},"subresources":[{"subresource":"scale","responseKind":{"kind":"Scale"}}]}]},
  {"version":"v1beta1","freshness":"Current","resources":[
   {"resource":"deployments","scope":"Namespaced","responseKind":{"kind":"Deployment"}},
   {"resource":"olds","scope":"Cluster","responseKind":{"kind":"Old"}}]}]},
 {"metadata":{"name":"metrics.example"},"versions":[{"version":"v1","freshness":"Stale"}]}]}`

// discoveryServer serves aggregated discovery; later is what /apis/example.com
// serves once it is set.
func discoveryServer(t *testing.T, later *atomic.Bool) (*Client, *atomic.Int64) {
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api":
			_, _ = io.WriteString(w, `{"items":[{"metadata":{},"versions":[{"version":"v1","resources":[{"resource":"namespaces","scope":"Cluster","responseKind":{"kind":"Namespace"}}]}]}]}`)
		case r.URL.Path == "/apis":
			_, _ = io.WriteString(w, aggregated)
		case r.URL.Path == "/apis/metrics.example/v1":
			answerStatus(w, 403, "Forbidden", "not for you")
		case r.URL.Path == "/apis/example.com" && later.Load():
			_, _ = io.WriteString(w, `{"kind":"APIGroup","name":"example.com","versions":[{"groupVersion":"example.com/v1","version":"v1"}],"preferredVersion":{"version":"v1"}}`)
		case r.URL.Path == "/apis/example.com/v1" && later.Load():
			_, _ = io.WriteString(w, `{"resources":[{"name":"databases","namespaced":true,"kind":"Database"},{"name":"databases/status","namespaced":true,"kind":"Database"}]}`)
		default:
			http.NotFound(w, r)
		}
	})
}

func TestKindsAreFoundWithTwoRequests(t *testing.T) {
	c, count := discoveryServer(t, &atomic.Bool{})
	var group sync.WaitGroup
	for _, test := range []struct{ gk, version, want string }{
		{"Deployment.apps", "", "apps/v1/deployments"},
		{"Deployment.apps", "v1beta1", "apps/v1beta1/deployments"},
		{"Old.apps", "", "apps/v1beta1/olds"},
		{"Namespace", "", "/v1/namespaces"},
		{"Namespace", "v1", "/v1/namespaces"},
	} {
		group.Go(func() {
			k, err := c.Kind(t.Context(), schema.ParseGroupKind(test.gk), test.version)
			if got := k.Group + "/" + k.Version + "/" + k.Resource; err != nil || got != test.want {
				t.Errorf("%s: got %s, want %s; %v", test.gk, got, test.want, err)
			}
		})
	}
	group.Wait()
	if count.Load() != 2 {
		t.Errorf("%d requests, want 2", count.Load())
	}
}

func TestAMissingKindIsAskedForAgainOnce(t *testing.T) {
	var later atomic.Bool
	c, count := discoveryServer(t, &later)
	database := schema.GroupKind{Group: "example.com", Kind: "Database"}
	for range 20 {
		if _, err := c.Kind(t.Context(), database, "v1"); !meta.IsNoMatchError(err) {
			t.Fatalf("error %v", err)
		}
	}
	if count.Load() != 3 {
		t.Errorf("%d requests, want 3", count.Load())
	}
	later.Store(true)
	c.wrote(object.Kind{GroupVersionKind: schema.GroupVersionKind{Group: object.CRDKind.Group, Kind: object.CRDKind.Kind}})
	for _, version := range []string{"", "v1"} {
		k, err := c.Kind(t.Context(), database, version)
		if err != nil || k.Resource != "databases" || !k.Namespaced {
			t.Errorf("version %q: %+v, %v", version, k, err)
		}
	}
}

func TestAGroupThatFailsMattersOnlyWhenUsed(t *testing.T) {
	c, _ := discoveryServer(t, &atomic.Bool{})
	if _, err := c.Kind(t.Context(), schema.GroupKind{Group: "apps", Kind: "Deployment"}, ""); err != nil {
		t.Error(err)
	}
	if _, err := c.Kind(t.Context(), schema.GroupKind{Group: "metrics.example", Kind: "Metric"}, "v1"); !apierrors.IsForbidden(err) {
		t.Errorf("error %v", err)
	}
	got, err := c.APIVersions(t.Context())
	want := []string{"apps/v1", "apps/v1/Deployment", "apps/v1beta1", "apps/v1beta1/Deployment", "apps/v1beta1/Old", "metrics.example/v1", "v1", "v1/Namespace"}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestAWatchGoesOnWhereItWasCut(t *testing.T) {
	var n atomic.Int64
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		event := func(kind, name, version string) {
			fmt.Fprintf(w, `{"type":%q,"object":{"kind":"ConfigMap","metadata":{"name":%q,"resourceVersion":%q}}}`+"\n", kind, name, version)
		}
		from := r.URL.Query().Get("resourceVersion")
		switch n.Add(1) {
		case 1:
			event("ADDED", "a", "11")
			event("BOOKMARK", "", "15")
		case 2:
			if from != "15" {
				t.Errorf("resumed from %s", from)
			}
			answerStatus(w, 503, "ServiceUnavailable", "restarting")
		case 3:
			event("DELETED", "a", "16")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			if from != "16" {
				t.Errorf("resumed from %s", from)
			}
			_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}`+"\n")
		}
	})
	var got []string
	err := c.Watch(t.Context(), configMaps, "shop", "a=b", "10", func(e object.Event) error {
		got = append(got, fmt.Sprint(e.Object.GetName(), " ", e.Deleted))
		return nil
	})
	if !apierrors.IsResourceExpired(err) {
		t.Errorf("error %v", err)
	}
	if d := cmp.Diff([]string{"a false", "a true"}, got); d != "" {
		t.Error(d)
	}
}

func TestAWatchEndsWithItsContextOrItsWatcher(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"1"}}}`+"\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	enough := errors.New("enough")
	if err := c.Watch(t.Context(), configMaps, "shop", "", "1", func(object.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Watch(ctx, configMaps, "shop", "", "1", func(object.Event) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestConditionsOfADelete(t *testing.T) {
	c, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"resourceVersion":"7","uid":"u"},"propagationPolicy":"Background"}`
		if string(body) != want {
			t.Errorf("sent %s", body)
		}
		_, _ = io.WriteString(w, `{"kind":"Status","status":"Success"}`)
	})
	err := c.Delete(t.Context(), configMaps, "shop", "a", object.DeleteOptions{UID: "u", Version: "7", Propagation: "Background"})
	if err != nil {
		t.Error(err)
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
	address := first.Listener.Addr().String()
	c, err := New(&rest.Config{Host: first.URL})
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
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
			t.Cleanup(func() { s.Close() })
			_ = s.Serve(l)
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

func TestManyObjectsAreReadByPages(t *testing.T) {
	c, count := server(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("limit") != "500" || q.Get("labelSelector") != "app=a" {
			t.Errorf("asked %s", r.URL)
		}
		if q.Get("continue") == "" {
			_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"7","continue":"there"},"items":[{"metadata":{"name":"a"}}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"b"}}]}`)
	})
	var names []string
	version, err := c.Each(t.Context(), deploys, "shop", "app=a", func(u *unstructured.Unstructured) {
		names = append(names, u.GetKind()+"/"+u.GetName())
	})
	if err != nil || version != "7" || count.Load() != 2 {
		t.Errorf("version %s, %d requests, %v", version, count.Load(), err)
	}
	if d := cmp.Diff([]string{"Deployment/a", "Deployment/b"}, names); d != "" {
		t.Error(d)
	}
}
