package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

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
