package overlay

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// merging writes the lists of a shape that merge, by their paths.
func merging(s *shape, path string, into map[string]string) {
	if s == nil {
		return
	}
	if s.merges {
		into[path] = strings.Join(s.by, ",")
	}
	for name, field := range s.fields {
		merging(field, path+"/"+name, into)
	}
}

// mergingBySchema does the same for what kustomize knows. Lists that are replaced
// whole are not looked into, and nobody writes a status.
func mergingBySchema(s *openapi.ResourceSchema, path string, into map[string]string) {
	if s == nil || strings.Count(path, "/") > 25 {
		return
	}
	if len(s.Schema.Type) == 1 && s.Schema.Type[0] == "array" {
		strategy, by := s.PatchStrategyAndKeyList()
		if !strings.Contains(","+strategy+",", ",merge,") {
			return
		}
		into[path] = strings.Join(by, ",")
		mergingBySchema(s.Elements(), path, into)
		return
	}
	for name := range s.Schema.Properties {
		if path != "" || name != "status" {
			mergingBySchema(s.Field(name), path+"/"+name, into)
		}
	}
	if s.Schema.AdditionalProperties != nil && s.Schema.AdditionalProperties.Schema != nil {
		mergingBySchema(s.Field("*"), path+"/*", into)
	}
}

func TestListsMergeAsKustomizesSchemasSay(t *testing.T) {
	for name, s := range newShapes() {
		version, kind, _ := strings.Cut(name, " ")
		schema := openapi.SchemaForResourceType(yaml.TypeMeta{APIVersion: version, Kind: kind})
		if schema == nil {
			t.Errorf("kustomize knows no %s", name)
			continue
		}
		got, want := map[string]string{}, map[string]string{}
		merging(s, "", got)
		mergingBySchema(schema, "", want)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestSchemasAreOfKubernetesOwnGroups(t *testing.T) {
	for _, d := range openapi.Schema().Definitions {
		kinds, _ := d.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			m, _ := k.(map[string]any)
			if group, _ := m["group"].(string); strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") {
				t.Errorf("there is a schema for the group %s", group)
			}
		}
	}
}
