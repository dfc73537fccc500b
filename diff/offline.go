package diff

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"

	"github.com/belay-sh/belay/diff/fields"
	"github.com/belay-sh/belay/internal/object"
)

// checkOffline checks a custom resource against the schema of the CRD that this
// plan brings: fields that it does not know, values, and items that are there twice.
// Its CEL rules are not evaluated here, and that is said.
func (p *planner) checkOffline(it *item) {
	crd := p.crds[it.ID.GroupKind()]
	if crd == nil {
		return
	}
	raw := versionSchema(crd.wanted, it.Kind.Version)
	if raw == nil {
		return
	}
	for _, text := range complaintsOf(raw, it.wanted.Object) {
		p.mistake(it, text+" (by the schema of "+p.name(crd.ID)+")")
	}
	if hasRules(raw, it.wanted.Object) {
		it.Unchecked += "; rules in CEL are left to the server"
	}
}

// checkUnseen checks what waits for a namespace against the schemas that the
// server publishes. It knows fields and their types; what else may be wrong with
// the values, the server says when it is asked.
func (p *planner) checkUnseen(ctx context.Context) error { return p.checkSchemas(ctx, p.items) }

func (p *planner) checkSchemas(ctx context.Context, items []*item) error {
	unseen := map[schema.GroupVersion][]*item{}
	for _, it := range items {
		if it.served && !it.asked && (it.Action == Create || it.Action == Run) && p.newNamespaces[it.ID.Namespace] {
			unseen[it.Kind.GroupVersion()] = append(unseen[it.Kind.GroupVersion()], it)
		}
	}
	all := slices.SortedFunc(maps.Keys(unseen), func(a, b schema.GroupVersion) int { return strings.Compare(a.String(), b.String()) })
	found := make([][][]string, len(all))
	err := p.parallel(ctx, len(all), func(ctx context.Context, i int) error {
		document, err := p.document(ctx, all[i])
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			return nil // what cannot be checked is marked as such already
		}
		if err != nil {
			return err
		}
		checker, err := fields.NewChecker(document)
		if err != nil {
			return fmt.Errorf("reading the schemas of %s: %w", all[i], err)
		}
		for _, it := range unseen[all[i]] {
			found[i] = append(found[i], checker.Check(it.wanted))
		}
		return nil
	})
	for i, lines := range found {
		for j, it := range unseen[all[i]][:len(lines)] {
			p.misfits(it, lines[j])
		}
	}
	return err
}

// misfits notes what does not fit a schema, without values of Secrets.
func (p *planner) misfits(it *item, lines []string) {
	for _, line := range lines {
		path, why, _ := strings.Cut(line, ": ")
		if it.ID.GroupKind() == object.SecretKind && why != "field not declared in schema" {
			why = "it does not fit the schema (why is hidden, it may hold values)"
		}
		p.mistake(it, shorten(path+": "+why, longestComplaint))
	}
}

// versionSchema is the schema of one version in a CRD's manifest, or nil.
func versionSchema(crd *unstructured.Unstructured, version string) map[string]any {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if m["name"] == version {
			schema, _, _ := unstructured.NestedMap(m, "schema", "openAPIV3Schema")
			return schema
		}
	}
	return nil
}

// complaintsOf are what a schema has against an object, in the order of paths.
func complaintsOf(raw, body map[string]any) []string {
	data, err := json.Marshal(withoutExtensions(raw))
	if err != nil {
		return nil
	}
	var schema spec.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		return nil // the server says best what is wrong with the CRD
	}
	found := append(unknownFields(raw, body), repeatedItems(raw, body)...)
	result := validate.NewSchemaValidator(&schema, nil, "", strfmt.Default).Validate(body)
	for _, err := range result.Errors {
		text := strings.Replace(strings.TrimPrefix(err.Error(), "."), " in body ", " ", 1)
		found = append(found, shorten(text, longestComplaint))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// unknownFields names the fields of a value that a structural schema does not have.
func unknownFields(schema map[string]any, v any) []string {
	var found []string
	walkSchema(schema, v, "", func(schema map[string]any, v any, path string) {
		m, _ := v.(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		_, open := schema["additionalProperties"]
		preserve, _ := schema["x-kubernetes-preserve-unknown-fields"].(bool)
		for name := range m {
			if _, known := properties[name]; !known && !open && !preserve && (path != "" || !slices.Contains(ofEveryKind, name)) {
				found = append(found, strings.TrimPrefix(path+"."+name, ".")+": there is no such field")
			}
		}
	})
	return found
}

// ofEveryKind are fields that no schema of a custom resource need name.
var ofEveryKind = []string{"apiVersion", "kind", "metadata", "status"}

// repeatedItems names the items of sets, and of lists with keys, that are there
// twice. A key that is left out has its default.
func repeatedItems(schema map[string]any, v any) []string {
	var found []string
	walkSchema(schema, v, "", func(schema map[string]any, v any, path string) {
		list, _ := v.([]any)
		kind, _ := schema["x-kubernetes-list-type"].(string)
		if kind != "set" && kind != "map" {
			return
		}
		first := map[uint64]int{}
		for i, item := range list {
			key := object.Hash(item)
			if kind == "map" {
				key = object.Hash(itemKey(schema, item))
			}
			if at, twice := first[key]; twice {
				found = append(found, fmt.Sprintf("%s[%d]: the same as item %d, and the list takes each once", path, i, at))
			} else {
				first[key] = i
			}
		}
	})
	return found
}

// itemKey is what tells an item of a list with keys from the others.
func itemKey(schema map[string]any, item any) []any {
	m, _ := item.(map[string]any)
	keys, _ := schema["x-kubernetes-list-map-keys"].([]any)
	items, _ := schema["items"].(map[string]any)
	properties, _ := items["properties"].(map[string]any)
	var key []any
	for _, k := range keys {
		name, _ := k.(string)
		value, there := m[name]
		if property, _ := properties[name].(map[string]any); !there {
			value = property["default"]
		}
		key = append(key, value)
	}
	return key
}

// hasRules says whether a value meets rules in CEL, which only the server evaluates.
func hasRules(schema map[string]any, v any) bool {
	found := false
	walkSchema(schema, v, "", func(schema map[string]any, _ any, _ string) {
		found = found || schema["x-kubernetes-validations"] != nil
	})
	return found
}

// walkSchema visits a value and all in it that a structural schema has a word on.
func walkSchema(schema map[string]any, v any, path string, visit func(schema map[string]any, v any, path string)) {
	if embedded, _ := schema["x-kubernetes-embedded-resource"].(bool); embedded {
		return
	}
	visit(schema, v, path)
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		more, _ := schema["additionalProperties"].(map[string]any)
		for name, value := range v {
			sub, known := properties[name].(map[string]any)
			if !known {
				sub = more
			}
			if sub != nil && (path != "" || !slices.Contains(ofEveryKind, name)) {
				walkSchema(sub, value, strings.TrimPrefix(path+"."+name, "."), visit)
			}
		}
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for i, value := range v {
				walkSchema(items, value, fmt.Sprintf("%s[%d]", path, i), visit)
			}
		}
	}
}

// withoutExtensions leaves out what only the server evaluates, and lets what may be
// null or a number in two spellings be that.
func withoutExtensions(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		either, _ := v["x-kubernetes-int-or-string"].(bool)
		for name, item := range v {
			if name == "x-kubernetes-validations" || either && name == "type" {
				continue
			}
			c[name] = withoutExtensions(item)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, item := range v {
			c[i] = withoutExtensions(item)
		}
		return c
	}
	return v
}
