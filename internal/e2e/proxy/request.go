package proxy

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// Request is one request that a client sent.
type Request struct {
	// Seq counts requests from 1, in order of arrival.
	Seq       int
	Method    string
	Path      string
	Query     string
	UserAgent string
	Type      string // Content-Type of the body
	DryRun    bool
	Watch     bool
	// Passed is true when the request was passed on to the API server.
	Passed bool
	// Status is what the API server answered, or what was injected; 0 before
	// that, and when the connection was cut instead.
	Status int
	// Injected says what the proxy did to the request, or is empty.
	Injected string
}

func newRequest(seq int, r *http.Request) *Request {
	q := r.URL.Query()
	return &Request{
		Seq: seq, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		UserAgent: r.UserAgent(), Type: r.Header.Get("Content-Type"),
		DryRun: q.Get("dryRun") == "All",
		Watch:  q.Get("watch") == "true" || q.Get("watch") == "1",
	}
}

// review matches the resources that are asked by POST and change nothing.
var review = regexp.MustCompile(`/(selfsubjectaccessreviews|selfsubjectrulesreviews|selfsubjectreviews|subjectaccessreviews|localsubjectaccessreviews|tokenreviews)$`)

// Mutating says whether the request may change something in the cluster.
func (r Request) Mutating() bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return !r.DryRun && !review.MatchString(r.Path)
}

// Record says whether the request concerns a record of belay's, a Secret named
// belay.RELEASE or belay.RELEASE.DIGEST, or the collection that they are made in.
func (r Request) Record() bool {
	_, name, ok := strings.Cut(r.Path, "/secrets")
	return ok && (name == "" || strings.HasPrefix(name, "/belay."))
}

// String writes the request in a line.
func (r Request) String() string {
	s := fmt.Sprintf("%3d %-6s %s", r.Seq, r.Method, r.Path)
	if r.Query != "" {
		s += "?" + r.Query
	}
	if r.Status != 0 {
		s += fmt.Sprintf(" → %d", r.Status)
	}
	if r.Injected != "" {
		s += " (" + r.Injected + ")"
	}
	return s
}

// Requests are requests in order of arrival.
type Requests []Request

// Mutating returns those that may have changed something.
func (l Requests) Mutating() Requests { return l.Where(Request.Mutating) }

// Where returns those that keep says yes to.
func (l Requests) Where(keep func(Request) bool) Requests {
	var kept Requests
	for _, r := range l {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// String writes a line for each request.
func (l Requests) String() string {
	lines := make([]string, len(l))
	for i, r := range l {
		lines[i] = r.String()
	}
	return strings.Join(lines, "\n")
}
