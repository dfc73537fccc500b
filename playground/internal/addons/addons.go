// Package addons holds what a cloud would bring to a cluster and a playground has to pretend: disks for PersistentVolumeClaims and
// addresses for Services of type LoadBalancer. Nothing is stored and nothing is reachable: only the API's side of it is there.
package addons

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// Run serves both until ctx ends.
func Run(ctx context.Context, cfg *rest.Config) error {
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = "playground"
	cfg.QPS, cfg.Burst = 200, 400
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if err := createStorageClasses(ctx, client); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	p := &provisioner{client: client, classes: factory.Storage().V1().StorageClasses().Lister()}
	b := &balancer{client: client, taken: map[string]string{}}
	if err := handle(ctx, factory.Core().V1().PersistentVolumeClaims().Informer(), p.claim); err != nil {
		return err
	}
	if err := handle(ctx, factory.Core().V1().PersistentVolumes().Informer(), p.volume); err != nil {
		return err
	}
	if err := handle(ctx, factory.Core().V1().Services().Informer(), b.service); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

// handle calls reconcile with every object that comes or changes, again after a while if it fails, one at a time. A deleted object comes
// as its key and nil.
func handle[T any](ctx context.Context, informer cache.SharedIndexInformer, reconcile func(context.Context, string, T) error) error {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 10*time.Second))
	add := func(obj any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj); err == nil {
			queue.Add(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, obj any) { add(obj) }, DeleteFunc: add,
	})
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	context.AfterFunc(ctx, queue.ShutDown)
	go func() {
		for {
			key, shutdown := queue.Get()
			if shutdown {
				return
			}
			obj, _, _ := informer.GetStore().GetByKey(key)
			typed, _ := obj.(T)
			if err := reconcile(ctx, key, typed); err != nil && !apierrors.IsNotFound(err) {
				klog.V(2).InfoS("Trying again later", "key", key, "err", err)
				queue.AddRateLimited(key)
			} else {
				queue.Forget(key)
			}
			queue.Done(key)
		}
	}()
	return nil
}

// ignoreExisting is for creates that may come twice.
func ignoreExisting(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// objectReference is what a volume says of its claim.
func objectReference(claim *corev1.PersistentVolumeClaim) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name,
		UID: claim.UID, ResourceVersion: claim.ResourceVersion,
	}
}
