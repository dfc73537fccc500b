package release

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// Names of records, and what marks them. They never carry the release label:
// LISTs of a release's objects would load them.
const (
	headType       = "belay.sh/release"
	chunkType      = "belay.sh/chunk"
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "belay"
	recordLabel    = "belay.sh/record"
	partLabel      = "belay.sh/part"
	partHead       = "head"
	partChunk      = "chunk"

	headKey      = "head"
	inventoryKey = "inventory"
	chunkKey     = "chunk"
)

// Annotations of the head: what list prints, so that it need not read the head.
const (
	revisionAnnotation    = "belay.sh/revision"
	statusAnnotation      = "belay.sh/status"
	whenAnnotation        = "belay.sh/when"
	bundleAnnotation      = "belay.sh/bundle"
	versionAnnotation     = "belay.sh/bundle-version"
	environmentAnnotation = "belay.sh/environment"
	renewedAnnotation     = "belay.sh/renewed"
)

// format is the version of the records. It grows when an older belay must not
// write them any more; fields that are merely new are kept by it.
const format = 1

var secretKind = object.Kind{
	GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "Secret"},
	Resource:         "secrets",
	Namespaced:       true,
}

func headName(name string) string          { return "belay." + name }
func chunkName(name, digest string) string { return headName(name) + "." + digest }

// head is what the head Secret says, apart from an inventory that it holds.
type head struct {
	Format int `json:"format"`
	// Nonce is of the last write, by which its writer knows it again.
	Nonce string `json:"nonce"`
	// Edition counts the writes that changed revisions or inventory.
	Edition int64  `json:"edition,omitempty"`
	Key     string `json:"key"`
	// Lock is the holder, or nil.
	Lock      *Holder    `json:"lock,omitempty"`
	Revisions []Revision `json:"-"`
	// Inventory names the inventory's chunks; empty when the Secret holds it.
	Inventory []string `json:"inventory,omitempty"`
	// Dropped are chunks that are named no more, and may still exist.
	Dropped []string `json:"dropped,omitempty"`
	// Sweep is true when chunks may exist that no head ever named.
	Sweep bool `json:"sweep,omitempty"`

	// What a newer belay wrote and this one does not know.
	unknown         members
	unknownRevision map[int]members
}

// members of a JSON object.
type members map[string]json.RawMessage

// record is a head and the Secret that it stands in.
type record struct {
	head
	// packed is the inventory, when no chunks hold it.
	packed []byte
	// secret is as the server last gave it; nil when there is none.
	secret *unstructured.Unstructured
}

// clone copies what a writer changes.
func (r *record) clone() *record {
	c := *r
	c.Revisions = slices.Clone(r.Revisions)
	c.Dropped = slices.Clone(r.Dropped)
	if r.Lock != nil {
		holder := *r.Lock
		c.Lock = &holder
	}
	return &c
}

// named are the digests of all chunks that the head names.
func (h *head) named() map[string]bool {
	named := map[string]bool{}
	for _, digest := range h.Inventory {
		named[digest] = true
	}
	for _, r := range h.Revisions {
		for _, digest := range slices.Concat(r.Content, r.Result, r.Plan) {
			named[digest] = true
		}
	}
	return named
}

// leave adds to the dropped chunks what before named and h does not.
func (h *head) leave(before *head) {
	named, dropped := h.named(), before.named()
	for _, digest := range h.Dropped {
		dropped[digest] = true
	}
	maps.DeleteFunc(dropped, func(digest string, _ bool) bool { return named[digest] })
	h.Dropped = slices.Sorted(maps.Keys(dropped))
}

// revision returns the revision of that number, or nil.
func (h *head) revision(number int) *Revision {
	for i := range h.Revisions {
		if h.Revisions[i].Number == number {
			return &h.Revisions[i]
		}
	}
	return nil
}

// version changes when the revisions or the inventory do, and not with the lock.
func (h *head) version() string {
	if h.Edition == 0 {
		return ""
	}
	return h.Key[:min(8, len(h.Key))] + "-" + strconv.FormatInt(h.Edition, 10)
}

var errHead = errors.New("the head is damaged")

// wireHead is the head as it is written.
type wireHead struct {
	*head
	Revisions []json.RawMessage `json:"revisions"`
}

func (h *head) encode() ([]byte, error) {
	w := wireHead{head: h, Revisions: make([]json.RawMessage, len(h.Revisions))}
	for i, r := range h.Revisions {
		data, err := encodeWith(r, h.unknownRevision[r.Number])
		if err != nil {
			return nil, err
		}
		w.Revisions[i] = data
	}
	return encodeWith(w, h.unknown)
}

