// Package refs knows what objects refer to: one table, pure. diff turns the
// references between changes into the order in which apply carries them out.
package refs

import "github.com/belay-sh/belay/internal/object"

// Need is what must hold of an object before one that refers to it may start.
type Need string

// The needs, weakest first.
const (
	Exists      Need = "exists"
	Established Need = "established"
	Ready       Need = "ready"
)

// Ref says that From refers to To and needs it.
type Ref struct {
	From, To object.ID
	// Path is the field that refers, for people.
	Path string
	Need Need
	// Optional references order, but never close a cycle.
	Optional bool
}
