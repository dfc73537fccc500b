package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// schemas draw random edits of manifests from what the server publishes.
type schemas struct {
	api  *API
	docs map[string]map[string]any // by apiVersion: schemas by name
	root map[string]map[string]any // by apiVersion and kind
	dice *rand.Rand
}

func newSchemas(api *API, seed uint64) *schemas {
	return &schemas{
		api: api, docs: map[string]map[string]any{}, root: map[string]map[string]any{},
		dice: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // dice, to be thrown again
	}
}

// of finds the schema of an object's kind.
func (s *schemas) of(u *unstructured.Unstructured) (map[string]any, error) {
	key := u.GetAPIVersion() + " " + u.GetKind()
	if found, ok := s.root[key]; ok {
		return found, nil
	}
	doc, ok := s.docs[u.GetAPIVersion()]
	if !ok {
		path := "/openapi/v3/apis/" + u.GetAPIVersion()
		if !strings.Contains(u.GetAPIVersion(), "/") {
			path = "/openapi/v3/api/" + u.GetAPIVersion()
		}
		var answer struct {
			Components struct{ Schemas map[string]any }
		}
		if err := s.api.Do(http.MethodGet, path, "", nil, &answer); err != nil {
			return nil, err
		}
		doc = answer.Components.Schemas
		s.docs[u.GetAPIVersion()] = doc
	}
	group, version, _ := strings.Cut(u.GetAPIVersion(), "/")
	if version == "" {
		group, version = "", group
	}
	for _, v := range doc {
		m, _ := v.(map[string]any)
		kinds, _ := m["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			if g, _ := k.(map[string]any); g["group"] == group && g["version"] == version && g["kind"] == u.GetKind() {
				s.root[key] = m
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("no schema of %s", key)
}

// resolve follows references.
func (s *schemas) resolve(apiVersion string, v any) (schema map[string]any, name string) {
	m, _ := v.(map[string]any)
	for range 8 {
		if all, _ := m["allOf"].([]any); len(all) == 1 {
			m, _ = all[0].(map[string]any)
		}
		ref, ok := m["$ref"].(string)
		if !ok {
			break
		}
		name = ref[strings.LastIndexByte(ref, '/')+1:]
		m, _ = s.docs[apiVersion][name].(map[string]any)
	}
	return m, name
}

func (s *schemas) pick(options ...any) any { return options[s.dice.IntN(len(options))] }

// value draws a value of a schema; nil when it has none to give.
func (s *schemas) value(apiVersion string, v any, depth int) any {
	m, name := s.resolve(apiVersion, v)
	if enum, _ := m["enum"].([]any); len(enum) > 0 {
		return enum[s.dice.IntN(len(enum))]
	}
	switch {
	case strings.HasSuffix(name, ".Quantity"):
		return s.pick("1", "500m", "0.5", "1Gi", "1024Mi", int64(2), "2000m")
	case strings.HasSuffix(name, ".IntOrString"):
		return s.pick(int64(1), int64(80), "50%", "25%")
	case m["format"] == "date-time" || strings.HasSuffix(name, "Time"):
		return nil
	case m["format"] == "byte":
		return s.pick("YQ==", "Yg==")
	}
	switch m["type"] {
	case "string":
		return s.pick("a", "b", "web", "x1")
	case "boolean":
		return s.pick(true, false)
	case "integer", "number":
		return s.pick(int64(1), int64(2), int64(3), int64(30))
	case "array":
		if depth <= 0 {
			return nil
		}
		if item := s.value(apiVersion, m["items"], depth-1); item != nil {
			return []any{item}
		}
	case "object":
		if more := m["additionalProperties"]; more != nil {
			if item := s.value(apiVersion, more, depth-1); item != nil {
				return map[string]any{s.pick("a", "b", "c").(string): item}
			}
			return nil
		}
		return s.object(apiVersion, m, depth)
	}
	return nil
}

func (s *schemas) object(apiVersion string, m map[string]any, depth int) any {
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	made := map[string]any{}
	for _, name := range sorted(properties) {
		if slices.Contains(required, any(name)) || depth > 0 && s.dice.IntN(4) == 0 {
			if v := s.value(apiVersion, properties[name], depth-1); v != nil {
				made[name] = v
			}
		}
	}
	if len(made) == 0 {
		return nil
	}
	return made
}

// edit makes one random edit somewhere in an object: a field set or unset, a list
// item added, removed, or two swapped. It says what it did.
func (s *schemas) edit(u *unstructured.Unstructured) (string, error) {
	root, err := s.of(u)
	if err != nil {
		return "", err
	}
	type node struct {
		at     map[string]any
		schema map[string]any
		path   string
	}
	var nodes []node
	var visit func(at any, schema any, path string)
	visit = func(at any, schema any, path string) {
		m, _ := s.resolve(u.GetAPIVersion(), schema)
		switch at := at.(type) {
		case map[string]any:
			nodes = append(nodes, node{at, m, path})
			properties, _ := m["properties"].(map[string]any)
			for _, name := range sorted(at) {
				if properties[name] != nil {
					visit(at[name], properties[name], path+"."+name)
				}
			}
		case []any:
			for _, item := range at {
				visit(item, m["items"], path+"[]")
			}
		}
	}
	properties, _ := root["properties"].(map[string]any)
	for _, name := range sorted(properties) {
		switch name {
		case "apiVersion", "kind", "metadata", "status":
		default:
			if u.Object[name] != nil {
				visit(u.Object[name], properties[name], name)
			}
		}
	}
	if s.dice.IntN(6) == 0 || len(nodes) == 0 {
		return s.editMeta(u), nil
	}
	n := nodes[s.dice.IntN(len(nodes))]
	return n.path + s.editNode(u.GetAPIVersion(), n.at, n.schema), nil
}

func (s *schemas) editMeta(u *unstructured.Unstructured) string {
	if s.dice.IntN(3) == 0 {
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		if annotations["zoo"] != "" && s.dice.IntN(2) == 0 {
			delete(annotations, "zoo")
		} else {
			annotations["zoo"] = s.pick("a", "b").(string)
		}
		u.SetAnnotations(annotations)
		return "metadata.annotations.zoo"
	}
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	name := s.pick("l1", "l2").(string)
	if labels[name] != "" && s.dice.IntN(2) == 0 {
		delete(labels, name)
	} else {
		labels[name] = s.pick("a", "b", "c").(string)
	}
	u.SetLabels(labels)
	return "metadata.labels." + name
}

func (s *schemas) editNode(apiVersion string, at, schema map[string]any) string {
	properties, _ := schema["properties"].(map[string]any)
	names := sorted(properties)
	if len(names) == 0 { // a map of values
		v := s.value(apiVersion, schema["additionalProperties"], 2)
		name := s.pick("a", "b", "c").(string)
		if v == nil || at[name] != nil && s.dice.IntN(2) == 0 {
			delete(at, name)
			return "." + name + " unset"
		}
		at[name] = v
		return "." + name + " set"
	}
	name := names[s.dice.IntN(len(names))]
	switch name {
	case "nodePort", "clusterIP", "clusterIPs", "healthCheckNodePort":
		return "" // what is free, a dry-run does not tell
	case "suspend", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "schedulingGates":
		return "" // a Job or Pod that runs may be gone when it is looked at
	case "globalDefault", "storageClassName", "nominalConcurrencyShares", "service":
		return "" // other tests would feel it
	case "targetCPUUtilizationPercentage":
		return "" // what it becomes depends on what its controller has written meanwhile
	case "aggregationRule":
		return "" // then a controller writes the rules
	}
	if s.dice.IntN(6) == 0 {
		if what := s.switchUnion(apiVersion, at, properties); what != "" {
			return what
		}
	}
	if there := sorted(at); s.dice.IntN(3) == 0 && len(there) > 0 {
		name = there[s.dice.IntN(len(there))] // rather something that is there
	}
	if list, ok := at[name].([]any); ok && len(list) > 0 {
		return "." + name + s.editList(apiVersion, at, name, properties[name], list)
	}
	if at[name] != nil && s.dice.IntN(2) == 0 {
		delete(at, name)
		return "." + name + " unset"
	}
	if v := s.value(apiVersion, properties[name], 3); v != nil {
		at[name] = v
		return "." + name + " set"
	}
	return "." + name + " left"
}

// switchUnion takes one way to say a thing for another: of several fields that are
// objects the ones that are there go, and one that is not comes.
func (s *schemas) switchUnion(apiVersion string, at, properties map[string]any) string {
	var there, others []string
	for _, name := range sorted(properties) {
		m, _ := s.resolve(apiVersion, properties[name])
		if m["type"] != "object" || m["properties"] == nil {
			continue
		}
		if at[name] != nil {
			there = append(there, name)
		} else {
			others = append(others, name)
		}
	}
	if len(there) != 1 || len(others) == 0 {
		return ""
	}
	other := others[s.dice.IntN(len(others))]
	v := s.value(apiVersion, properties[other], 2)
	if v == nil {
		return ""
	}
	delete(at, there[0])
	at[other] = v
	return "." + there[0] + " became ." + other
}

func (s *schemas) editList(apiVersion string, at map[string]any, name string, schema any, list []any) string {
	m, _ := s.resolve(apiVersion, schema)
	switch s.dice.IntN(3) {
	case 0:
		if v := s.value(apiVersion, m["items"], 2); v != nil {
			at[name] = append(slices.Clone(list), v)
			return " item added"
		}
	case 1:
		i := s.dice.IntN(len(list))
		at[name] = slices.Delete(slices.Clone(list), i, i+1)
		return " item removed"
	}
	turned := slices.Clone(list)
	slices.Reverse(turned)
	at[name] = turned
	return " reordered"
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
