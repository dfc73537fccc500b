package templates

import "text/template/parse"

// nodes are where the parser takes nodes from: many at once, for a chart has some
// ten thousand. They are not for several goroutines.
type nodes struct {
	lists        slab[parse.ListNode]
	texts        slab[parse.TextNode]
	actions      slab[parse.ActionNode]
	pipes        slab[parse.PipeNode]
	commands     slab[parse.CommandNode]
	identifiers  slab[parse.IdentifierNode]
	variables    slab[parse.VariableNode]
	fieldNodes   slab[parse.FieldNode]
	stringNodes  slab[parse.StringNode]
	commandLists slab[*parse.CommandNode]
	nodeLists    slab[parse.Node]
	strings      slab[string]
	// stack holds the nodes of the lists that are not complete.
	stack []parse.Node
}

// taken takes what the stack holds above a mark.
func (n *nodes) taken(mark int) []parse.Node {
	all := n.nodeLists.list(n.stack[mark:])
	clear(n.stack[mark:])
	n.stack = n.stack[:mark]
	return all
}

func (n *nodes) reset() {
	clear(n.stack)
	n.stack = n.stack[:0]
}

// Bounds of how many values are allocated at once.
const (
	slabFirst = 8
	slabMost  = 128
)

// slab allocates many values at once.
type slab[T any] struct {
	free []T
	size int
}

func (s *slab[T]) grow(least int) {
	s.size = min(max(slabFirst, 2*s.size), slabMost)
	s.free = make([]T, max(s.size, least))
}

// one returns a value that is its zero value.
func (s *slab[T]) one() *T {
	if len(s.free) == 0 {
		s.grow(1)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// list copies values; nothing can be appended to the copy in place.
func (s *slab[T]) list(values []T) []T {
	n := len(values)
	if n == 0 {
		return nil
	}
	if n > len(s.free) {
		s.grow(n)
	}
	out := s.free[:n:n]
	s.free = s.free[n:]
	copy(out, values)
	return out
}
