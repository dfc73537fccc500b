package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/belay-sh/belay/internal/object"
)

// weighDefinitions says of CRDs that change what their objects may lose.
func (p *planner) weighDefinitions(ctx context.Context) error {
	for _, it := range p.items {
		if it.ID.GroupKind() != object.CRDKind || it.Action != Update || it.Live == nil || it.Merged == nil {
			continue
		}
		said := narrowed(it.Live, it.Merged)
		if len(said) > 0 {
			n, err := p.countObjects(ctx, it)
			if err != nil {
				return err
			}
			if n > 0 {
				said[0] += fmt.Sprintf(" (%s stored)", plural(n, "object is", "objects are"))
			}
		}
		it.Impact = append(it.Impact, said...)
		if p.w.Origin.Chart && (strings.HasPrefix(it.Source.File, "crds/") || strings.Contains(it.Source.File, "/crds/")) {
			it.Impact = append(it.Impact, "Helm would leave it as it is")
		}
	}
	return nil
}

// countObjects counts the objects of the kind that a CRD defines; 0 when they may
// not be listed.
func (p *planner) countObjects(ctx context.Context, it *item) (int, error) {
	kind, err := p.r.Kind(ctx, definedKind(it.Live), "")
	if err != nil {
		return 0, nil //nolint:nilerr // it is not served: there is nothing to count
	}
	list, err := p.r.List(ctx, kind, "", "")
	if err != nil {
		if fatal(err) {
			return 0, fmt.Errorf("counting the objects of %s: %w", it.ID, err)
		}
		return 0, nil
	}
	return len(list.Items), nil
}

// narrowed says what a new CRD no longer takes.
func narrowed(live, merged *unstructured.Unstructured) []string {
	was, is := versionsOf(live), versionsOf(merged)
	var said []string
	for _, name := range sortedKeys(was) {
		now, there := is[name]
		if !there {
			said = append(said, "removes version "+name)
			continue
		}
		if served, _ := was[name]["served"].(bool); served && now["served"] != true {
			said = append(said, "stops serving version "+name)
		}
		old, _, _ := unstructured.NestedMap(was[name], "schema", "openAPIV3Schema")
		schema, _, _ := unstructured.NestedMap(now, "schema", "openAPIV3Schema")
		if lost := narrower(old, schema, ""); len(lost) > 0 {
			const most = 3
			more := ""
			if len(lost) > most {
				more = fmt.Sprintf(" and %d more", len(lost)-most)
				lost = lost[:most]
			}
			said = append(said, "narrows the schema of "+name+": "+strings.Join(lost, ", ")+more)
		}
	}
	return said
}

func versionsOf(crd *unstructured.Unstructured) map[string]map[string]any {
	found := map[string]map[string]any{}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok {
			name, _ := m["name"].(string)
			found[name] = m
		}
	}
	return found
}

// narrower names what a schema took and another does not.
func narrower(old, now map[string]any, path string) []string {
	if preserve, _ := now["x-kubernetes-preserve-unknown-fields"].(bool); preserve || old == nil {
		return nil
	}
	var lost []string
	at := strings.TrimPrefix(path, ".")
	if t, _ := now["type"].(string); t != "" && old["type"] != nil && old["type"] != t {
		return []string{at + " becomes " + t}
	}
	if enum, ok := now["enum"].([]any); ok {
		before, had := old["enum"].([]any)
		gone := slices.ContainsFunc(before, func(v any) bool { return !slices.Contains(enum, v) })
		if !had || gone {
			lost = append(lost, at+" takes fewer values")
		}
	}
	required, _ := now["required"].([]any)
	before, _ := old["required"].([]any)
	for _, name := range required {
		if !slices.Contains(before, name) {
			lost = append(lost, fmt.Sprintf("%s is required", strings.TrimPrefix(path+"."+fmt.Sprint(name), ".")))
		}
	}
	oldFields, _ := old["properties"].(map[string]any)
	fields, _ := now["properties"].(map[string]any)
	for _, name := range sortedKeys(oldFields) {
		sub, there := fields[name].(map[string]any)
		if !there {
			if now["additionalProperties"] == nil {
				lost = append(lost, strings.TrimPrefix(path+"."+name, ".")+" is dropped")
			}
			continue
		}
		m, _ := oldFields[name].(map[string]any)
		lost = append(lost, narrower(m, sub, path+"."+name)...)
	}
	if items, ok := now["items"].(map[string]any); ok {
		m, _ := old["items"].(map[string]any)
		lost = append(lost, narrower(m, items, path+"[]")...)
	}
	return lost
}
