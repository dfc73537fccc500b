package policy

import "github.com/belay-sh/belay/internal/object"

// Of reads an object's policy. An unknown belay.sh/ annotation or a bad value
// is an error of the user's; all of an object's are reported together.
func Of(o object.Object, r Rules) (Policy, error) {
	return Policy{Wait: WaitReady}, nil
}

// Protected says whether a live object forbids its deletion
// (belay.sh/prune: never, helm.sh/resource-policy: keep) or is of a kind that is
// never deleted unasked.
func Protected(live object.Object) (reason string, yes bool) {
	return "", false
}
