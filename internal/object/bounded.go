package object

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Bounded refuses YAML whose aliases expand to more values than belay takes, for
// text that others than this package decode. What is no YAML passes: who decodes
// it says what is wrong. The error is an *Error.
func Bounded(in Input) error {
	if !bytes.Contains(in.Data, []byte("&")) || !bytes.Contains(in.Data, []byte("*")) {
		return nil
	}
	for _, d := range documents(in.Data) {
		if d.parse(&in) != nil || d.root == nil {
			continue
		}
		e, sum := expansion{sizes: map[*yaml.Node]int{}}, 0
		for _, child := range d.root.Content {
			if sum += e.of(child); sum > maxExpanded {
				return in.failure(&d, child.Line, child.Column, "aliases expand to more than %d values", maxExpanded)
			}
		}
	}
	return nil
}

// expansion counts what aliases add to a document.
type expansion struct{ sizes map[*yaml.Node]int }

// of is the number of values that a node's aliases add, or one above the bound.
func (e expansion) of(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		return min(e.whole(n.Alias), maxExpanded+1)
	}
	sum := 0
	for _, child := range n.Content {
		sum = min(sum+e.of(child), maxExpanded+1)
	}
	return sum
}

// whole is the number of values that a node is, expanded.
func (e expansion) whole(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if size, known := e.sizes[n]; known {
		return size
	}
	e.sizes[n] = maxExpanded + 1 // within itself: without end
	size := 1
	for _, child := range n.Content {
		size = min(size+e.whole(child), maxExpanded+1)
	}
	e.sizes[n] = size
	return size
}
