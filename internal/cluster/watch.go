package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"

	"github.com/belay-sh/belay/internal/object"
)

const (
	rewatchFirst = 200 * time.Millisecond
	rewatchMax   = 3 * time.Second
)

// Watch calls fn for every event since resourceVersion until ctx ends, fn fails,
// or the server cannot resume: then the error is IsResourceExpired or IsGone and
// the caller lists again. Closed connections, and a server that is away for a
// while, are followed up from the last event; the caller sees nothing of it.
func (c *Client) Watch(ctx context.Context, k object.Kind, namespace, selector, resourceVersion string, fn func(object.Event) error) error {
	r := request{method: http.MethodGet, path: pathOf(k, namespace, ""), about: k}
	wait := rewatchFirst
	for try := 1; ; try++ {
		r.query = url.Values{"watch": {"1"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {resourceVersion}}
		if selector != "" {
			r.query.Set("labelSelector", selector)
		}
		seen, err := c.watchOnce(ctx, r, fn)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if seen != "" {
			resourceVersion, wait, try = seen, rewatchFirst, 1
		}
		if err = c.mayResume(err); err != nil {
			return err
		}
		c.tellRetry(r, spending{tries: try, since: time.Now()}, wait, errors.New("the watch was closed"))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, rewatchMax)
	}
}

// mayResume returns nil when a watch that ended with err can go on where it was.
func (c *Client) mayResume(err error) error {
	var stop *stopError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stop):
		return stop.err
	}
	f := failureOf(err, 0)
	if f.lost && !f.hopeless {
		return nil
	}
	if _, again := (&spending{}).next(time.Now(), f, true); again && !f.unreachable {
		return nil
	}
	return c.explain(err)
}

// stopError is an error of the watcher's own fn.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// watchOnce follows one connection to its end, and returns the last
// resourceVersion that it saw.
func (c *Client) watchOnce(ctx context.Context, r request, fn func(object.Event) error) (seen string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A watch has no end, but it has a beginning.
	silence := time.AfterFunc(c.timeout, cancel)
	resp, err := c.open(ctx, r)
	silence.Stop()
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := readAll(resp)
		if err != nil {
			return "", &connError{err}
		}
		return "", statusError(resp.StatusCode, r, body)
	}
	frames := kjson.NewDecoderCaseSensitivePreserveInts(resp.Body)
	for {
		var frame struct {
			Type   string         `json:"type"`
			Object map[string]any `json:"object"`
		}
		if err := frames.Decode(&frame); err != nil {
			return seen, &connError{err}
		}
		version, err := event(frame.Type, &unstructured.Unstructured{Object: frame.Object}, fn)
		if err != nil {
			return seen, err
		}
		seen = version
	}
}

// event hands one event on and returns its resourceVersion.
func event(kind string, u *unstructured.Unstructured, fn func(object.Event) error) (string, error) {
	if kind == "ERROR" {
		return "", refusal(u)
	}
	if kind != "BOOKMARK" {
		if err := fn(object.Event{Deleted: kind == "DELETED", Object: u}); err != nil {
			return "", &stopError{err}
		}
	}
	return u.GetResourceVersion(), nil
}

// refusal is the error that a watch ends with.
func refusal(u *unstructured.Unstructured) error {
	refused := &apierrors.StatusError{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &refused.ErrStatus); err != nil {
		return fmt.Errorf("reading a watch: %w", err)
	}
	return refused
}
