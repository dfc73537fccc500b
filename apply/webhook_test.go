package apply

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// serving is a cluster with one Service, or none, and its endpoints.
type serving struct {
	Cluster
	service   bool
	endpoints []any
}

func (s *serving) Kind(_ context.Context, gk schema.GroupKind, version string) (object.Kind, error) {
	return object.Kind{GroupVersionKind: gk.WithVersion(version)}, nil
}

func (s *serving) Get(_ context.Context, _ object.Kind, _, name string) (*unstructured.Unstructured, error) {
	if !s.service {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, name)
	}
	return &unstructured.Unstructured{}, nil
}

func (s *serving) List(_ context.Context, _ object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error) {
	if namespace != "certs" || selector != "kubernetes.io/service-name=hook" {
		return nil, errors.New("unexpected list of " + namespace + " " + selector)
	}
	return &unstructured.UnstructuredList{Items: []unstructured.Unstructured{{Object: map[string]any{"endpoints": s.endpoints}}}}, nil
}

func endpoint(name string, ready bool) any {
	return map[string]any{
		"conditions": map[string]any{"ready": ready},
		"targetRef":  map[string]any{"kind": "Pod", "name": name},
	}
}

func TestAWebhookThatDoesNotAnswerIsNamedWithWhatIsBehindIt(t *testing.T) {
	const call = `Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://hook.certs.svc:443/validate?timeout=10s": `
	for name, test := range map[string]struct {
		cluster   serving
		err, want string
	}{
		"no Service":          {serving{}, call + `service "hook" not found`, "its Service certs/hook does not exist"},
		"no endpoints":        {serving{service: true}, call + "no endpoints available", "its Service certs/hook has no endpoints: no pod matches its selector"},
		"pods are not ready":  {serving{service: true, endpoints: []any{endpoint("hook-1", false)}}, call + "no endpoints available", "its Service certs/hook has no ready endpoints: Pod/hook-1 not ready"},
		"pods are ready":      {serving{service: true, endpoints: []any{endpoint("hook-1", true)}}, call + "x509: unknown authority", "its Service certs/hook has ready endpoints: Pod/hook-1; they do not answer as they should"},
		"no Service is meant": {serving{}, `failed calling webhook "a": Post "https://10.0.0.1:8443/": refused`, ""},
		"another error":       {serving{}, "etcdserver: leader changed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{cluster: &test.cluster}
			err := errors.New(test.err)
			got := r.behindWebhook(t.Context(), err)
			if !errors.Is(got, err) {
				t.Errorf("%v hides what the server said", got)
			}
			if added := strings.TrimPrefix(strings.TrimPrefix(got.Error(), test.err), "\n"); added != test.want {
				t.Errorf("got %q, want %q", added, test.want)
			}
		})
	}
}
