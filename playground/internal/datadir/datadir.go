// Package datadir lays out the directory in which a playground keeps all it has: keys, kubeconfigs, etcd's data, logs. The supervisor writes
// it before any component starts, and the components, which are processes of their own, find what they need by these names. It is private
// to its owner, and goes with the playground.
package datadir

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// ServiceCIDR is where Services get their addresses, and ServiceIP is the first of them: that of the API server.
const (
	ServiceCIDR = "10.96.0.0/16"
	ServiceIP   = "10.96.0.1"
)

// socketLimit is what the length of a socket's path may be on all systems that have one.
const socketLimit = 100

// Dir is the path of a playground's directory.
type Dir string

// File returns the path of one of the directory's files.
func (d Dir) File(name string) string { return filepath.Join(string(d), name) }

// Kubeconfig is what the playground's user gets.
func (d Dir) Kubeconfig() string { return d.File("kubeconfig") }

// ClientConfig is the kubeconfig of one of the clients that Create is given.
func (d Dir) ClientConfig(client string) string { return d.File(client + ".kubeconfig") }

// Cert and Key are the halves of a pair: "ca", "server", "front-proxy" or a client's name.
func (d Dir) Cert(name string) string { return d.File(name + ".crt") }

// Key is the private half.
func (d Dir) Key(name string) string { return d.File(name + ".key") }

// Log is where a component's output goes.
func (d Dir) Log(component string) string { return d.File(component + ".log") }

// AuditLog is where the API server notes all requests.
func (d Dir) AuditLog() string { return d.File("audit.log") }

// AuditPolicy says how much it notes.
func (d Dir) AuditPolicy() string { return d.File("audit-policy.yaml") }

// EtcdSocket is where etcd is found: a socket, so that no one else on the machine can reach it.
func (d Dir) EtcdSocket() string { return d.File("etcd.sock") }

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// Create fills the directory for a playground of the given name, whose API server is to be found at the given address.
func (d Dir) Create(name string, server net.Addr) error {
	if len(d.EtcdSocket()) > socketLimit {
		return fmt.Errorf("the path %s is too long for a socket: choose a shorter name, or a shorter XDG_STATE_HOME", d.EtcdSocket())
	}
	if err := os.WriteFile(d.AuditPolicy(), []byte(auditPolicy), 0o600); err != nil {
		return fmt.Errorf("writing audit policy: %w", err)
	}
	ca, err := newAuthority("belay-playground-ca")
	if err != nil {
		return err
	}
	if err := d.createCerts(ca); err != nil {
		return err
	}
	url := "https://" + server.String()
	for client, identity := range clients {
		p, err := ca.issue(identity.user, []string{identity.group}, nil)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(d.ClientConfig(client), name, url, ca.certPEM, p); err != nil {
			return err
		}
	}
	return os.Rename(d.ClientConfig("admin"), d.Kubeconfig())
}

// clients are those that get a kubeconfig. The components are masters too: a playground shows what RBAC does to its user, and its
// controllers need not wait for the bootstrap roles.
var clients = map[string]struct{ user, group string }{
	"admin":              {"kubernetes-admin", "system:masters"},
	"controller-manager": {"system:kube-controller-manager", "system:masters"},
	"scheduler":          {"system:kube-scheduler", "system:masters"},
	"nodes":              {"system:nodes", "system:masters"},
}

// createCerts writes the pairs that are no client's.
func (d Dir) createCerts(ca *authority) error {
	front, err := newAuthority("belay-playground-front-proxy-ca")
	if err != nil {
		return err
	}
	server, err := ca.issue("kube-apiserver", nil, &names{
		dns: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		ips: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(ServiceIP)},
	})
	if err != nil {
		return err
	}
	proxy, err := front.issue("front-proxy-client", nil, nil)
	if err != nil {
		return err
	}
	kubelet, err := ca.issue("kube-apiserver-kubelet-client", []string{"system:masters"}, nil)
	if err != nil {
		return err
	}
	accounts, err := newAuthority("service-accounts")
	if err != nil {
		return err
	}
	for name, p := range map[string]pair{
		"ca": ca.pair, "front-proxy-ca": front.pair, "server": server, "front-proxy": proxy, "kubelet-client": kubelet,
		"service-accounts": accounts.pair,
	} {
		if err := os.WriteFile(d.Cert(name), p.certPEM, 0o600); err != nil {
			return fmt.Errorf("writing certificate: %w", err)
		}
		if err := os.WriteFile(d.Key(name), p.keyPEM, 0o600); err != nil {
			return fmt.Errorf("writing key: %w", err)
		}
	}
	return nil
}
