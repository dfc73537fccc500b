package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/belay-sh/belay/internal/object"
)

// toNode makes what kustomize works on out of a manifest.
func toNode(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap, Content: make([]*yaml.Node, 0, 2*len(v))}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, toNode(key), toNode(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq, Content: make([]*yaml.Node, len(v))}
		for i, item := range v {
			n.Content[i] = toNode(item)
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: v}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagBool, Value: strconv.FormatBool(v)}
	case int64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: strconv.FormatInt(v, 10)}
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagNull, Value: "null"}
	}
	// What is left in a manifest is a float.
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagFloat, Value: fmt.Sprint(v)}
}

var errUnusual = errors.New("a value that only kustomize itself knows how to write")

// fromNode makes a manifest out of what kustomize worked on.
func fromNode(n *yaml.Node) (map[string]any, error) {
	v, err := value(n)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errUnusual
	}
	return m, nil
}

func value(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return value(n.Content[0])
		}
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.ShortTag() != yaml.NodeTagString {
				return nil, errUnusual
			}
			v, err := value(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[key.Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		l := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if l[i], err = value(item); err != nil {
				return nil, err
			}
		}
		return l, nil
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil, errUnusual
}

// scalar reads a value as kustomize writes it: through JSON.
func scalar(n *yaml.Node) (any, error) {
	if n.Tag == yaml.NodeTagString {
		return n.Value, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case int:
		return int64(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case float64:
		text, err := json.Marshal(v)
		if err != nil {
			return nil, errUnusual
		}
		plain, ok := object.Scalar(string(text), false)
		if !ok {
			return nil, errUnusual
		}
		return plain, nil
	}
	return nil, errUnusual
}

// equal compares what manifests hold.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			if other, has := b[key]; !has || !equal(v, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	}
	return a == b
}
