package component

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/belay-sh/belay/playground/internal/addons"
	"github.com/belay-sh/belay/playground/internal/kubelet"
)

// runNodes runs what is not Kubernetes' own: the pretended kubelets, disks and load balancers.
func runNodes(ctx context.Context, opts Options) error {
	version, err := Version()
	if err != nil {
		return err
	}
	l, err := listener()
	if err != nil {
		return err
	}
	tls, err := serverTLS(opts.Dir)
	if err != nil {
		return err
	}
	cfg, err := awaitAPIServer(ctx, opts.Dir.ClientConfig("nodes"))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return kubelet.Run(ctx, cfg, kubelet.Options{Nodes: opts.Nodes, Version: version, Listener: l, TLS: tls})
	})
	group.Go(func() error { return addons.Run(ctx, cfg) })
	return group.Wait()
}