func decodeHead(data []byte) (*head, error) {
	var v struct{ Format int }
	if err := json.Unmarshal(data, &v); err != nil || v.Format == 0 {
		return nil, errHead
	}
	if v.Format > format {
		return nil, fmt.Errorf("it was written by a newer belay (records of format %d, this one knows %d): "+
			"use that version, or a later one", v.Format, format)
	}
	h := &head{unknownRevision: map[int]members{}}
	w := wireHead{head: h}
	unknown, err := decodeWith(data, &w)
	if err != nil {
		return nil, errHead
	}
	h.unknown = unknown
	for _, data := range w.Revisions {
		var r Revision
		unknown, err := decodeWith(data, &r)
		if err != nil {
			return nil, errHead
		}
		h.Revisions = append(h.Revisions, r)
		h.unknownRevision[r.Number] = unknown
	}
	return h, nil
}

// decodeWith decodes a JSON object into the struct that v points to, and
// returns the members that the struct has no field for.
func decodeWith(data []byte, v any) (members, error) {
	if err := json.Unmarshal(data, v); err != nil {
		return nil, err
	}
	var all members
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		delete(all, name)
	}
	return all, nil
}

// encodeWith adds members to what the struct v says.
func encodeWith(v any, more members) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || len(more) == 0 {
		return data, err
	}
	var all members
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	for name, value := range more {
		if _, ok := all[name]; !ok {
			all[name] = value
		}
	}
	return json.Marshal(all)
}

// body makes the Secret, on top of what others wrote on it.
func (r *record) body(namespace, name string) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": headType}}
	if r.secret != nil {
		u = r.secret.DeepCopy()
		u.SetManagedFields(nil)
	}
	u.SetNamespace(namespace)
	u.SetName(headName(name))
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[managedByLabel], labels[recordLabel], labels[partLabel] = managedBy, name, partHead
	u.SetLabels(labels)
	u.SetAnnotations(r.annotate(u.GetAnnotations()))

	data, err := r.encode()
	if err != nil {
		return nil, fmt.Errorf("encoding the head: %w", err)
	}
	if data, err = pack(data); err != nil {
		return nil, err
	}
	content, _, _ := unstructured.NestedMap(u.Object, "data")
	if content == nil {
		content = map[string]any{}
	}
	content[headKey] = base64.StdEncoding.EncodeToString(data)
	delete(content, inventoryKey)
	if len(r.Inventory) == 0 && len(r.packed) > 0 {
		content[inventoryKey] = base64.StdEncoding.EncodeToString(r.packed)
	}
	u.Object["data"] = content
	return u, nil
}

func (r *record) annotate(all map[string]string) map[string]string {
	if all == nil {
		all = map[string]string{}
	}
	ours := map[string]string{}
	if len(r.Revisions) > 0 {
		current := r.Revisions[len(r.Revisions)-1]
		ours[revisionAnnotation] = strconv.Itoa(current.Number)
		ours[statusAnnotation] = string(current.Status)
		ours[whenAnnotation] = current.When.UTC().Format(time.RFC3339)
		ours[bundleAnnotation] = current.Origin.Bundle
		ours[versionAnnotation] = current.Origin.Version
		ours[environmentAnnotation] = current.Origin.Environment
	}
	if r.Lock != nil {
		ours[renewedAnnotation] = r.Lock.Renewed.UTC().Format(time.RFC3339)
	}
	for _, name := range []string{
		revisionAnnotation, statusAnnotation, whenAnnotation, bundleAnnotation,
		versionAnnotation, environmentAnnotation, renewedAnnotation,
	} {
		if ours[name] == "" {
			delete(all, name)
		} else {
			all[name] = ours[name]
		}
	}
	return all
}

// recordOf reads a head Secret.
func recordOf(u *unstructured.Unstructured) (*record, error) {
	if kind, _, _ := unstructured.NestedString(u.Object, "type"); kind != headType {
		return nil, fmt.Errorf("secret %q is not a record of belay: it is of type %q", u.GetName(), kind)
	}
	data, err := dataOf(u, headKey)
	if err != nil {
		return nil, err
	}
	if data, err = unpack(data); err != nil {
		return nil, err
	}
	h, err := decodeHead(data)
	if err != nil {
		return nil, err
	}
	packed, err := dataOf(u, inventoryKey)
	if err != nil {
		return nil, err
	}
	return &record{head: *h, packed: packed, secret: u}, nil
}
