package cluster

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/belay-sh/belay/internal/object"
)

// Kinds are all kinds that live in namespaces, each in its preferred version,
// sorted. Some cannot be listed. A group that does not answer is left out.
func (c *Client) Kinds(ctx context.Context) ([]object.Kind, error) {
	// It reads what the aggregated list lacks.
	if _, err := c.APIVersions(ctx); err != nil {
		return nil, err
	}
	d := &c.discovery
	if err := d.lock(ctx); err != nil {
		return nil, err
	}
	defer d.unlock()
	seen := map[schema.GroupKind]bool{}
	var all []object.Kind
	for gvk := range d.kinds {
		gk := gvk.GroupKind()
		if seen[gk] {
			continue
		}
		seen[gk] = true
		if k, ok := d.find(gk, ""); ok && k.Namespaced {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b object.Kind) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}
