package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/e2e/proxy"
	"github.com/belay-sh/belay/internal/object"
)

// API asks and changes the API server directly, past all proxies, as the
// administrator. It shares no code with the product that it judges.
type API struct {
	up *proxy.Upstream

	mu    sync.Mutex
	kinds []kind
}

// kind is a kind of objects that live in namespaces, and its path.
type kind struct{ prefix, resource, apiVersion, name string }

func (k kind) path(ns string) string { return k.prefix + "/namespaces/" + ns + "/" + k.resource }

// Do sends a request and decodes the answer. The error names the status. A
// server that asks to come back, as it does while it takes up a definition, is
// asked again for some seconds.
func (a *API) Do(method, path, contentType string, body []byte, into any) error {
	for try := 1; ; try++ {
		err := a.once(method, path, contentType, body, into)
		var status *StatusError
		if try == 20 || !errors.As(err, &status) || status.Code != http.StatusTooManyRequests {
			return err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (a *API) once(method, path, contentType string, body []byte, into any) error {
	r, err := http.NewRequest(method, a.up.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := a.up.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return &StatusError{Code: answer.StatusCode, Text: fmt.Sprintf("%s %s: %d %s", method, path, answer.StatusCode, data)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// StatusError is an answer that was not a success.
type StatusError struct {
	Code int
	Text string
}

func (e *StatusError) Error() string { return e.Text }

func isNotFound(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

// Get reads one object by its path.
func (a *API) Get(path string) (*unstructured.Unstructured, error) {
	var u unstructured.Unstructured
	if err := a.Do(http.MethodGet, path, "", nil, &u.Object); err != nil {
		return nil, err
	}
	return &u, nil
}

// Apply writes objects by server-side apply as another field manager.
func (a *API) Apply(path, manager string, body []byte) error {
	return a.Do(http.MethodPatch, path+"?fieldManager="+manager+"&force=true", "application/apply-patch+yaml", body, nil)
}

// Create makes an object in a collection.
func (a *API) Create(path string, body []byte) error {
	return a.Do(http.MethodPost, path, "application/yaml", body, nil)
}

// Watch calls fn with every event of a collection since a resourceVersion, until
// ctx ends or fn says that it has seen enough.
func (a *API) Watch(ctx context.Context, path, version string, fn func(kind string, u *unstructured.Unstructured) (enough bool)) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.up.URL()+path+"?watch=1&resourceVersion="+version, nil)
	if err != nil {
		return err
	}
	answer, err := a.up.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for events := json.NewDecoder(answer.Body); ; {
		var event struct {
			Type   string         `json:"type"`
			Object map[string]any `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		if fn(event.Type, &unstructured.Unstructured{Object: event.Object}) {
			return nil
		}
	}
}

// Delete removes an object; that it is gone already is no error.
func (a *API) Delete(path string) error {
	err := a.Do(http.MethodDelete, path, "", nil, nil)
	if isNotFound(err) {
		return nil
	}
	return err
}

// Objects are live objects by identity.
type Objects map[object.ID]*unstructured.Unstructured

// passing are kinds that the cluster writes by itself at any time, or that
// mirror others.
var passing = []string{"events", "leases", "endpoints", "endpointslices", "controllerrevisions", "podtemplates"}

// All reads every object of a namespace, of every built-in kind, but for those that
// come and go by themselves.
func (a *API) All(ns string) (Objects, error) {
	kinds, err := a.namespaced()
	if err != nil {
		return nil, err
	}
	all := Objects{}
	for _, k := range kinds {
		var list struct {
			Items []map[string]any `json:"items"`
		}
		err := a.Do(http.MethodGet, k.path(ns), "", nil, &list)
		if isNotFound(err) {
			continue // a kind of another test's, and its definition is gone
		}
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			u := &unstructured.Unstructured{Object: item}
			u.SetGroupVersionKind(schema.FromAPIVersionAndKind(k.apiVersion, k.name))
			all[object.IDOf(u)] = u
		}
	}
	return all, nil
}

// namespaced asks discovery which kinds live in namespaces and can be listed.
func (a *API) namespaced() ([]kind, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds != nil {
		return a.kinds, nil
	}
	var groups struct {
		Groups []struct {
			PreferredVersion struct {
				GroupVersion string `json:"groupVersion"`
			} `json:"preferredVersion"`
		} `json:"groups"`
	}
	if err := a.Do(http.MethodGet, "/apis", "", nil, &groups); err != nil {
		return nil, err
	}
	served := map[string]string{"v1": "/api/v1"}
	for _, g := range groups.Groups {
		if group, _, _ := strings.Cut(g.PreferredVersion.GroupVersion, "/"); strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") {
			continue // a test's own, which goes with it
		}
		served[g.PreferredVersion.GroupVersion] = "/apis/" + g.PreferredVersion.GroupVersion
	}
	var kinds []kind
	for version, prefix := range served {
		var list struct {
			Resources []struct {
				Name, Kind string
				Namespaced bool
				Verbs      []string
			} `json:"resources"`
		}
		if err := a.Do(http.MethodGet, prefix, "", nil, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Resources {
			if r.Namespaced && slices.Contains(r.Verbs, "list") && !strings.Contains(r.Name, "/") && !slices.Contains(passing, r.Name) {
				kinds = append(kinds, kind{prefix, r.Name, version, r.Kind})
			}
		}
	}
	a.kinds = kinds
	return kinds, nil
}

// Versions are the resourceVersions of objects.
func (o Objects) Versions() map[string]string {
	v := map[string]string{}
	for id, u := range o {
		v[id.String()] = u.GetResourceVersion()
	}
	return v
}

// Of returns the objects of a release, without what it remembers.
func (o Objects) Of(release string) Objects {
	return o.Where(func(u *unstructured.Unstructured) bool { return u.GetLabels()[object.ReleaseLabel] == release })
}

// Where returns the objects that keep says yes to.
func (o Objects) Where(keep func(*unstructured.Unstructured) bool) Objects {
	kept := Objects{}
	for id, u := range o {
		if keep(u) {
			kept[id] = u
		}
	}
	return kept
}

// Made returns what somebody made: not what every namespace has, nor what
// controllers made for others.
func (o Objects) Made() Objects {
	return o.Where(func(u *unstructured.Unstructured) bool {
		return u.GetName() != "kube-root-ca.crt" && (u.GetKind() != "ServiceAccount" || u.GetName() != "default") &&
			len(u.GetOwnerReferences()) == 0
	})
}

// Stored returns the objects as JSON by name, without what changes with every
// write, what the server and controllers add, and the namespace's name, so that
// states of different times and namespaces can be compared.
func (o Objects) Stored(ns string) map[string]string {
	all := map[string]string{}
	for id, u := range o {
		u = u.DeepCopy()
		for _, field := range []string{"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
		// Its key is a random value of the release.
		unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "annotations", "belay.sh/config-hash")
		unstructured.RemoveNestedField(u.Object, "status")
		unstructured.RemoveNestedField(u.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(u.Object, "spec", "clusterIPs")
		text, err := json.MarshalIndent(u.Object, "", " ")
		if err != nil {
			text = []byte(err.Error())
		}
		stored := strings.ReplaceAll(string(text), ns, "NAMESPACE")
		if job, _, _ := unstructured.NestedString(u.Object, "spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"); job != "" {
			stored = strings.ReplaceAll(stored, job, "UID")
		}
		all[strings.ReplaceAll(id.In(ns), ns, "NAMESPACE")] = stored
	}
	return all
}
