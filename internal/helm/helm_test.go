package helm

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

const payload = `{"name":"shop","version":2,"namespace":"ns",
"info":{"last_deployed":"2026-01-02T03:04:05Z","description":"Upgrade complete","status":"deployed","notes":"hello"},
"chart":{"metadata":{"name":"web","version":"1.2.3"},"files":[{"name":"crds/a.yaml","data":"YXBpVmVyc2lvbjogYXBpZXh0ZW5zaW9ucy5rOHMuaW8vdjEKa2luZDogQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uCm1ldGFkYXRhOiB7bmFtZTogYXN9Cg=="}]},
"config":{"replicas":3},
"manifest":"---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# Source: web/charts/sub/templates/b.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n",
"hooks":[{"path":"web/templates/test.yaml","manifest":"apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n"}]}`

func packed(text string, zip bool) string {
	data := []byte(text)
	if zip {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(data) // cannot fail
		_ = w.Close()
		data = b.Bytes()
	}
	return base64.StdEncoding.EncodeToString(data)
}

// records are objects of a namespace, by the name of their kind.
type records map[string][]unstructured.Unstructured

func (r records) List(_ context.Context, k object.Kind, _, _ string) (*unstructured.UnstructuredList, error) {
	return &unstructured.UnstructuredList{Items: r[k.Kind]}, nil
}

func (r records) ListMetadata(_ context.Context, k object.Kind, _, _ string) ([]*unstructured.Unstructured, error) {
	if k.Kind == "ConfigMap" && r[k.Kind] == nil {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: k.Resource}, "", errors.New("not yours"))
	}
	var items []*unstructured.Unstructured
	for i := range r[k.Kind] {
		items = append(items, &r[k.Kind][i])
	}
	return items, nil
}

func (r records) Delete(context.Context, object.Kind, string, string, object.DeleteOptions) error {
	return errors.New("not here")
}

func recordOf(name, status, release string) unstructured.Unstructured {
	u := unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"release": release}}}
	u.SetName(name)
	u.SetLabels(map[string]string{"owner": "helm", "name": "shop", "status": status, "version": name[strings.LastIndex(name, "v")+1:]})
	return u
}

func TestARecordIsReadWhereverHelmKeepsIt(t *testing.T) {
	twice := base64.StdEncoding.EncodeToString([]byte(packed(payload, true)))
	for name, r := range map[string]records{
		"in a Secret":                    {"Secret": {recordOf("sh.helm.release.v1.shop.v2", "deployed", twice)}},
		"in a ConfigMap":                 {"ConfigMap": {recordOf("sh.helm.release.v1.shop.v2", "deployed", packed(payload, true))}},
		"in a ConfigMap, not compressed": {"ConfigMap": {recordOf("sh.helm.release.v1.shop.v2", "deployed", packed(payload, false))}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Load(t.Context(), r, "ns", "shop")
			if err != nil {
				t.Fatal(err)
			}
			got := found.Current()
			if got.Err != nil || got.Number != 2 || got.Status != Deployed || got.Description != "Upgrade complete" {
				t.Errorf("it is %+v", got)
			}
			var objects []string
			for _, o := range append(got.Wanted.Objects, got.Wanted.Hooks...) {
				objects = append(objects, o.ID().String()+" from "+o.Source.File)
			}
			want := []string{
				"CustomResourceDefinition.apiextensions.k8s.io/as from crds/a.yaml", "ConfigMap/a from templates/a.yaml",
				"Secret/b from charts/sub/templates/b.yaml", "Pod/t from templates/test.yaml",
			}
			if d := cmp.Diff(want, objects); d != "" {
				t.Errorf("objects (-want +got):\n%s", d)
			}
			if d := cmp.Diff(map[string]any{"replicas": int64(3)}, got.Wanted.Values); d != "" {
				t.Errorf("values (-want +got):\n%s", d)
			}
		})
	}
}

func TestADamagedRecordKeepsWhatItsLabelsTell(t *testing.T) {
	r := records{"ConfigMap": {
		recordOf("sh.helm.release.v1.shop.v7", "deployed", packed(payload, true)[:40]),
		recordOf("sh.helm.release.v1.shop.v3", "superseded", packed(`{"version":`, true)),
		recordOf("somebody-elses.v9", "deployed", "x"),
	}}
	found, err := Load(t.Context(), r, "ns", "shop")
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, one := range found.Revisions {
		if one.Wanted != nil || one.Err == nil {
			t.Errorf("revision %d was read", one.Number)
		}
		got = append(got, one.Number)
	}
	if d := cmp.Diff([]int{3, 7}, got); d != "" {
		t.Errorf("revisions (-want +got):\n%s", d)
	}
	if _, err := Load(t.Context(), records{}, "ns", "shop"); !errors.Is(err, ErrNone) {
		t.Errorf("without a record: %v", err)
	}
}

func TestTheNewestRevisionsSayWhichReleasesThereAre(t *testing.T) {
	both := records{
		"Secret": {
			recordOf("sh.helm.release.v1.shop.v10", "deployed", ""),
			recordOf("sh.helm.release.v1.shop.v9", "uninstalled", ""),
			recordOf("a.v1", "deployed", ""),
		},
		"ConfigMap": {recordOf("sh.helm.release.v1.shop.v8", "superseded", "")},
	}
	for name, c := range map[string]struct {
		r    records
		want []string
	}{
		"in both places":               {both, []string{"shop"}},
		"where ConfigMaps are hidden":  {records{"Secret": both["Secret"][:1]}, []string{"shop"}},
		"one that was uninstalled":     {records{"Secret": both["Secret"][1:]}, nil},
		"what only looks like records": {records{"Secret": both["Secret"][2:]}, nil},
	} {
		got, err := Names(t.Context(), c.r, "ns")
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
}
