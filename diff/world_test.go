package diff

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
)

// world is a cluster in memory, good for decisions: it applies with the server's
// own field manager, with schemas deduced from the objects (all lists atomic).
// What only a real server knows is tested with one.
type world struct {
	t       testing.TB
	kinds   map[schema.GroupKind]object.Kind
	objects map[object.ID]*unstructured.Unstructured
	uids    int

	refuse   map[string]error // of dry-runs, by object.ID.String()
	asNew    map[string]error // of dry-run creates
	alone    map[string]bool  // what an update may become that leaves nothing of others
	forbid   map[string]bool  // "verb resource"
	noSchema bool

	mu    sync.Mutex
	calls map[string]int
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, kinds: map[schema.GroupKind]object.Kind{}, objects: map[object.ID]*unstructured.Unstructured{},
		refuse: map[string]error{}, asNew: map[string]error{}, alone: map[string]bool{}, forbid: map[string]bool{}, calls: map[string]int{},
	}
	for _, k := range []struct {
		apiVersion, kind, resource string
		cluster                    bool
	}{
		{"v1", "Namespace", "namespaces", true}, {"v1", "ConfigMap", "configmaps", false}, {"v1", "Secret", "secrets", false},
		{"v1", "Service", "services", false}, {"v1", "ServiceAccount", "serviceaccounts", false},
		{"v1", "PersistentVolumeClaim", "persistentvolumeclaims", false},
		{"apps/v1", "Deployment", "deployments", false}, {"apps/v1", "StatefulSet", "statefulsets", false},
		{"batch/v1", "Job", "jobs", false}, {"networking.k8s.io/v1", "Ingress", "ingresses", false},
		{"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", true},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", true},
	} {
		gvk := schema.FromAPIVersionAndKind(k.apiVersion, k.kind)
		w.kinds[gvk.GroupKind()] = object.Kind{GroupVersionKind: gvk, Resource: k.resource, Namespaced: !k.cluster}
	}
	return w
}

func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[what]++
}

func (w *world) denied(verb string, k object.Kind, name string) error {
	if w.forbid[verb+" "+k.Resource] {
		return apierrors.NewForbidden(k.GVR().GroupResource(), name, fmt.Errorf("User %q cannot %s resource", "ci", verb))
	}
	return nil
}

func (w *world) Kind(_ context.Context, gk schema.GroupKind, version string) (object.Kind, error) {
	k, ok := w.kinds[gk]
	if !ok || version != "" && k.Version != version {
		return object.Kind{}, &meta.NoKindMatchError{GroupKind: gk, SearchedVersions: []string{version}}
	}
	return k, nil
}

func (w *world) Get(_ context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	w.count("get")
	if err := w.denied("get", k, name); err != nil {
		return nil, err
	}
	u := w.objects[object.ID{Group: k.Group, Kind: k.Kind, Namespace: namespace, Name: name}]
	if u == nil {
		return nil, apierrors.NewNotFound(k.GVR().GroupResource(), name)
	}
	return u.DeepCopy(), nil
}

func (w *world) List(_ context.Context, k object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error) {
	w.count("list")
	if err := w.denied("list", k, ""); err != nil {
		return nil, err
	}
	sel, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	for id, u := range w.objects {
		if id.GroupKind() == k.GroupKind() && id.Namespace == namespace && sel.Matches(labels.Set(u.GetLabels())) {
			list.Items = append(list.Items, *u.DeepCopy())
		}
	}
	return list, nil
}

func (w *world) ListMetadata(_ context.Context, k object.Kind, namespace, selector string) ([]*unstructured.Unstructured, error) {
	if err := w.denied("list", k, ""); err != nil {
		return nil, err
	}
	sel, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	for id, u := range w.objects {
		if id.GroupKind() == k.GroupKind() && (namespace == "" || id.Namespace == namespace) && sel.Matches(labels.Set(u.GetLabels())) {
			all = append(all, u.DeepCopy())
		}
	}
	return all, nil
}

func (w *world) Kinds(context.Context) ([]object.Kind, error) {
	var all []object.Kind
	for _, k := range w.kinds {
		if k.Namespaced {
			all = append(all, k)
		}
	}
	return all, nil
}

func (w *world) DryRun(_ context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	w.count("dry-run")
	id := object.IDOf(body)
	if err := w.refuse[id.String()]; err != nil {
		return nil, false, err
	}
	if err := w.denied("patch", k, id.Name); err != nil {
		return nil, false, err
	}
	if ns := (object.ID{Kind: "Namespace", Name: id.Namespace}); id.Namespace != "" && w.objects[ns] == nil {
		return nil, false, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, id.Namespace)
	}
	return w.merge(k, body, o)
}

func (w *world) DryRunCreate(_ context.Context, k object.Kind, body *unstructured.Unstructured) error {
	w.count("dry-run create")
	if err, ok := w.asNew[object.IDOf(body).String()]; ok {
		return err
	}
	return apierrors.NewAlreadyExists(k.GVR().GroupResource(), body.GetName())
}

func (w *world) DryRunUpdate(_ context.Context, _ object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if id := object.IDOf(body).String(); !w.alone[id] && w.refuse[id] != nil {
		return nil, w.refuse[id]
	}
	return body.DeepCopy(), nil
}

func (w *world) OpenAPI(_ context.Context, gv schema.GroupVersion) ([]byte, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{}, gv.String())
}

func (w *world) Can(_ context.Context, what []object.Access) ([]bool, error) {
	allowed := make([]bool, len(what))
	for i, a := range what {
		w.count("can")
		allowed[i] = !w.forbid[a.Verb+" "+a.Resource]
	}
	return allowed, nil
}

