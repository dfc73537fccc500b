package release

import (
	"context"
	"crypto/rand"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// save writes a head, by compare-and-swap on the Secret that it was made from,
// and gives it a new nonce. Where the answer leaves open whether it was
// written, it is read back and its nonce looked for. still judges a head that
// is not ours but stands in the way: true means that it may be replaced, for
// none but metadata of others, or an older write of our own, came between;
// otherwise the error is errMoved.
func (s *Store) save(ctx context.Context, name string, next *record, still func(*record) bool) (*record, error) {
	next.Nonce = rand.Text()
	for attempt := 0; ; attempt++ {
		body, err := next.body(s.Namespace, name)
		if err != nil {
			return nil, err
		}
		got, err := s.send(ctx, body, next.secret == nil)
		if err == nil {
			next.secret = got
			return next, nil
		}
		// A create answered by not found means that there is no such namespace.
		gone := apierrors.IsNotFound(err) && next.secret != nil
		if !gone && !unsure(err) && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("writing release %q: %w", name, mask(err))
		}
		seen, readErr := s.read(ctx, name)
		switch {
		case readErr != nil && !unsure(readErr):
			return nil, readErr
		case readErr == nil && seen.Nonce == next.Nonce:
			next.secret = seen.secret
			return next, nil
		case readErr == nil && !still(seen):
			return nil, errMoved
		case readErr == nil:
			next.secret = seen.secret
		}
		if attempt == tries-1 || sleep(ctx, backoff(attempt)) != nil {
			return nil, fmt.Errorf("writing release %q: %w", name, mask(err))
		}
	}
}

func (s *Store) send(ctx context.Context, body *unstructured.Unstructured, create bool) (*unstructured.Unstructured, error) {
	if create {
		return s.Cluster.Create(ctx, secretKind, body)
	}
	return s.Cluster.Update(ctx, secretKind, body)
}
