package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// kubeconfig is as much of that format as a test cluster's needs.
type kubeconfig struct {
	Clusters []struct {
		Cluster struct {
			Server string `json:"server"`
			CA     string `json:"certificate-authority"`
			CAData string `json:"certificate-authority-data"`
		} `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		User struct {
			Cert     string `json:"client-certificate"`
			CertData string `json:"client-certificate-data"`
			Key      string `json:"client-key"`
			KeyData  string `json:"client-key-data"`
		} `json:"user"`
	} `json:"users"`
}

// FromKubeconfig reads an administrator's kubeconfig with one cluster and one
// user, who has a client certificate.
func FromKubeconfig(path string) (*Upstream, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var k kubeconfig
	if err := yaml.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(k.Clusters) != 1 || len(k.Users) != 1 {
		return nil, fmt.Errorf("reading %s: want one cluster and one user, have %d and %d", path, len(k.Clusters), len(k.Users))
	}
	dir := filepath.Dir(path)
	ca, err := either(dir, k.Clusters[0].Cluster.CAData, k.Clusters[0].Cluster.CA)
	if err != nil {
		return nil, err
	}
	cert, err := either(dir, k.Users[0].User.CertData, k.Users[0].User.Cert)
	if err != nil {
		return nil, err
	}
	key, err := either(dir, k.Users[0].User.KeyData, k.Users[0].User.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate of %s: %w", path, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("reading %s: no certificate authority in it", path)
	}
	return NewUpstream(k.Clusters[0].Cluster.Server, &tls.Config{
		RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
	})
}

func either(dir, data, file string) ([]byte, error) {
	if data != "" {
		return base64.StdEncoding.DecodeString(data)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	return os.ReadFile(file)
}
