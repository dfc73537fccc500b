package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// Options are what a Kubelet is started with.
type Options struct {
	Nodes    int          // how many nodes to be
	Version  string       // what the nodes say they run, such as v1.36.3
	Listener net.Listener // where container logs are asked for
	TLS      *tls.Config  // and how
}

// Kubelet is the kubelet of all nodes of a playground.
type Kubelet struct {
	client  kubernetes.Interface
	nodes   map[string]*node
	objects *objects
	images  imageStore

	mu      sync.Mutex
	workers map[types.UID]*worker
}

// Run registers the nodes and serves them until ctx ends or a node cannot be registered.
func Run(ctx context.Context, cfg *rest.Config, opts Options) error {
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = "kubelet/" + opts.Version
	cfg.QPS, cfg.Burst = 1000, 2000
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	k := &Kubelet{client: client, nodes: map[string]*node{}, workers: map[types.UID]*worker{}}
	events := record.NewBroadcaster(record.WithContext(ctx))
	defer events.Shutdown()
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	for i := range opts.Nodes {
		n := newNode(i+1, opts)
		n.recorder = events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: n.name})
		k.nodes[n.name] = n
		if err := n.register(ctx, client); err != nil {
			return fmt.Errorf("registering node %s: %w", n.name, err)
		}
		go n.heartbeat(ctx, client)
	}
	if err := k.watch(ctx); err != nil {
		return err
	}
	go k.serveLogs(ctx, opts)
	<-ctx.Done()
	return nil
}

// watch starts the informers, and a worker for each pod they bring.
func (k *Kubelet) watch(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	k.objects = &objects{
		client: k.client, configMaps: factory.Core().V1().ConfigMaps().Lister(), secrets: factory.Core().V1().Secrets().Lister(),
	}
	pods := factory.Core().V1().Pods().Informer()
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { k.take(ctx, obj) },
		UpdateFunc: func(_, obj any) { k.take(ctx, obj) },
		DeleteFunc: k.drop,
	}); err != nil {
		return fmt.Errorf("watching pods: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return nil
}

// take hands a pod to its worker, which it makes when the pod has just been bound to a node.
func (k *Kubelet) take(ctx context.Context, obj any) {
	pod, ok := obj.(*corev1.Pod)
	if !ok || k.nodes[pod.Spec.NodeName] == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.workers[pod.UID]
	if w == nil {
		n := k.nodes[pod.Spec.NodeName]
		w = newWorker(k.client, n, NewPod(pod, &k.images, k.objects.in(ctx, pod.Namespace), n.nextIP(), n.ip, time.Now()), pod)
		k.workers[pod.UID] = w
		ctx, w.cancel = context.WithCancel(ctx)
		go w.run(ctx)
	}
	w.offer(pod)
}

// drop ends the worker of a pod that is gone.
func (k *Kubelet) drop(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if w := k.workers[pod.UID]; w != nil {
		w.cancel()
		delete(k.workers, pod.UID)
	}
}

// find returns the worker of a pod, nil if there is none.
func (k *Kubelet) find(namespace, name string) *worker {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.workers {
		if w.namespace == namespace && w.name == name {
			return w
		}
	}
	return nil
}
