package apply

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// webhookTime bounds the look at what is behind a webhook that does not answer.
const webhookTime = 5 * time.Second

// WebhookError is a write that failed because the server could not ask a webhook.
type WebhookError struct {
	// Behind says what is behind the webhook's Service.
	Behind string
	Err    error
}

func (e *WebhookError) Error() string { return e.Err.Error() + "\n" + e.Behind }
func (e *WebhookError) Unwrap() error { return e.Err }

// behindWebhook adds to the failure of a webhook what is behind its Service: the
// server only says that it could not be called.
func (r *run) behindWebhook(ctx context.Context, err error) error {
	if err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
		return err
	}
	// Compiled here, for it is rarely needed.
	at := regexp.MustCompile(`https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc[:/]`).FindStringSubmatch(err.Error())
	if at == nil {
		return err // it has an address of its own, which the server names
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), webhookTime)
	defer cancel()
	return &WebhookError{Err: err, Behind: r.behindService(ctx, at[2], at[1])}
}

// behindService says which endpoints a Service has.
func (r *run) behindService(ctx context.Context, namespace, name string) string {
	service := "its Service " + namespace + "/" + name
	kind, err := r.cluster.Kind(ctx, schema.GroupKind{Kind: "Service"}, "v1")
	if err == nil {
		_, err = r.cluster.Get(ctx, kind, namespace, name)
	}
	switch {
	case apierrors.IsNotFound(err):
		return service + " does not exist"
	case err != nil:
		return service + " could not be read: " + err.Error()
	}
	kind, err = r.cluster.Kind(ctx, schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, "v1")
	if err != nil {
		return "the endpoints of " + service + " could not be read: " + err.Error()
	}
	slices, err := r.cluster.List(ctx, kind, namespace, "kubernetes.io/service-name="+name)
	if err != nil {
		return "the endpoints of " + service + " could not be read: " + err.Error()
	}
	var ready, waiting []string
	for i := range slices.Items {
		up, down := endpoints(&slices.Items[i])
		ready, waiting = append(ready, up...), append(waiting, down...)
	}
	switch {
	case len(ready)+len(waiting) == 0:
		return service + " has no endpoints: no pod matches its selector"
	case len(ready) == 0:
		return service + " has no ready endpoints: " + strings.Join(waiting, ", ") + " not ready"
	default:
		return fmt.Sprintf("%s has ready endpoints: %s; they do not answer as they should", service, strings.Join(ready, ", "))
	}
}

// endpoints names the endpoints of a slice by their pods or addresses.
func endpoints(slice *unstructured.Unstructured) (ready, waiting []string) {
	all, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, raw := range all {
		endpoint, _ := raw.(map[string]any)
		name, _, _ := unstructured.NestedString(endpoint, "targetRef", "name")
		kind, _, _ := unstructured.NestedString(endpoint, "targetRef", "kind")
		if name != "" {
			name = kind + "/" + name
		} else if addresses, _, _ := unstructured.NestedStringSlice(endpoint, "addresses"); len(addresses) > 0 {
			name = addresses[0]
		}
		// Absent means unknown, which counts as ready.
		if up, known, err := unstructured.NestedBool(endpoint, "conditions", "ready"); known && err == nil && !up {
			waiting = append(waiting, name)
		} else {
			ready = append(ready, name)
		}
	}
	return ready, waiting
}
