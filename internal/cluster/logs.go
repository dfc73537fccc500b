package cluster

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// maxLogLine bounds a line of a log, in bytes; a longer one ends the following.
const maxLogLine = 1 << 20

// Logs reads the last lines of a container; previous is the one before its last
// restart.
func (c *Client) Logs(ctx context.Context, namespace, pod, container string, previous bool, lines int) (string, error) {
	query := url.Values{"tailLines": {strconv.Itoa(lines)}, "limitBytes": {"65536"}}
	if container != "" {
		query.Set("container", container)
	}
	if previous {
		query.Set("previous", "true")
	}
	a, err := c.do(ctx, logRequest(namespace, pod, query))
	return string(a.body), err
}

func logRequest(namespace, pod string, query url.Values) request {
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(pod) + "/log"
	return request{method: http.MethodGet, path: path, query: query, accept: "text/plain, */*"}
}

// FollowLogs calls line for each line that a container prints in its present
// run, until it ends or ctx does. A connection that breaks ends it too.
func (c *Client) FollowLogs(ctx context.Context, namespace, pod, container string, line func(string)) error {
	r := logRequest(namespace, pod, url.Values{"follow": {"true"}, "container": {container}})
	resp, err := c.open(ctx, r)
	if err != nil {
		return c.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := readAll(resp)
		if err != nil {
			return c.explain(&connError{err})
		}
		return statusError(resp.StatusCode, r, body)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		line(lines.Text())
	}
	return lines.Err()
}
