package object

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// check reports what a manifest lacks to be one, and what the server would
// refuse or silently drop. It says whether the manifest can be used.
func (m *manifests) check(body map[string]any, n *yaml.Node) bool {
	before := len(m.errs)
	for _, field := range []string{"apiVersion", "kind"} {
		m.text(body, n, field)
	}
	if meta, ok := body["metadata"].(map[string]any); ok {
		m.checkMetadata(meta, n)
	} else if body["metadata"] == nil {
		m.fail(n, "metadata.name is missing")
	} else {
		m.fail(find(n, "metadata"), "metadata: %s where a mapping is expected", Describe(body["metadata"]))
	}
	if len(m.errs) == before {
		m.checkData(body, n)
		m.checkPods(body, n)
	}
	return len(m.errs) == before
}

// text demands a string at a path of the manifest.
func (m *manifests) text(in map[string]any, n *yaml.Node, keys ...any) {
	last, _ := keys[len(keys)-1].(string)
	switch v := in[last].(type) {
	case nil:
		m.fail(n, "%s is missing", path(keys...))
	case string:
		if v == "" {
			m.fail(find(n, keys...), "%s is empty", path(keys...))
		}
	default:
		m.fail(find(n, keys...), "%s: %s where a string is expected; quote it", path(keys...), Describe(v))
	}
}

func (m *manifests) checkMetadata(meta map[string]any, n *yaml.Node) {
	if g, ok := meta["generateName"]; ok && g != nil && meta["name"] == nil {
		m.fail(find(n, "metadata", "generateName"),
			"metadata.generateName would make another object at every apply: give it a metadata.name")
	} else {
		m.text(meta, n, "metadata", "name")
	}
	if ns := meta["namespace"]; ns != nil {
		m.text(meta, n, "metadata", "namespace")
	}
	m.strings(meta, n, "metadata", "labels")
	m.strings(meta, n, "metadata", "annotations")
}

// strings demands that the field, the last key, is a mapping of strings.
func (m *manifests) strings(in map[string]any, n *yaml.Node, keys ...any) {
	field, _ := keys[len(keys)-1].(string)
	if in[field] == nil {
		return
	}
	members, ok := in[field].(map[string]any)
	if !ok {
		m.fail(find(n, keys...), "%s: %s where a mapping is expected", path(keys...), Describe(in[field]))
		return
	}
	for _, key := range sortedKeys(members) {
		switch v := members[key].(type) {
		case string, nil:
		default:
			at := append(slices.Clone(keys), key)
			m.fail(find(n, at...), "%s: %s where a string is expected; quote it", path(at...), Describe(v))
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (m *manifests) checkData(body map[string]any, n *yaml.Node) {
	if body["apiVersion"] != "v1" {
		return
	}
	switch body["kind"] {
	case "ConfigMap":
		m.strings(body, n, "data")
	case "Secret":
		m.strings(body, n, "data")
		m.strings(body, n, "stringData")
	}
}

// podPaths is where kinds keep their pods' spec.
var podPaths = map[string][]any{
	"v1/Pod":                   {"spec"},
	"v1/ReplicationController": {"spec", "template", "spec"},
	"apps/v1/Deployment":       {"spec", "template", "spec"},
	"apps/v1/ReplicaSet":       {"spec", "template", "spec"},
	"apps/v1/StatefulSet":      {"spec", "template", "spec"},
	"apps/v1/DaemonSet":        {"spec", "template", "spec"},
	"batch/v1/Job":             {"spec", "template", "spec"},
	"batch/v1/CronJob":         {"spec", "jobTemplate", "spec", "template", "spec"},
}

// checkPods refuses what server-side apply cannot merge: two members of an
// associative list with one key.
func (m *manifests) checkPods(body map[string]any, n *yaml.Node) {
	kind := fmt.Sprint(body["apiVersion"], "/", body["kind"])
	if kind == "v1/Service" {
		if spec, ok := body["spec"].(map[string]any); ok {
			m.unique(spec, n, []any{"spec"}, "ports", "port", "protocol")
		}
		return
	}
	at, ok := podPaths[kind]
	if !ok {
		return
	}
	var spec any = body
	for _, key := range at {
		in, ok := spec.(map[string]any)
		if !ok {
			return
		}
		spec = in[key.(string)]
	}
	pod, ok := spec.(map[string]any)
	if !ok {
		return
	}
	m.unique(pod, n, at, "volumes", "name")
	for _, field := range []string{"initContainers", "containers"} {
		m.unique(pod, n, at, field, "name")
		containers, _ := pod[field].([]any)
		for i, c := range containers {
			if container, ok := c.(map[string]any); ok {
				m.checkContainer(container, n, append(slices.Clone(at), field, i))
			}
		}
	}
}

func (m *manifests) checkContainer(container map[string]any, n *yaml.Node, at []any) {
	m.unique(container, n, at, "env", "name")
	m.unique(container, n, at, "ports", "containerPort", "protocol")
	m.unique(container, n, at, "volumeMounts", "mountPath")
	m.unique(container, n, at, "volumeDevices", "devicePath")
	env, _ := container["env"].([]any)
	for i, e := range env {
		entry, ok := e.(map[string]any)
		if !ok {
			continue
		}
		switch v := entry["value"].(type) {
		case nil, string:
		default:
			where := append(slices.Clone(at), "env", i, "value")
			m.fail(find(n, where...), "%s (%v): %s where a string is expected; quote it", path(where...), entry["name"], Describe(v))
		}
	}
}

// unique refuses two members of a list whose keys are equal, with both lines.
func (m *manifests) unique(in map[string]any, n *yaml.Node, at []any, field string, keys ...string) {
	list, _ := in[field].([]any)
	if len(list) < 2 {
		return
	}
	seen := make(map[string]int, len(list))
	for i, item := range list {
		key, ok := memberKey(item, keys)
		if !ok {
			continue
		}
		first, twice := seen[key]
		if !twice {
			seen[key] = i
			continue
		}
		where := append(slices.Clone(at), field)
		line := find(n, append(slices.Clone(where), first)...).Line
		m.fail(find(n, append(slices.Clone(where), i)...), "%s: %s already defined at line %d",
			path(where...), key, m.in.line(m.doc.before+line))
	}
}

// memberKey writes the key of an associative list's member: name "A",
// containerPort 80, protocol TCP.
func memberKey(item any, keys []string) (string, bool) {
	member, ok := item.(map[string]any)
	if !ok {
		return "", false
	}
	parts := make([]string, len(keys))
	for i, key := range keys {
		v := member[key]
		if v == nil {
			if key != "protocol" {
				return "", false
			}
			v = "TCP"
		}
		if s, isText := v.(string); isText && key != "protocol" {
			v = fmt.Sprintf("%q", s)
		}
		parts[i] = fmt.Sprintf("%s %v", key, v)
	}
	return strings.Join(parts, ", "), true
}
