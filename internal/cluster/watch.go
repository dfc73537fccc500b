package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

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
		c.tellRetry(r, try, wait, errors.New("the watch was closed"))
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
	frames := json.NewDecoder(resp.Body)
	for {
		var frame struct {
			Type   string
			Object json.RawMessage
		}
		if err := frames.Decode(&frame); err != nil {
			return seen, &connError{err}
		}
		version, err := event(frame.Type, frame.Object, fn)
		if err != nil {
			return seen, err
		}
		seen = version
	}
}

// event hands one event on and returns its resourceVersion.
func event(kind string, raw []byte, fn func(object.Event) error) (string, error) {
	if kind == "ERROR" {
		var status metav1.Status
		if err := json.Unmarshal(raw, &status); err != nil {
			return "", fmt.Errorf("reading a watch: %w", err)
		}
		return "", &apierrors.StatusError{ErrStatus: status}
	}
	u := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(raw, &u.Object); err != nil {
		return "", fmt.Errorf("reading a watch: %w", err)
	}
	if kind != "BOOKMARK" {
		if err := fn(object.Event{Deleted: kind == "DELETED", Object: u}); err != nil {
			return "", &stopError{err}
		}
	}
	return u.GetResourceVersion(), nil
}
