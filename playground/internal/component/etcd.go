package component

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd runs an etcd of one member. Nothing it holds has to survive a crash of the machine, so it need not wait for the disk, and with no
// one else to hear from it can elect itself at once.
func runEtcd(ctx context.Context, opts Options) error {
	client := url.URL{Scheme: "unix", Path: opts.Dir.EtcdSocket()}
	peer := url.URL{Scheme: "unix", Path: opts.Dir.EtcdSocket() + ".peer"}
	// Addresses to be told to others, of whom there are none, cannot be sockets.
	nowhere := []url.URL{{Scheme: "http", Host: "127.0.0.1:1"}}
	cfg := embed.NewConfig()
	cfg.Dir = opts.Dir.File("etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, nowhere
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, nowhere
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.UnsafeNoFsync = true
	cfg.TickMs, cfg.ElectionMs = 20, 200
	cfg.QuotaBackendBytes = 4 << 30
	cfg.LogLevel = "warn"
	cfg.WarningUnaryRequestDuration = time.Second // zero, the default here, has it log every request
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	defer etcd.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-etcd.Err():
		return err
	}
}
