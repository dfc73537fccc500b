package rollout

import (
	"context"
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/belay-sh/belay/internal/object"
)

func unmarshal(raw []byte, into *map[string]any) error { return utiljson.Unmarshal(raw, into) }

// memory is a Watcher over objects in memory. Its selectors match everything;
// a test that has several watches of a kind gives them their own namespaces.
type memory struct {
	mu      sync.Mutex
	objects map[object.ID]*unstructured.Unstructured
	watches map[chan object.Event]string // to kind and namespace
	calls   []string
	log     string
	// fail decides the error of a call: "list Pod", "watch Deployment", "get …".
	fail func(call string) error
}

func newMemory(objects ...*unstructured.Unstructured) *memory {
	m := &memory{objects: map[object.ID]*unstructured.Unstructured{}, watches: map[chan object.Event]string{}}
	for _, u := range objects {
		m.objects[object.IDOf(u)] = u
	}
	return m
}

// watcher answers as a cluster does that holds the objects.
func (c fakeCluster) watcher() *memory {
	m := newMemory(c.objects...)
	m.log = c.log
	m.fail = func(call string) error {
		if c.denied != "" && call == "list "+c.denied {
			return apierrors.NewForbidden(schema.GroupResource{}, "", nil)
		}
		return nil
	}
	return m
}

func (m *memory) called(call string) error {
	m.calls = append(m.calls, call)
	if m.fail != nil {
		return m.fail(call)
	}
	return nil
}

func (m *memory) count(call string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.calls {
		if c == call {
			n++
		}
	}
	return n
}

// set makes or changes an object, and tells whoever watches its kind.
func (m *memory) set(u *unstructured.Unstructured) { m.tell(u, false) }

// remove takes an object away.
func (m *memory) remove(u *unstructured.Unstructured) { m.tell(u, true) }

func (m *memory) tell(u *unstructured.Unstructured, deleted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[object.IDOf(u)] = u
	if deleted {
		delete(m.objects, object.IDOf(u))
	}
	for ch, scope := range m.watches {
		if scope == u.GetKind()+"/"+u.GetNamespace() {
			ch <- object.Event{Deleted: deleted, Object: u.DeepCopy()}
		}
	}
}

// put makes or changes an object, and tells nobody.
func (m *memory) put(u *unstructured.Unstructured) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[object.IDOf(u)] = u
}

// lose tells all watches that an object is out of their sight.
func (m *memory) lose(u *unstructured.Unstructured) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ch := range m.watches {
		ch <- object.Event{Deleted: true, Object: u}
	}
}

// cut ends all watches, as a server that goes away does.
func (m *memory) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ch := range m.watches {
		close(ch)
		delete(m.watches, ch)
	}
}

func (m *memory) Kind(context.Context, schema.GroupKind, string) (object.Kind, error) {
	return object.Kind{}, errors.New("nobody asks")
}

func (m *memory) Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.called("get " + name); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for id, u := range m.objects {
		if id.Namespace == namespace && id.Name == name && (k.Kind == "" || id.Kind == k.Kind) {
			return u, nil
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: k.Resource}, name)
}

func (m *memory) Each(ctx context.Context, k object.Kind, namespace, selector string, fn func(*unstructured.Unstructured)) (string, error) {
	m.mu.Lock()
	err := m.called("list " + k.Kind)
	matches, _ := labels.Parse(selector)
	if k.Kind != "Pod" && k.Kind != "ReplicaSet" || matches == nil {
		matches = labels.Everything() // the objects of tests carry no release label
	}
	var found []*unstructured.Unstructured
	for id, u := range m.objects {
		if id.Kind == k.Kind && id.Namespace == namespace && (len(u.GetLabels()) == 0 || matches.Matches(labels.Set(u.GetLabels()))) {
			found = append(found, u.DeepCopy())
		}
	}
	m.mu.Unlock()
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int { return object.IDOf(a).Compare(object.IDOf(b)) })
	for _, u := range found {
		fn(u)
	}
	return "", ctx.Err()
}

func (m *memory) Watch(ctx context.Context, k object.Kind, namespace, _, _ string, fn func(object.Event) error) error {
	m.mu.Lock()
	if err := m.called("watch " + k.Kind); err != nil {
		m.mu.Unlock()
		return err
	}
	events := make(chan object.Event, 100)
	m.watches[events] = k.Kind + "/" + namespace
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.watches, events)
		m.mu.Unlock()
	}()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return apierrors.NewResourceExpired("too old")
			}
			if err := fn(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *memory) Logs(context.Context, string, string, string, bool, int) (string, error) {
	return m.log, nil
}
