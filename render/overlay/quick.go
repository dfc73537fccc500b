package overlay

import "github.com/belay-sh/belay/internal/object"

// quick builds what needs no look at other objects.
func (b *builder) quick() ([]object.Object, bool, error) { return nil, false, nil }
