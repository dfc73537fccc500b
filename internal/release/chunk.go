package release

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

const (
	// chunkMax is how large the data of a chunk may be; a Secret takes 1 MiB.
	chunkMax = 900 << 10
	// surelyFits is a size that compression cannot swell above chunkMax.
	surelyFits = chunkMax - 4<<10
	// borderEvery is how many objects stand between two possible borders, on
	// average.
	borderEvery = 64
	// inFlight bounds requests for chunks at one time.
	inFlight = 16
)

// item is a part of a stream that is not cut if it can be avoided. mark
// decides whether a piece may end after it.
type item struct {
	data []byte
	mark uint64
}

// piece is what one chunk holds.
type piece struct {
	raw    []byte
	packed []byte // nil until it is needed
	digest string
}

// cut makes pieces of a stream: of at least small bytes, ended by the first
// mark that allows it or before they get larger than large. As the marks stay
// when items change, so do most pieces.
func cut(items []item, small, large int) [][]byte {
	var pieces [][]byte
	var piece []byte
	flush := func() {
		if len(piece) > 0 {
			pieces = append(pieces, piece)
			piece = nil
		}
	}
	for _, it := range items {
		if len(piece)+len(it.data) > large {
			flush()
		}
		piece = append(piece, it.data...)
		if len(piece) >= small && it.mark%borderEvery == 0 {
			flush()
		}
	}
	flush()
	return pieces
}

// makePieces cuts a stream so that every piece fits into a chunk, and names
// the pieces by their keyed digest.
func makePieces(key string, items []item, small, large int) ([]piece, error) {
	var pieces []piece
	for _, raw := range cut(items, small, large) {
		fitting, err := fit(raw)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, fitting...)
	}
	for i := range pieces {
		pieces[i].digest = keyed(key, pieces[i].raw)
	}
	return pieces, nil
}

// fit halves what does not compress well enough for one chunk.
func fit(raw []byte) ([]piece, error) {
	if len(raw) <= surelyFits {
		return []piece{{raw: raw}}, nil
	}
	packed, err := pack(raw)
	if err != nil {
		return nil, err
	}
	if len(packed) <= chunkMax && len(raw) <= maxUnpacked {
		return []piece{{raw: raw, packed: packed}}, nil
	}
	left, err := fit(raw[:len(raw)/2])
	if err != nil {
		return nil, err
	}
	right, err := fit(raw[len(raw)/2:])
	return append(left, right...), err
}

// keyed is a digest that tells nothing of the content to those without the
// release's key; names of Secrets are seen by more people than their data.
func keyed(key string, raw []byte) string {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = h.Write(raw) // cannot fail
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func digests(pieces []piece) []string {
	names := make([]string, len(pieces))
	for i, p := range pieces {
		names[i] = p.digest
	}
	return names
}

// put writes chunks. One that exists is the same. held is asked before each
// request.
func (s *Store) put(ctx context.Context, name string, pieces []piece, held func() error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, p := range pieces {
		g.Go(func() error {
			packed, err := p.packed, error(nil)
			if packed == nil {
				if packed, err = pack(p.raw); err != nil {
					return err
				}
			}
			return s.putOne(ctx, s.chunk(name, p.digest, packed), held)
		})
	}
	return g.Wait()
}

func (s *Store) putOne(ctx context.Context, body *unstructured.Unstructured, held func() error) error {
	for attempt := 0; ; attempt++ {
		if err := held(); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, putTimeout)
		_, err := s.Cluster.Create(limited, secretKind, body)
		cancel()
		switch {
		case err == nil || apierrors.IsAlreadyExists(err):
			return nil
		case !unsure(err) || attempt == tries-1 || sleep(ctx, backoff(attempt)) != nil:
			return fmt.Errorf("writing Secret %q: %w", body.GetName(), mask(err))
		}
	}
}

func (s *Store) chunk(name, digest string, packed []byte) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"type":       chunkType,
		"immutable":  true,
		"data":       map[string]any{chunkKey: base64.StdEncoding.EncodeToString(packed)},
	}}
	u.SetNamespace(s.Namespace)
	u.SetName(chunkName(name, digest))
	u.SetLabels(map[string]string{managedByLabel: managedBy, recordLabel: name, partLabel: partChunk})
	return u
}

// get reads chunks and joins what they hold. The error is errMissing when one
// is not there.
func (s *Store) get(ctx context.Context, name string, names []string) ([]byte, error) {
	parts := make([][]byte, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i, digest := range names {
		g.Go(func() error {
			u, err := s.Cluster.Get(ctx, secretKind, s.Namespace, chunkName(name, digest))
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("reading Secret %q: %w", chunkName(name, digest), errMissing)
			}
			if err != nil {
				return fmt.Errorf("reading Secret %q: %w", chunkName(name, digest), mask(err))
			}
			packed, err := dataOf(u, chunkKey)
			if err == nil {
				parts[i], err = unpack(packed)
			}
			if err != nil {
				return fmt.Errorf("reading Secret %q: %w", chunkName(name, digest), err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// garbage returns the digests of chunks that the head does not name: the known
// ones, or after a run that did not end well all that are found.
func (s *Store) garbage(ctx context.Context, name string, h *head) ([]string, error) {
	if !h.Sweep {
		return h.Dropped, nil
	}
	selector := recordLabel + "=" + name + "," + partLabel + "=" + partChunk
	found, err := s.Cluster.ListMetadata(ctx, secretKind, s.Namespace, selector)
	if err != nil {
		return nil, fmt.Errorf("listing chunks of release %q: %w", name, mask(err))
	}
	named := h.named()
	var unnamed []string
	for _, u := range found {
		digest, ok := strings.CutPrefix(u.GetName(), chunkName(name, ""))
		if ok && !named[digest] {
			unnamed = append(unnamed, digest)
		}
	}
	return unnamed, nil
}

// drop deletes chunks. held is asked before each request, for whoever takes the
// lock over may name one of them again.
func (s *Store) drop(ctx context.Context, name string, names []string, held func() error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, digest := range names {
		g.Go(func() error {
			if err := held(); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, dropTimeout)
			defer cancel()
			err := s.Cluster.Delete(ctx, secretKind, s.Namespace, chunkName(name, digest),
				object.DeleteOptions{Propagation: "Background"})
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("deleting Secret %q: %w", chunkName(name, digest), mask(err))
			}
			return nil
		})
	}
	return g.Wait()
}

// dropTimeout bounds the deletion of a chunk, so that it cannot outlast the
// lock that it was sent under.
const dropTimeout = (LockLife - HeldFor) / 2

// putTimeout bounds one attempt to write a chunk, before the lock is looked at
// again.
const putTimeout = HeldFor

// tries and backoff bound how often a request is sent that found no answer.
const tries = 5

func backoff(attempt int) time.Duration { return 100 * time.Millisecond << attempt }

func dataOf(u *unstructured.Unstructured, key string) ([]byte, error) {
	text, _, err := unstructured.NestedString(u.Object, "data", key)
	if err != nil {
		return nil, errors.New("its data is not of the expected form")
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("its data is not base64")
	}
	return data, nil
}
