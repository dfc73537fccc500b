package component

import (
	"context"

	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

func schedulerFlags(dir datadir.Dir) map[string]string {
	return map[string]string{
		"kubeconfig":           dir.ClientConfig("scheduler"),
		"bind-address":         "127.0.0.1",
		"tls-cert-file":        dir.Cert("server"),
		"tls-private-key-file": dir.Key("server"),
		"leader-elect":         "false",
		"kube-api-qps":         "1000",
		"kube-api-burst":       "2000",
		"profiling":            "false",
		"v":                    "1",
	}
}

// runScheduler does what kube-scheduler's command does, but for the listener.
func runScheduler(ctx context.Context, opts Options) error {
	s := options.NewOptions()
	if err := parse("scheduler", *s.Flags, schedulerFlags(opts.Dir)); err != nil {
		return err
	}
	var err error
	if s.SecureServing.Listener, err = listener(); err != nil {
		return err
	}
	if err := s.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(s.Logs, nil); err != nil {
		return err
	}
	if _, err := awaitAPIServer(ctx, opts.Dir.ClientConfig("scheduler")); err != nil {
		return err
	}
	cfg, sched, err := app.Setup(ctx, s)
	if err != nil {
		return err
	}
	return app.Run(ctx, cfg, sched)
}
