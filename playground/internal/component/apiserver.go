package component

import (
	"context"
	"net"
	"os"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/belay-sh/belay/playground/internal/datadir"
)

func apiServerFlags(dir datadir.Dir) map[string]string {
	return map[string]string{
		"etcd-servers":                       "unix://" + dir.EtcdSocket(),
		"advertise-address":                  "127.0.0.1",
		"bind-address":                       "127.0.0.1",
		"endpoint-reconciler-type":           "none", // a loopback address is no valid endpoint
		"service-cluster-ip-range":           datadir.ServiceCIDR,
		"allow-privileged":                   "true",
		"authorization-mode":                 "Node,RBAC",
		"client-ca-file":                     dir.Cert("ca"),
		"tls-cert-file":                      dir.Cert("server"),
		"tls-private-key-file":               dir.Key("server"),
		"kubelet-client-certificate":         dir.Cert("kubelet-client"),
		"kubelet-client-key":                 dir.Key("kubelet-client"),
		"kubelet-certificate-authority":      dir.Cert("ca"),
		"kubelet-preferred-address-types":    "ExternalIP",
		"service-account-issuer":             "https://kubernetes.default.svc.cluster.local",
		"service-account-key-file":           dir.Cert("service-accounts"),
		"service-account-signing-key-file":   dir.Key("service-accounts"),
		"requestheader-client-ca-file":       dir.Cert("front-proxy-ca"),
		"requestheader-allowed-names":        "front-proxy-client",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"proxy-client-cert-file":             dir.Cert("front-proxy"),
		"proxy-client-key-file":              dir.Key("front-proxy"),
		"audit-policy-file":                  dir.AuditPolicy(),
		"audit-log-path":                     dir.AuditLog(),
		"audit-log-maxsize":                  "1000",
		"profiling":                          "false",
		"v":                                  "1",
	}
}

// runAPIServer does what kube-apiserver's command does, but for the listener, which no flag can hand over.
func runAPIServer(ctx context.Context, opts Options) error {
	s := options.NewServerRunOptions()
	flags := s.Flags()
	if err := parse("apiserver", flags, apiServerFlags(opts.Dir)); err != nil {
		return err
	}
	var err error
	if s.SecureServing.Listener, err = listener(); err != nil {
		return err
	}
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(s.Logs, nil); err != nil {
		return err
	}
	if err := awaitSocket(ctx, opts.Dir.EtcdSocket()); err != nil {
		return err
	}
	completed, err := s.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return utilerrors.NewAggregate(errs)
	}
	return app.Run(ctx, completed)
}

// awaitSocket returns once something listens on a socket: asked before, etcd's client waits for longer than etcd takes to start.
func awaitSocket(ctx context.Context, path string) error {
	for {
		if _, err := os.Stat(path); err == nil {
			if conn, err := net.Dial("unix", path); err == nil {
				return conn.Close()
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
