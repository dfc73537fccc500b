package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/belay-sh/belay/internal/object"
)

const (
	typeJSON  = "application/json"
	typeApply = "application/apply-patch+yaml"
)

// request is one question or order, as often as it may have to be sent.
type request struct {
	method string
	path   string
	query  url.Values
	body   []byte
	// content is the type of the body, accept that of the answer; "" is JSON.
	content, accept string
	// writes is true when the server may change something by it.
	writes bool
	// about is what kind of object it concerns; errors about Secrets are cleaned.
	about object.Kind
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
}

// pathOf returns the path of an object, or of a collection when name is empty.
func pathOf(k object.Kind, namespace, name string) string {
	path := "/api/" + k.Version
	if k.Group != "" {
		path = "/apis/" + k.Group + "/" + k.Version
	}
	if k.Namespaced && namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	path += "/" + k.Resource
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// do sends a request until it is answered for good.
func (c *Client) do(ctx context.Context, r request) (answer, error) {
	var spent spending
	resending := object.ResendingOf(ctx)
	for {
		a, after, err := c.once(ctx, r)
		if err == nil {
			if spent.tries > 0 {
				resending.Told(nil)
			}
			return a, nil
		}
		if ctx.Err() != nil {
			return answer{}, fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx))
		}
		wait, again := spent.next(time.Now(), failureOf(err, after), r.writes)
		if !again || passes(ctx, wait) {
			return answer{}, c.explain(err)
		}
		c.tellRetry(r, spent, wait, err)
		resending.Told(c.explain(err))
		if err := sleep(ctx, wait); err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		if !r.writes {
			continue
		}
		if err := resending.May(); err != nil {
			return answer{}, fmt.Errorf("%s %s: sending it again: %w", r.method, r.path, err)
		}
	}
}

// passes says whether waiting that long would outlast ctx: then the cause of the
// wait tells more than the end of ctx.
func passes(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < wait
}

func (c *Client) tellRetry(r request, spent spending, wait time.Duration, err error) {
	if c.OnRetry != nil {
		c.OnRetry(Retry{
			Method: r.method, Path: r.path, Try: spent.tries, For: time.Since(spent.since), Wait: wait, Err: c.explain(err),
		})
	}
}

// once sends a request one time and reads its whole answer. The duration is what
// the server asks to wait before the next try.
func (c *Client) once(ctx context.Context, r request) (answer, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok && r.writes {
		// What we no longer wait for must not happen behind our back.
		r.query = withTimeout(r.query, time.Until(deadline))
	}
	resp, err := c.open(ctx, r)
	if err != nil {
		return answer{}, 0, err
	}
	defer resp.Body.Close()
	body, err := readAll(resp)
	if err != nil {
		return answer{}, 0, &connError{err}
	}
	if resp.StatusCode/100 != 2 {
		return answer{}, retryAfter(resp.Header), statusError(resp.StatusCode, r, body)
	}
	return answer{status: resp.StatusCode, body: body}, 0, nil
}

func withTimeout(query url.Values, d time.Duration) url.Values {
	q := make(url.Values, len(query)+1)
	for key, values := range query {
		q[key] = values
	}
	q.Set("timeout", strconv.FormatInt(max(d.Milliseconds(), 1), 10)+"ms")
	return q
}

// open sends a request and returns when the head of the answer is there.
func (c *Client) open(ctx context.Context, r request) (*http.Response, error) {
	u := *c.base
	u.RawPath = ""
	address := u.String() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", typeJSON)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", typeJSON)
		if r.content != "" {
			req.Header.Set("Content-Type", r.content)
		}
	}
	start := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		err = &connError{err}
	} else {
		c.answered.Store(true)
		c.tellWarnings(resp.Header)
	}
	c.tellRequest(req, resp, time.Since(start), err)
	if err != nil {
		if !c.answered.Load() {
			err = &unreachableError{err}
		}
		return nil, err
	}
	return resp, nil
}

func (c *Client) tellRequest(req *http.Request, resp *http.Response, took time.Duration, err error) {
	if c.OnRequest == nil {
		return
	}
	r := Request{Method: req.Method, Path: req.URL.RequestURI(), Took: took, Err: err}
	if resp != nil {
		r.Status = resp.StatusCode
	}
	c.OnRequest(r)
}

func (c *Client) tellWarnings(h http.Header) {
	if c.OnWarning == nil || len(h["Warning"]) == 0 {
		return
	}
	warnings, _ := utilnet.ParseWarningHeaders(h["Warning"]) // a malformed one is not worth an error
	for _, w := range warnings {
		if w.Code == 299 && w.Text != "" {
			c.OnWarning(w.Text)
		}
	}
}

func readAll(resp *http.Response) ([]byte, error) {
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(resp.Body)
	return b.Bytes(), err
}

// retryAfter reads what the server asks to wait; 0 when it asks nothing.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// object reads an object; integers stay integers.
func (a answer) object() (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(a.body, &u.Object); err != nil {
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	return u, nil
}

func (a answer) into(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return nil
}
