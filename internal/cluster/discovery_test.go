package cluster

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

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
