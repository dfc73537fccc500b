package component

import (
	"context"

	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

// syncs are how many objects of a kind are seen to at a time. With the defaults, which spare an API server that has others to serve, a
// hundred Deployments take longer to be noticed than to be applied.
var syncs = map[string]string{
	"concurrent-cron-job-syncs":                  "10",
	"concurrent-daemonset-syncs":                 "10",
	"concurrent-deployment-syncs":                "30",
	"concurrent-endpoint-syncs":                  "20",
	"concurrent-gc-syncs":                        "30",
	"concurrent-horizontal-pod-autoscaler-syncs": "10",
	"concurrent-job-syncs":                       "20",
	"concurrent-namespace-syncs":                 "20",
	"concurrent-replicaset-syncs":                "30",
	"concurrent-resource-quota-syncs":            "10",
	"concurrent-service-endpoint-syncs":          "20",
	"concurrent-serviceaccount-token-syncs":      "10",
	"concurrent-statefulset-syncs":               "20",
}

func controllerManagerFlags(dir datadir.Dir) map[string]string {
	flags := map[string]string{
		"kubeconfig":                       dir.ClientConfig("controller-manager"),
		"bind-address":                     "127.0.0.1",
		"tls-cert-file":                    dir.Cert("server"),
		"tls-private-key-file":             dir.Key("server"),
		"leader-elect":                     "false",
		"kube-api-qps":                     "1000",
		"kube-api-burst":                   "2000",
		"root-ca-file":                     dir.Cert("ca"),
		"service-account-private-key-file": dir.Key("service-accounts"),
		"cluster-signing-cert-file":        dir.Cert("ca"),
		"cluster-signing-key-file":         dir.Key("ca"),
		"node-monitor-period":              "1s",
		"node-monitor-grace-period":        "24h", // a machine that is busy for a minute must not lose its nodes
		"profiling":                        "false",
		"v":                                "1",
	}
	for flag, value := range syncs {
		flags[flag] = value
	}
	return flags
}

// runControllerManager does what kube-controller-manager's command does, but for the listener.
func runControllerManager(ctx context.Context, opts Options) error {
	s, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := s.Flags(known, disabled, aliases)
	if err := parse("controller-manager", flags, controllerManagerFlags(opts.Dir)); err != nil {
		return err
	}
	s.ParsedFlags = &flags
	if s.SecureServing.Listener, err = listener(); err != nil {
		return err
	}
	if err := s.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(s.Logs, nil); err != nil {
		return err
	}
	if _, err := awaitAPIServer(ctx, opts.Dir.ClientConfig("controller-manager")); err != nil {
		return err
	}
	cfg, err := s.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	return app.Run(ctx, cfg.Complete())
}
