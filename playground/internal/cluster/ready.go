package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const pollInterval = 50 * time.Millisecond

// check returns nil once something is as it should be.
type check func(context.Context) error

// poll returns nil when the check does, or its last error when ctx ends.
func poll(ctx context.Context, ok check) error {
	for {
		err := ok(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollInterval):
		}
	}
}

// checks says when each component is ready: when it answers and when its work is seen, since a controller that runs has not yet done
// anything.
func (c *Cluster) checks() (map[string]check, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", c.opts.Dir.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	cfg.UserAgent = "playground"
	web, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	client, err := kubernetes.NewForConfigAndClient(cfg, web)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	answers := func(name, path string) check {
		return func(ctx context.Context) error { return get(ctx, web, "https://"+c.addresses[name].String()+path) }
	}
	return map[string]check{
		"etcd": func(ctx context.Context) error {
			socket := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", c.opts.Dir.EtcdSocket())
			}}}
			return get(ctx, socket, "http://etcd/health")
		},
		"apiserver": answers("apiserver", "/readyz"),
		"controller-manager": all(answers("controller-manager", "/healthz"), func(ctx context.Context) error {
			_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
			return err
		}),
		"scheduler": answers("scheduler", "/readyz"),
		"nodes":     func(ctx context.Context) error { return nodesReady(ctx, client, c.opts.Nodes) },
	}, nil
}

func all(checks ...check) check {
	return func(ctx context.Context) error {
		for _, ok := range checks {
			if err := ok(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// nodesReady is nil when there are as many nodes as asked for, ready and without taints, and a volume can be claimed.
func nodesReady(ctx context.Context, client kubernetes.Interface, want int) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := 0
	for _, n := range nodes.Items {
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(n.Spec.Taints) == 0 {
				ready++
			}
		}
	}
	if ready < want {
		return fmt.Errorf("%d of %d nodes are ready", ready, want)
	}
	classes, err := client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err == nil && len(classes.Items) == 0 {
		err = errors.New("there is no storage class")
	}
	return err
}
