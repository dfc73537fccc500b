package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// identity is the proxy's own certificate authority, the server's certificate
// and the one certificate of a client that may come in: nobody else on the
// machine can become the cluster's administrator through it.
type identity struct {
	ca                   *x509.Certificate
	caPEM                []byte
	server               tls.Certificate
	clientCert, clientPK []byte
}

func newIdentity() (*identity, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := certificate(1, "proxy-ca")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	id := &identity{ca: ca, caPEM: encode("CERTIFICATE", der)}

	server := certificate(2, "proxy")
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	cert, key, err := sign(server, ca, caKey)
	if err != nil {
		return nil, err
	}
	if id.server, err = tls.X509KeyPair(cert, key); err != nil {
		return nil, err
	}
	client := certificate(3, "client")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	id.clientCert, id.clientPK, err = sign(client, ca, caKey)
	return id, err
}

func (id *identity) serverConfig() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(id.ca)
	return &tls.Config{
		Certificates: []tls.Certificate{id.server},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		MinVersion:   tls.VersionTLS12,
	}
}

func certificate(serial int64, name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func sign(c, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (cert, key []byte, err error) {
	pk, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &pk.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pk)
	if err != nil {
		return nil, nil, err
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Kubeconfig is what a client needs to come in, with namespace as the context's
// unless it is empty.
func (p *Proxy) Kubeconfig(namespace string) []byte {
	b64 := base64.StdEncoding.EncodeToString
	context := "{cluster: test, user: test}"
	if namespace != "" {
		context = fmt.Sprintf("{cluster: test, user: test, namespace: %s}", namespace)
	}
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: test
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: test
  context: %s
`, p.URL(), b64(p.identity.caPEM), b64(p.identity.clientCert), b64(p.identity.clientPK), context)
}
