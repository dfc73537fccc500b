package fields

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// Merger applies manifests to objects of one kind as the server does, with its
// own code and its schema, for what the server cannot be asked.
type Merger struct {
	manager *managedfields.FieldManager
	types   managedfields.TypeConverter
	gvk     schema.GroupVersionKind
}

// typesOf reads the document of a group-version that the server publishes under
// /openapi/v3.
func typesOf(document []byte) (managedfields.TypeConverter, error) {
	var doc struct {
		Components struct {
			Schemas map[string]*spec.Schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("decoding the schema: %w", err)
	}
	types, err := managedfields.NewTypeConverter(doc.Components.Schemas, false)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return types, nil
}

// Checker says whether manifests of a group-version fit its schemas: fields that
// do not exist, values of another type, keys of lists that occur twice.
type Checker struct{ types managedfields.TypeConverter }

// NewChecker makes a checker from the document of a group-version.
func NewChecker(document []byte) (*Checker, error) {
	types, err := typesOf(document)
	return &Checker{types}, err
}

// Check lists what is wrong with a manifest, a field a line. Lines begin with the
// field's path, and may hold its value.
func (c *Checker) Check(manifest *unstructured.Unstructured) []string {
	_, err := c.types.ObjectToTyped(manifest)
	if err == nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && line != "errors:" {
			lines = append(lines, line)
		}
	}
	return lines
}

// NewMerger makes a merger from the document of a group-version that the server
// publishes under /openapi/v3.
func NewMerger(document []byte, gvk schema.GroupVersionKind) (*Merger, error) {
	types, err := typesOf(document)
	if err != nil {
		return nil, err
	}
	manager, err := managedfields.NewDefaultCRDFieldManager(types, asIs{}, asIs{}, asIs{}, gvk, gvk.GroupVersion(), "", nil)
	if err != nil {
		return nil, fmt.Errorf("preparing to merge: %w", err)
	}
	return &Merger{manager: manager, types: types, gvk: gvk}, nil
}

// Apply returns what a forced server-side apply of a manifest makes of a live
// object, but for defaults and admission. The live object is not changed.
func (m *Merger) Apply(live, manifest *unstructured.Unstructured, manager string) (*unstructured.Unstructured, error) {
	merged, err := m.manager.Apply(live.DeepCopy(), manifest.DeepCopy(), manager, true)
	if err != nil {
		return nil, err
	}
	u, ok := merged.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("merging gave a %T", merged)
	}
	return u, nil
}

// Migrate returns a copy of a live object in which what older tools own is a
// manager's, and the names of those tools. An object that says nothing about its
// owners becomes the manager's whole. older says whose fields are meant.
func (m *Merger) Migrate(live, manifest *unstructured.Unstructured, manager string, older func(Entry) bool) (migrated *unstructured.Unstructured, tools []string, err error) {
	migrated = live.DeepCopy()
	ours := metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply,
		APIVersion: manifest.GetAPIVersion(), FieldsType: "FieldsV1",
	}
	own := Set{}
	if len(live.GetManagedFields()) == 0 {
		if own, err = m.whole(live, manager); err != nil {
			return nil, nil, err
		}
		tools = []string{"an unknown manager"}
	}
	entries := Entries(live)
	var rest []metav1.ManagedFieldsEntry
	for i, raw := range live.GetManagedFields() {
		e := entries[i]
		mine := e.Manager == manager && e.Operation == "Apply"
		if !mine && !older(e) {
			rest = append(rest, raw)
			continue
		}
		if e.APIVersion == ours.APIVersion {
			own = Union(own, e.Fields)
		}
		if !mine && !slices.Contains(tools, e.Manager) {
			tools = append(tools, e.Manager)
		}
	}
	data, err := json.Marshal(own)
	if err != nil {
		return nil, nil, err
	}
	now := metav1.Now()
	ours.Time, ours.FieldsV1 = &now, metav1.NewFieldsV1(string(data))
	migrated.SetManagedFields(append(rest, ours)) // the last one: apply counts on it
	return migrated, tools, nil
}

// whole is the set of all that an object says, but for what the server says of it.
func (m *Merger) whole(live *unstructured.Unstructured, manager string) (Set, error) {
	body := live.DeepCopy()
	delete(body.Object, "status")
	meta := map[string]any{"name": live.GetName()}
	if ns := live.GetNamespace(); ns != "" {
		meta["namespace"] = ns
	}
	for _, field := range []string{"labels", "annotations"} {
		if v, ok := body.Object["metadata"].(map[string]any)[field]; ok { //nolint:forcetypeassert // it is live
			meta[field] = v
		}
	}
	body.Object["metadata"] = meta
	empty := &unstructured.Unstructured{}
	empty.SetGroupVersionKind(m.gvk)
	applied, err := m.Apply(empty, body, manager)
	if err != nil {
		return nil, err
	}
	e, _ := Applied(applied, manager)
	return e.Fields, nil
}

// asIs converts nothing, defaults nothing, and creates unstructured objects.
type asIs struct{}

func (asIs) Default(runtime.Object) {}

func (asIs) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, nil
}

func (asIs) Convert(any, any, any) error { return nil }

func (asIs) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

func (asIs) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
