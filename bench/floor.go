package main

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// workers are what raw server-side apply is fastest with.
const workers = 16

// floor sends the requests that nobody can do without, and nothing else.
type floor struct{ client dynamic.Interface }

func newFloor(kubeconfig string) (*floor, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = -1, -1
	client, err := dynamic.NewForConfig(config)
	return &floor{client}, err
}

var resources = map[string]schema.GroupVersionResource{
	"Namespace":      {Version: "v1", Resource: "namespaces"},
	"ConfigMap":      {Version: "v1", Resource: "configmaps"},
	"Service":        {Version: "v1", Resource: "services"},
	"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
}

// jobs does the jobs in a fresh namespace. With observed it waits after each
// until the controller has seen every Deployment. A change costs a dry-run, for
// the plan, and the apply itself, and where objects may exist a LIST of each kind.
func (f *floor) jobs(o options, ns string, observed bool) (map[job]func(context.Context) error, error) {
	all, before, err := objects(o.quarter, 1)
	if err != nil {
		return nil, err
	}
	_, after, err := objects(o.quarter, 2)
	if err != nil {
		return nil, err
	}
	create := func(objects []*unstructured.Unstructured) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := f.apply(ctx, ns, objects, true); err != nil {
				return err
			}
			if err := f.apply(ctx, ns, objects, false); err != nil || !observed {
				return err
			}
			return f.observe(ctx, ns)
		}
	}
	list := func(ctx context.Context) error { return f.list(ctx, ns) }
	change := func(objects []*unstructured.Unstructured) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := list(ctx); err != nil {
				return err
			}
			return create(objects)(ctx)
		}
	}
	return map[job]func(context.Context) error{
		ready:    func(ctx context.Context) error { return f.create(ctx, ns) },
		first:    create(all),
		noop:     list,
		diff:     func(ctx context.Context) error { return f.apply(ctx, ns, after, true) },
		upgrade:  change(after),
		rollback: change(before),
	}, nil
}

// create makes a namespace.
func (f *floor) create(ctx context.Context, ns string) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": ns},
	}}
	_, err := f.client.Resource(resources["Namespace"]).Create(ctx, namespace, metav1.CreateOptions{})
	return err
}

// remove deletes a namespace and waits until it is gone, for the deleting of
// what it holds would slow whoever is measured next.
func (f *floor) remove(ctx context.Context, ns string) error {
	namespaces := f.client.Resource(resources["Namespace"])
	for {
		err := namespaces.Delete(ctx, ns, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("deleting Namespace/%s: %w", ns, err)
		}
		if err := settle(ctx); err != nil {
			return err
		}
	}
}

func (f *floor) apply(ctx context.Context, ns string, objects []*unstructured.Unstructured, dryRun bool) error {
	options := metav1.PatchOptions{FieldManager: "floor"}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for _, u := range objects {
		g.Go(func() error {
			body, err := json.Marshal(u)
			if err != nil {
				return err
			}
			_, err = f.client.Resource(resources[u.GetKind()]).Namespace(ns).Patch(ctx, u.GetName(), types.ApplyPatchType, body, options)
			return err
		})
	}
	return g.Wait()
}

// list reads all there is, once for each kind.
func (f *floor) list(ctx context.Context, ns string) error {
	g, ctx := errgroup.WithContext(ctx)
	for kind, resource := range resources {
		if kind == "Namespace" {
			continue
		}
		g.Go(func() error {
			_, err := f.client.Resource(resource).Namespace(ns).List(ctx, metav1.ListOptions{})
			return err
		})
	}
	return g.Wait()
}

// observe waits until the controller has seen the newest generation of every
// Deployment.
func (f *floor) observe(ctx context.Context, ns string) error {
	deployments := f.client.Resource(resources["Deployment"]).Namespace(ns)
	list, err := deployments.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	waiting := map[string]bool{}
	for i := range list.Items {
		if !seen(&list.Items[i]) {
			waiting[list.Items[i].GetName()] = true
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	w, err := deployments.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		u, ok := event.Object.(*unstructured.Unstructured)
		if ok && seen(u) {
			delete(waiting, u.GetName())
		}
		if len(waiting) == 0 {
			return nil
		}
	}
	return fmt.Errorf("the watch ended while %d Deployments were not observed", len(waiting))
}

func seen(u *unstructured.Unstructured) bool {
	observed, _, err := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return err == nil && observed >= u.GetGeneration()
}
