package diff

import (
	"context"
	"errors"

	"github.com/belay-sh/belay/internal/release"
	"github.com/belay-sh/belay/render"
)

// Compute makes the plan that turns the live state into w. Everything that can
// be known before the first write is in Plan.Refused, all at once. The error is
// one that stopped planning: the server could not be asked.
func Compute(ctx context.Context, r Reader, s *release.State, w *render.Wanted, o Options) (*Plan, error) {
	return nil, errors.New("planning: unfinished")
}

// Same says whether two plans send the same requests in the same order. It is
// the one test of staleness.
func (p *Plan) Same(q *Plan) bool { return false }
