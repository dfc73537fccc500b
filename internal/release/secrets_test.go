package release

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/belay-sh/belay/internal/object"
)

var secretsResource = schema.GroupResource{Resource: "secrets"}

// secrets behaves as an API server does with the Secrets of one namespace.
type secrets struct {
	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured
	version int
}

func newSecrets() *secrets {
	return &secrets{objects: map[string]*unstructured.Unstructured{}}
}

func (s *secrets) Get(_ context.Context, _ object.Kind, _, name string) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.objects[name]; ok {
		return u.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(secretsResource, name)
}

func (s *secrets) ListMetadata(_ context.Context, _ object.Kind, _, selector string) ([]*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sel, err := labels.Parse(selector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	var found []*unstructured.Unstructured
	for _, u := range s.objects {
		if sel.Matches(labels.Set(u.GetLabels())) {
			found = append(found, &unstructured.Unstructured{Object: map[string]any{
				"metadata": u.DeepCopy().Object["metadata"],
			}})
		}
	}
	return found, nil
}

func (s *secrets) Create(_ context.Context, _ object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[body.GetName()]; ok {
		return nil, apierrors.NewAlreadyExists(secretsResource, body.GetName())
	}
	if body.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	if err := checkSize(body); err != nil {
		return nil, err
	}
	u := body.DeepCopy()
	s.store(u)
	u.SetUID(types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", s.version)))
	return u.DeepCopy(), nil
}

func (s *secrets) Update(_ context.Context, _ object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.objects[body.GetName()]
	switch {
	case !ok:
		return nil, apierrors.NewNotFound(secretsResource, body.GetName())
	case body.GetResourceVersion() != "" && body.GetResourceVersion() != old.GetResourceVersion(),
		body.GetUID() != "" && body.GetUID() != old.GetUID():
		return nil, apierrors.NewConflict(secretsResource, body.GetName(), errors.New("the object has been modified"))
	case old.Object["immutable"] == true || old.Object["type"] != body.Object["type"]:
		return nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, body.GetName(), nil)
	}
	if err := checkSize(body); err != nil {
		return nil, err
	}
	u := body.DeepCopy()
	u.SetUID(old.GetUID())
	s.store(u)
	return u.DeepCopy(), nil
}

func (s *secrets) Delete(_ context.Context, _ object.Kind, _, name string, o object.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.objects[name]
	if !ok {
		return apierrors.NewNotFound(secretsResource, name)
	}
	if o.UID != "" && o.UID != string(u.GetUID()) || o.Version != "" && o.Version != u.GetResourceVersion() {
		return apierrors.NewConflict(secretsResource, name, errors.New("the precondition does not hold"))
	}
	s.version++
	delete(s.objects, name)
	return nil
}

func (s *secrets) store(u *unstructured.Unstructured) {
	s.version++
	u.SetResourceVersion(strconv.Itoa(s.version))
	s.objects[u.GetName()] = u
}

func checkSize(u *unstructured.Unstructured) error {
	size := 0
	data, _, _ := unstructured.NestedStringMap(u.Object, "data")
	for _, text := range data {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return apierrors.NewBadRequest("illegal base64 data")
		}
		size += len(raw)
	}
	if size > 1<<20 {
		return apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, u.GetName(), nil)
	}
	return nil
}

// names returns the names of all Secrets, sorted.
func (s *secrets) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// chunks counts the Secrets that are chunks.
func (s *secrets) chunks() int {
	n := 0
	for _, name := range s.names() {
		if strings.Count(name, ".") == 2 {
			n++
		}
	}
	return n
}

// fault is what becomes of a request.
type fault int

const (
	pass    fault = iota
	refuse        // not carried out, no answer
	lose          // carried out, no answer
	reject        // not carried out, answered 503
	forbid        // not carried out, answered 403
	hang          // not carried out until the process is resumed
	hanging       // as hang, but the request ends with its context
	freeze        // not carried out, and no answer when the process is resumed
)

var errNoAnswer = errors.New("connection reset by peer")

// process is the cluster as one run sees it: it counts requests, and faults say
// what becomes of them.
type process struct {
	*secrets
	mu       sync.Mutex
	requests []string
	// faults is asked for each request, numbered from 1.
	faults func(n int, request string) fault
	resume chan struct{}
}

// on changes what becomes of requests from now on.
func (p *process) on(faults func(n int, request string) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = faults
}

func (p *process) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

// writes returns the mutating requests so far.
func (p *process) writes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.requests), func(r string) bool {
		return strings.HasPrefix(r, "get") || strings.HasPrefix(r, "list")
	})
}

func (p *process) do(ctx context.Context, request string, carryOut func() error) error {
	p.mu.Lock()
	p.requests = append(p.requests, request)
	n, faults := len(p.requests), p.faults
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	f := pass
	if faults != nil {
		f = faults(n, request)
	}
	switch f {
	case refuse:
		return errNoAnswer
	case lose:
		_ = carryOut()
		return errNoAnswer
	case reject:
		return apierrors.NewServiceUnavailable("try again")
	case forbid:
		return apierrors.NewForbidden(secretsResource, "x", errors.New("no"))
	case hang:
		<-p.resume
	case freeze:
		<-p.resume
		return errNoAnswer
	case hanging:
		<-ctx.Done()
		return ctx.Err()
	}
	return carryOut()
}

func (p *process) Get(ctx context.Context, k object.Kind, ns, name string) (u *unstructured.Unstructured, err error) {
	err = p.do(ctx, "get "+name, func() error { u, err = p.secrets.Get(ctx, k, ns, name); return err })
	return u, err
}

func (p *process) ListMetadata(ctx context.Context, k object.Kind, ns, selector string) (all []*unstructured.Unstructured, err error) {
	err = p.do(ctx, "list "+selector, func() error { all, err = p.secrets.ListMetadata(ctx, k, ns, selector); return err })
	return all, err
}

func (p *process) Create(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (u *unstructured.Unstructured, err error) {
	err = p.do(ctx, "create "+body.GetName(), func() error { u, err = p.secrets.Create(ctx, k, body); return err })
	return u, err
}

func (p *process) Update(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (u *unstructured.Unstructured, err error) {
	err = p.do(ctx, "update "+body.GetName(), func() error { u, err = p.secrets.Update(ctx, k, body); return err })
	return u, err
}

func (p *process) Delete(ctx context.Context, k object.Kind, ns, name string, o object.DeleteOptions) error {
	return p.do(ctx, "delete "+name, func() error { return p.secrets.Delete(ctx, k, ns, name, o) })
}

func notFound(err error) bool { return apierrors.ReasonForError(err) == metav1.StatusReasonNotFound }
