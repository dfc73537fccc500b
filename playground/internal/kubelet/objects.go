package kubelet

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	listersv1 "k8s.io/client-go/listers/core/v1"
)

// objects looks ConfigMaps and Secrets up in the informers' caches, and asks the API server for what is not there: a cache may be behind,
// and a pod must not fail for want of what was there before it.
type objects struct {
	client     kubernetes.Interface
	configMaps listersv1.ConfigMapLister
	secrets    listersv1.SecretLister
}

// in returns the Lookup of a namespace, whose requests end with ctx.
func (o *objects) in(ctx context.Context, namespace string) Lookup {
	return func(kind, name string) (map[string]bool, bool, error) { return o.keys(ctx, kind, namespace, name) }
}

func (o *objects) keys(ctx context.Context, kind, namespace, name string) (map[string]bool, bool, error) {
	keys := map[string]bool{}
	var err error
	switch kind {
	case "ConfigMap":
		var object *corev1.ConfigMap
		if object, err = o.configMaps.ConfigMaps(namespace).Get(name); apierrors.IsNotFound(err) {
			object, err = o.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		}
		if err == nil {
			collect(keys, object.Data)
			collect(keys, object.BinaryData)
		}
	case "Secret":
		var object *corev1.Secret
		if object, err = o.secrets.Secrets(namespace).Get(name); apierrors.IsNotFound(err) {
			object, err = o.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		}
		if err == nil {
			collect(keys, object.Data)
		}
	}
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s %s/%s: %w", kind, namespace, name, err)
	}
	return keys, true, nil
}

func collect[V any](keys map[string]bool, data map[string]V) {
	for key := range maps.Keys(data) {
		keys[key] = true
	}
}
