package cmd

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/apply"
	"github.com/belay-sh/belay/internal/object"
	"github.com/belay-sh/belay/internal/rollout"
)

func TestOnlyWhatTheBundleIsToBlameForIsRolledBack(t *testing.T) {
	id := object.ID{Kind: "ConfigMap", Namespace: "shop", Name: "a"}
	secrets := schema.GroupResource{Resource: "secrets"}
	result := func(outcome apply.Outcome, err error, phase rollout.Phase) *apply.Result {
		r := &apply.Result{Outcome: outcome, NotReady: []object.ID{id}, Errs: map[object.ID]error{}, States: map[object.ID]rollout.State{}}
		if err != nil {
			r.Errs[id] = fmt.Errorf("applying: %w", err)
		}
		if phase != "" {
			r.States[id] = rollout.State{Phase: phase}
		}
		return r
	}
	for name, test := range map[string]struct {
		result *apply.Result
		want   bool
	}{
		"a rollout failed":                  {result(apply.Failed, nil, rollout.Failed), true},
		"a rollout takes too long":          {result(apply.TimedOut, nil, rollout.Progressing), true},
		"a write was forbidden":             {result(apply.Failed, apierrors.NewForbidden(secrets, "a", errors.New("quota")), ""), true},
		"a write was invalid":               {result(apply.Failed, apierrors.NewBadRequest("no"), ""), true},
		"the server was busy":               {result(apply.Failed, apierrors.NewTooManyRequests("later", 1), ""), false},
		"the server was not available":      {result(apply.Failed, apierrors.NewServiceUnavailable("restarting"), ""), false},
		"the server could not be reached":   {result(apply.Failed, errors.New("connection refused"), ""), false},
		"the token expired":                 {result(apply.Failed, apierrors.NewUnauthorized("expired"), ""), false},
		"a write did not come to its end":   {result(apply.TimedOut, nil, ""), false},
		"a write failed beside bad rollout": {result(apply.Failed, apierrors.NewInternalError(errors.New("etcd")), rollout.Failed), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := bundleToBlame(test.result); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
