package datadir

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestCreatedCertificatesFitTogether(t *testing.T) {
	path, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	dir := Dir(path)
	if err := dir.Create("test", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6443}); err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", dir.Kubeconfig())
	if err != nil || cfg.Host != "https://127.0.0.1:6443" || cfg.Insecure {
		t.Fatalf("kubeconfig: %v, %v", cfg, err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cfg.CAData)
	server, err := tls.LoadX509KeyPair(dir.Cert("server"), dir.Key("server"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc", ServiceIP} {
		if _, err := server.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name}); err != nil {
			t.Errorf("server certificate for %s: %v", name, err)
		}
	}
	client, err := tls.X509KeyPair(cfg.CertData, cfg.KeyData)
	if err != nil {
		t.Fatal(err)
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := client.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: usage}); err != nil {
		t.Errorf("client certificate: %v", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v: others may read it", e.Name(), info.Mode(), err)
		}
	}
}

func TestPathTooLongForSocket(t *testing.T) {
	err := Dir("/"+strings.Repeat("long/", 20)).Create("test", &net.TCPAddr{})
	if err == nil || !strings.Contains(err.Error(), "too long for a socket") {
		t.Errorf("%v", err)
	}
}
