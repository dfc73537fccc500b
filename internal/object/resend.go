package object

import "context"

// Resending is what somebody has to say about requests that are sent again. A change
// sends many kinds of requests: it stands in their context.
type Resending struct {
	// Told hears why a try failed that is not the last, and nil once a later one did not.
	Told func(cause error)
	// May is asked before a write is sent again; its error ends the write.
	May func() error
}

type resendingKey struct{}

// WithResending makes requests of a context heed r.
func WithResending(ctx context.Context, r Resending) context.Context {
	return context.WithValue(ctx, resendingKey{}, r)
}

// ResendingOf is for who sends requests; where nobody has a say its functions do nothing.
func ResendingOf(ctx context.Context) Resending {
	if r, ok := ctx.Value(resendingKey{}).(Resending); ok {
		return r
	}
	return Resending{Told: func(error) {}, May: func() error { return nil }}
}
