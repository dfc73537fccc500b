package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// manager is the field manager of what is not applied: belay's own records.
const manager = "belay"

// Apply is a server-side apply, unforced unless o says so. A uid or a
// resourceVersion in the body's metadata is a precondition. created is true when
// the object was not there.
func (c *Client) Apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (live *unstructured.Unstructured, created bool, err error) {
	live, created, err = c.apply(ctx, k, body, o, false)
	if err == nil {
		c.wrote(k)
	}
	return live, created, err
}

// DryRun asks what a server-side apply would answer. created is true when it
// would create the object.
func (c *Client) DryRun(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions) (merged *unstructured.Unstructured, created bool, err error) {
	return c.apply(ctx, k, body, o, true)
}

func (c *Client) apply(ctx context.Context, k object.Kind, body *unstructured.Unstructured, o object.ApplyOptions, dryRun bool) (*unstructured.Unstructured, bool, error) {
	r := request{
		method:  http.MethodPatch,
		path:    pathOf(k, body.GetNamespace(), body.GetName()),
		query:   applied(o.Manager, dryRun),
		content: typeApply,
		writes:  !dryRun,
		about:   k,
	}
	r.query.Set("force", strconv.FormatBool(o.Force))
	return c.send(ctx, r, body)
}

// DryRunCreate asks what a create of the object would answer: AlreadyExists
// means that it is valid as a new object.
func (c *Client) DryRunCreate(ctx context.Context, k object.Kind, body *unstructured.Unstructured) error {
	r := request{method: http.MethodPost, path: pathOf(k, body.GetNamespace(), ""), query: strict(true), about: k}
	_, _, err := c.send(ctx, r, body)
	return err
}

// DryRunUpdate asks what replacing the object would answer.
func (c *Client) DryRunUpdate(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := request{method: http.MethodPut, path: pathOf(k, body.GetNamespace(), body.GetName()), query: strict(true), about: k}
	live, _, err := c.send(ctx, r, body)
	return live, err
}

// Patch sends a merge patch. Its uid and resourceVersion are preconditions. A patch
// that only sets managedFields changes nothing else, and leaves no entry of ours.
func (c *Client) Patch(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := request{
		method: http.MethodPatch, path: pathOf(k, body.GetNamespace(), body.GetName()), query: strict(false),
		content: "application/merge-patch+json", writes: true, about: k,
	}
	live, _, err := c.send(ctx, r, body)
	return live, err
}

// Create makes an object. After a lost answer the error may be AlreadyExists
// although it was this call that made it.
func (c *Client) Create(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := request{method: http.MethodPost, path: pathOf(k, body.GetNamespace(), ""), query: strict(false), writes: true, about: k}
	live, _, err := c.send(ctx, r, body)
	return live, err
}

// Update replaces an object; a resourceVersion in its metadata is a
// precondition. After a lost answer the error may be a conflict with the update
// itself.
func (c *Client) Update(ctx context.Context, k object.Kind, body *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r := request{method: http.MethodPut, path: pathOf(k, body.GetNamespace(), body.GetName()), query: strict(false), writes: true, about: k}
	live, _, err := c.send(ctx, r, body)
	return live, err
}

// Delete asks the server to delete an object; it may live on while finalizers
// or a foreground deletion take their time. Empty conditions are not checked.
// After a lost answer the error may be NotFound.
func (c *Client) Delete(ctx context.Context, k object.Kind, namespace, name string, o object.DeleteOptions) error {
	options := map[string]any{"apiVersion": "v1", "kind": "DeleteOptions"}
	conditions := map[string]string{}
	if o.UID != "" {
		conditions["uid"] = o.UID
	}
	if o.Version != "" {
		conditions["resourceVersion"] = o.Version
	}
	if len(conditions) > 0 {
		options["preconditions"] = conditions
	}
	if o.Propagation != "" {
		options["propagationPolicy"] = o.Propagation
	}
	body, err := json.Marshal(options)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, request{method: http.MethodDelete, path: pathOf(k, namespace, name), body: body, writes: true, about: k})
	if err == nil {
		c.wrote(k)
	}
	return err
}

// strict has the server refuse fields that it does not know.
func strict(dryRun bool) url.Values {
	return query(manager, "Strict", dryRun)
}

// applied is for server-side apply, which refuses such fields by itself. Strict
// would have it read the body, which is YAML to it, a second time to look for
// keys that are there twice: ours has none, and reading it is dear.
func applied(manager string, dryRun bool) url.Values {
	return query(manager, "Ignore", dryRun)
}

func query(manager, validation string, dryRun bool) url.Values {
	q := url.Values{"fieldManager": {manager}, "fieldValidation": {validation}}
	if dryRun {
		q.Set("dryRun", "All")
	}
	return q
}

// send encodes an object once, however often it is sent.
func (c *Client) send(ctx context.Context, r request, body *unstructured.Unstructured) (*unstructured.Unstructured, bool, error) {
	var err error
	if r.body, err = json.Marshal(body.Object); err != nil {
		return nil, false, fmt.Errorf("encoding: %w", err)
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, false, err
	}
	live, err := a.object()
	return live, a.status == http.StatusCreated, err
}
