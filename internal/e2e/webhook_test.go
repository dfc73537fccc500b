package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve answers HTTPS on the loopback address, where the API server is too, until
// the test ends. It returns its address and its certificate, as PEM.
func (e *Env) serve(h http.Handler) (address string, ca []byte) {
	e.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		e.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "webhook"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		e.t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // ends with Close
	e.t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// reviewed reads an AdmissionReview, and returns the UID that its answer needs.
func reviewed(r *http.Request) (uid string, err error) {
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	err = json.NewDecoder(r.Body).Decode(&review)
	return review.Request.UID, err
}

// answer writes an AdmissionReview. An API server that went away is no failure.
func answer(w http.ResponseWriter, response map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

// denials are what the webhook of denied says, by the path that it is asked at.
var denials = map[string]string{
	"/label": "every object has to say whose it is: label team",
	// As engines for policies of images write it, over several lines.
	"/image": "\n\nresource Pod was blocked due to the following policies\n\nverify-image:\n  signed: 'image registry.example/app:1 has no signature'\n",
}

// denied replaces ADDRESS and CABUNDLE in a manifest by those of a webhook that
// admits nothing, if they are there.
func (e *Env) denied(manifest string) string {
	e.t.Helper()
	if !strings.Contains(manifest, "ADDRESS") {
		return manifest
	}
	address, ca := e.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid, err := reviewed(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{"uid": uid, "allowed": false, "status": map[string]any{"message": denials[r.URL.Path]}})
	}))
	e.t.Cleanup(func() {
		_ = e.API.Delete("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + e.NS)
	})
	return strings.NewReplacer("ADDRESS", address, "CABUNDLE", base64.StdEncoding.EncodeToString(ca)).Replace(manifest)
}

// What a webhook that is there already denies, it denies in the plan, and nothing
// has been written.
func TestADenialOfAWebhookIsNamedInThePlan(t *testing.T) {
	t.Parallel()
	e := New(t)
	guard := e.denied(strings.ReplaceAll(guardian, "NAMESPACE", e.NS))
	e.Must(0, "apply", e.Write("guard.yaml", guard), "-r", "guard", "-n", e.NS)
	path := e.Write("app.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: app, labels: {app: app}}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n")
	var r *Result
	e.Until("the webhook is asked", func() (bool, error) { // the server takes a moment to hear of it
		r = e.Belay("diff", path, "-r", "app", "-n", e.NS)
		return r.Exit != 2, nil
	})
	if r.Exit != 3 {
		t.Errorf("want exit 3:\n%v", r)
	}
	for _, want := range []string{"ConfigMap/app", "guard.example.com", denials["/label"], "app.yaml:1"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q:\n%v", want, r)
		}
	}
}

// guardian is a webhook that is asked about ConfigMaps with the label app.
const guardian = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAMESPACE}
webhooks:
- name: guard.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  failurePolicy: Fail
  timeoutSeconds: 5
  clientConfig: {url: "https://ADDRESS/label", caBundle: CABUNDLE}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  objectSelector: {matchLabels: {app: app}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
`

// unserved is a webhook whose Service does not exist.
const unserved = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAMESPACE}
webhooks:
- name: guard.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  failurePolicy: Fail
  timeoutSeconds: 5
  clientConfig: {service: {namespace: NAMESPACE, name: guard}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  objectSelector: {matchLabels: {app: app}}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
`

func TestAWriteThatIsSentAgainSaysWhyInTheLineOfItsObject(t *testing.T) {
	t.Parallel()
	e := New(t)
	t.Cleanup(func() {
		_ = e.API.Delete("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + e.NS)
	})
	e.Must(0, "apply", e.Write("guard.yaml", strings.ReplaceAll(unserved, "NAMESPACE", e.NS)), "-r", "guard", "-n", e.NS)
	app := e.Write("app.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: app, labels: {app: app}}}\n")
	e.says(7, []string{
		"ConfigMap/app  retrying for 3s: webhook guard.example.com: ",
		"ConfigMap/app could not be created: sent again until the time was up; the last try: Internal error occurred: failed calling webhook",
		"its Service " + e.NS + "/guard does not exist", "0 of 1 change done, 1 failed",
	}, "apply", app, "-r", "app", "-n", e.NS, "--timeout", "6s")
}
