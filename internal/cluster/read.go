package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

const typeMetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// Get reads an object. apierrors.IsNotFound tells that it, its namespace or its
// kind does not exist.
func (c *Client) Get(ctx context.Context, k object.Kind, namespace, name string) (*unstructured.Unstructured, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: pathOf(k, namespace, name), about: k})
	if err != nil {
		return nil, err
	}
	return a.object()
}

// List reads all objects of a kind that a label selector matches; namespace ""
// is all. It is consistent: never older than the last write.
func (c *Client) List(ctx context.Context, k object.Kind, namespace, selector string) (*unstructured.UnstructuredList, error) {
	return c.list(ctx, k, namespace, selector, "")
}

// pageSize is how many objects are read at once where there may be very many.
const pageSize = 500

// Each calls fn for all objects of a kind that a selector matches, page by page,
// so that a large namespace does not have to fit into memory; namespace "" is all.
// It returns the resourceVersion of the whole, to watch from. When the server has
// forgotten it between two pages, the error is IsResourceExpired.
func (c *Client) Each(ctx context.Context, k object.Kind, namespace, selector string, fn func(*unstructured.Unstructured)) (string, error) {
	r := request{method: http.MethodGet, path: pathOf(k, namespace, ""), about: k}
	r.query = url.Values{"limit": {strconv.Itoa(pageSize)}}
	if selector != "" {
		r.query.Set("labelSelector", selector)
	}
	for {
		a, err := c.do(ctx, r)
		if err != nil {
			return "", err
		}
		u, err := a.object()
		if err != nil {
			return "", err
		}
		page := listOf(u, k)
		for i := range page.Items {
			fn(&page.Items[i])
		}
		next := page.GetContinue()
		if next == "" {
			return page.GetResourceVersion(), nil
		}
		r.query.Set("continue", next)
	}
}

// ListMetadata lists objects without their content; namespace "" is all.
func (c *Client) ListMetadata(ctx context.Context, k object.Kind, namespace, selector string) ([]*unstructured.Unstructured, error) {
	list, err := c.list(ctx, k, namespace, selector, typeMetadataList)
	if err != nil {
		return nil, err
	}
	items := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		items[i] = &list.Items[i]
		// The server calls them PartialObjectMetadata.
		items[i].SetGroupVersionKind(k.GroupVersionKind)
	}
	return items, nil
}

func (c *Client) list(ctx context.Context, k object.Kind, namespace, selector, accept string) (*unstructured.UnstructuredList, error) {
	r := request{method: http.MethodGet, path: pathOf(k, namespace, ""), accept: accept, about: k}
	if selector != "" {
		r.query = url.Values{"labelSelector": {selector}}
	}
	a, err := c.do(ctx, r)
	if err != nil {
		if apierrors.IsNotFound(err) { // the kind is not served, whatever the file said
			c.forget(ctx)
		}
		return nil, err
	}
	u, err := a.object()
	if err != nil {
		return nil, err
	}
	return listOf(u, k), nil
}

// listOf takes a list apart. Items of built-in kinds do not say what they are.
func listOf(u *unstructured.Unstructured, k object.Kind) *unstructured.UnstructuredList {
	items, _ := u.Object["items"].([]any)
	delete(u.Object, "items")
	list := &unstructured.UnstructuredList{Object: u.Object, Items: make([]unstructured.Unstructured, 0, len(items))}
	apiVersion := k.GroupVersion().String()
	for _, item := range items {
		body, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if body["kind"] == nil {
			body["kind"], body["apiVersion"] = k.Kind, apiVersion
		}
		list.Items = append(list.Items, unstructured.Unstructured{Object: body})
	}
	return list
}

// Can asks whether the user may do each of these, in order.
func (c *Client) Can(ctx context.Context, what []object.Access) ([]bool, error) {
	allowed := make([]bool, len(what))
	asked := map[object.Access]int{}
	known, err := c.rules(ctx, what)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, access := range what {
		if _, ok := asked[access]; ok {
			continue
		}
		asked[access] = i
		if known[access.Namespace].allow(access) {
			allowed[i] = true
			continue
		}
		g.Go(func() (err error) {
			allowed[i], err = c.can(ctx, access)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, access := range what {
		allowed[i] = allowed[asked[access]]
	}
	return allowed, nil
}

func (c *Client) can(ctx context.Context, access object.Access) (bool, error) {
	attributes := map[string]string{"verb": access.Verb, "resource": access.Resource}
	for key, value := range map[string]string{
		"group": access.Group, "subresource": access.Subresource, "namespace": access.Namespace, "name": access.Name,
	} {
		if value != "" {
			attributes[key] = value
		}
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "authorization.k8s.io/v1",
		"kind":       "SelfSubjectAccessReview",
		"spec":       map[string]any{"resourceAttributes": attributes},
	})
	if err != nil {
		return false, err
	}
	a, err := c.do(ctx, request{method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body: body})
	if err != nil {
		return false, err
	}
	var review struct{ Status struct{ Allowed bool } }
	err = a.into(&review)
	return review.Status.Allowed, err
}