func (w *world) Schemas(context.Context) (map[string]string, error) {
	w.count("schemas")
	if w.noSchema {
		return nil, apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	}
	return map[string]string{"v1": "1", "apps/v1": "1", "batch/v1": "1"}, nil
}

// merge applies as a server does.
func (w *world) merge(k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (*unstructured.Unstructured, bool, error) {
	live, exists := w.objects[object.IDOf(body)]
	if !exists {
		live = &unstructured.Unstructured{Object: map[string]any{"apiVersion": body.GetAPIVersion(), "kind": body.GetKind()}}
	}
	merged, err := w.manager(k).Apply(live.DeepCopy(), body.DeepCopy(), o.Manager, o.Force)
	if err != nil {
		return nil, false, err
	}
	return merged.(*unstructured.Unstructured), !exists, nil
}

func (w *world) manager(k object.Kind) *managedfields.FieldManager {
	m, err := managedfields.NewDefaultCRDFieldManager(managedfields.NewDeducedTypeConverter(),
		plain{}, plain{}, plain{}, k.GroupVersionKind, k.GroupVersion(), "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// plain converts nothing, defaults nothing, and creates unstructured objects.
type plain struct{}

func (plain) Default(runtime.Object) {}
func (plain) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, nil
}
func (plain) Convert(any, any, any) error { return nil }
func (plain) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (plain) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// put makes somebody create or change an object.
func (w *world) put(manager, yaml string) object.ID {
	w.t.Helper()
	body := manifests(w.t, yaml)[0].Body
	merged, _, err := w.merge(w.kinds[body.GroupVersionKind().GroupKind()], body, object.ApplyOptions{Manager: manager, Force: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.store(merged)
}

func (w *world) store(u *unstructured.Unstructured) object.ID {
	id := object.IDOf(u)
	if u.GetUID() == "" {
		w.uids++
		u.SetUID(types.UID(fmt.Sprintf("uid-%d", w.uids)))
	}
	w.uids++
	u.SetResourceVersion(fmt.Sprint(w.uids))
	w.objects[id] = u
	return id
}

// carryOut does what apply does with a plan, and records it in the state.
func (w *world) carryOut(p *Plan, s *release.State) {
	w.t.Helper()
	if len(p.Refused) > 0 {
		w.t.Fatalf("refused: %+v", p.Refused)
	}
	for _, c := range p.Changes {
		for _, step := range c.Steps {
			if step.Verb == VerbDelete || step.Verb == VerbClear {
				delete(w.objects, c.ID)
				delete(s.Inventory, c.ID)
				continue
			}
			body := withMeta(step.Body, func(m map[string]any) { delete(m, "uid"); delete(m, "resourceVersion") })
			merged, _, err := w.merge(c.Kind, body, object.ApplyOptions{Manager: p.Target.Manager(), Force: step.Force})
			if err != nil {
				w.t.Fatalf("%s: %v", c.ID, err)
			}
			w.store(merged)
			if c.Hook != nil {
				continue // nobody owns it
			}
			s.Inventory[c.ID] = release.Owned{
				UID: merged.GetUID(), Version: c.Kind.Version, Shared: c.Shared,
				Manifest: c.Manifest, Schema: c.Schema, Live: fields.Own(merged, p.Target.Manager()),
			}
		}
	}
	s.Version = "1"
	s.Revisions = append(s.Revisions, release.Revision{Number: len(s.Revisions) + 1, Status: release.Deployed, Origin: p.Wanted.Origin})
}

var shop = Target{Namespace: "shop", Release: "shop"}

func newState() *release.State {
	return &release.State{Inventory: map[object.ID]release.Owned{}}
}

func apply() Options { return Options{Op: OpApply, Target: shop, MaxDelete: -1} }

func compute(t testing.TB, w *world, s *release.State, yaml string, o Options) *Plan {
	t.Helper()
	p, err := Compute(context.Background(), w, s, wanted(t, yaml), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wanted(t testing.TB, yaml string) *render.Wanted {
	t.Helper()
	return &render.Wanted{Origin: render.Origin{Bundle: "shop"}, Objects: manifests(t, yaml)}
}

func manifests(t testing.TB, yaml string) []object.Object {
	t.Helper()
	objs, err := object.Decode([]byte(yaml), "shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return objs
}

// deployed is a world in which the release was applied, and its state.
func deployed(t testing.TB, yaml string) (*world, *release.State) {
	t.Helper()
	w, s := newWorld(t), newState()
	w.put("kubectl", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	w.carryOut(compute(t, w, s, yaml, apply()), s)
	w.calls = map[string]int{}
	return w, s
}

func actions(p *Plan) map[string]Action {
	all := map[string]Action{}
	for _, c := range p.Changes {
		all[c.ID.In("shop")] = c.Action
	}
	return all
}

func change(t testing.TB, p *Plan, name string) *Change {
	t.Helper()
	for i := range p.Changes {
		if p.Changes[i].ID.In("shop") == name {
			return &p.Changes[i]
		}
	}
	t.Fatalf("no change of %s in %v", name, actions(p))
	return nil
}

// refusal writes what a plan is refused for, as people see it.
func refusal(p *Plan) string {
	var b strings.Builder
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "%d %s\n", r.Code, r.Message)
		for _, line := range r.Lines {
			fmt.Fprintln(&b, "  "+line)
		}
		for _, hint := range r.Hints {
			fmt.Fprintln(&b, "hint: "+hint)
		}
	}
	return b.String()
}

func invalid(u string, causes ...metav1.StatusCause) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Message: u + " is invalid",
		Details: &metav1.StatusDetails{Causes: causes},
	}}
}
