package proxy

import (
	"cmp"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Rule is something that goes wrong. Exactly what it says happens to each
// request that it applies to; a rule with only a Delay passes the request on.
type Rule struct {
	// Match says which requests it applies to; nil means all.
	Match func(Request) bool
	// Probability of applying to a request that matches; 0 means always.
	Probability float64
	// Times bounds how often it applies; 0 means always.
	Times int

	// Delay is waited before anything else.
	Delay time.Duration
	// Status answers in the API server's stead; RetryAfter, in seconds, goes with it.
	Status     int
	RetryAfter int
	// Message is the words of that answer; empty means some.
	Message string
	// Body is that answer whole, in place of an error.
	Body string
	// Cut closes the client's connection; the API server never sees the request.
	Cut bool
	// Swallow passes the request on and closes the connection in place of the
	// answer: the client cannot know whether it was done.
	Swallow bool
}

// dice decides which rule applies. The same seed and order of requests give the
// same decisions.
type dice struct {
	mu    sync.Mutex
	rand  *rand.Rand
	rules []Rule
	used  []int
}

func newDice(rules []Rule, seed uint64) *dice {
	return &dice{rand: rand.New(rand.NewPCG(seed, seed)), rules: rules, used: make([]int, len(rules))}
}

// pick returns the first rule that applies and for which want is true.
func (d *dice) pick(r Request, want func(Rule) bool) (Rule, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, rule := range d.rules {
		switch {
		case !want(rule),
			rule.Times > 0 && d.used[i] >= rule.Times,
			rule.Match != nil && !rule.Match(r),
			rule.Probability > 0 && d.rand.Float64() >= rule.Probability:
			continue
		}
		d.used[i]++
		return rule, true
	}
	return Rule{}, false
}

// swallow says whether the answer to a request is to be lost.
func (d *dice) swallow(r Request) bool {
	_, yes := d.pick(r, func(rule Rule) bool { return rule.Swallow })
	return yes
}

// inject does to a request what the rules say, and returns true when it has
// been answered.
func (p *Proxy) inject(w http.ResponseWriter, r *http.Request, seen *Request) bool {
	rule, yes := p.rules.pick(p.copy(seen), func(rule Rule) bool { return !rule.Swallow })
	if !yes {
		return false
	}
	if rule.Delay > 0 {
		timer := time.NewTimer(rule.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	switch {
	case rule.Cut:
		p.note(seen, func(r *Request) { r.Injected = "cut" })
		cut(r)
	case rule.Status != 0:
		p.note(seen, func(r *Request) { r.Status, r.Injected = rule.Status, "injected" })
		answer(w, rule)
		return true
	}
	return false
}

// answer writes an error as an API server writes it.
func answer(w http.ResponseWriter, rule Rule) {
	reason := map[int]string{
		http.StatusTooManyRequests: "TooManyRequests", http.StatusForbidden: "Forbidden",
		http.StatusConflict: "Conflict", http.StatusUnauthorized: "Unauthorized",
		http.StatusNotFound: "NotFound", http.StatusUnprocessableEntity: "Invalid", http.StatusServiceUnavailable: "ServiceUnavailable",
		http.StatusGatewayTimeout: "Timeout",
	}[rule.Status]
	if reason == "" {
		reason = "InternalError"
	}
	w.Header().Set("Content-Type", "application/json")
	if rule.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(rule.RetryAfter))
	}
	w.WriteHeader(rule.Status)
	if rule.Body != "" {
		_, _ = io.WriteString(w, rule.Body)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that went away is no failure here
		"kind": "Status", "apiVersion": "v1", "status": "Failure",
		"code": rule.Status, "reason": reason, "message": cmp.Or(rule.Message, "injected by the test"),
	})
}
