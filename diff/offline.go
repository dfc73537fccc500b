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
// plan brings: fields that it does not know, and values. Its CEL rules are not
// evaluated here; that the object was not validated by the server is marked.
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
	found := unknownFields(raw, body, "")
	result := validate.NewSchemaValidator(&schema, nil, "", strfmt.Default).Validate(body)
	for _, err := range result.Errors {
		found = append(found, shorten(strings.TrimPrefix(err.Error(), "."), longestComplaint))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// unknownFields names the fields of a value that a structural schema does not have.
func unknownFields(schema map[string]any, v any, path string) []string {
	if preserve, _ := schema["x-kubernetes-preserve-unknown-fields"].(bool); preserve {
		return nil
	}
	var found []string
	switch v := v.(type) {
	case map[string]any:
		if embedded, _ := schema["x-kubernetes-embedded-resource"].(bool); embedded {
			return nil
		}
		properties, _ := schema["properties"].(map[string]any)
		more, open := schema["additionalProperties"]
		for name, value := range v {
			at := strings.TrimPrefix(path+"."+name, ".")
			if path == "" && slices.Contains([]string{"apiVersion", "kind", "metadata", "status"}, name) {
				continue
			}
			switch sub, known := properties[name].(map[string]any); {
			case known:
				found = append(found, unknownFields(sub, value, at)...)
			case open:
				if sub, ok := more.(map[string]any); ok {
					found = append(found, unknownFields(sub, value, at)...)
				}
			default:
				found = append(found, at+": there is no such field")
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, value := range v {
			if items != nil {
				found = append(found, unknownFields(items, value, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	}
	return found
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
