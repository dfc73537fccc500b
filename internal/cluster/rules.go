package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/belay-sh/belay/internal/object"
)

// rules are what a user may do in a namespace, as far as the server can list it.
type rules []struct {
	Verbs, APIGroups, Resources, ResourceNames []string
}

// allow says that a rule allows it for certain. That none does proves nothing:
// not all authorizers can list what they allow.
func (r rules) allow(a object.Access) bool {
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	for _, rule := range r {
		if len(rule.ResourceNames) > 0 && (a.Name == "" || !slices.Contains(rule.ResourceNames, a.Name)) {
			continue
		}
		if in(rule.Verbs, a.Verb) && in(rule.APIGroups, a.Group) && in(rule.Resources, resource) {
			return true
		}
	}
	return false
}

func in(list []string, what string) bool {
	return slices.Contains(list, what) || slices.Contains(list, "*")
}

// rules asks for the rules of each namespace in which several rights are in
// question: one request spares many.
func (c *Client) rules(ctx context.Context, what []object.Access) (map[string]rules, error) {
	questions := map[string]int{}
	for _, a := range what {
		if a.Namespace != "" {
			questions[a.Namespace]++
		}
	}
	found := map[string]rules{}
	for namespace, n := range questions {
		if n < 2 {
			continue
		}
		body, err := json.Marshal(map[string]any{
			"apiVersion": "authorization.k8s.io/v1",
			"kind":       "SelfSubjectRulesReview",
			"spec":       map[string]string{"namespace": namespace},
		})
		if err != nil {
			return nil, err
		}
		a, err := c.do(ctx, request{method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body: body})
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			continue // one by one, then
		}
		if err != nil {
			return nil, err
		}
		var review struct{ Status struct{ ResourceRules rules } }
		if err := a.into(&review); err != nil {
			return nil, err
		}
		found[namespace] = review.Status.ResourceRules
	}
	return found, nil
}
