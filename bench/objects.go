package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// manifests are the same objects for belay, which renders the template, and for
// the floor, which gets them ready: of each kind the first half changes with the
// version. Deployments have no replicas: what is measured is the deploying, not
// the pulling of images.
const manifests = `{{- range $i := until (int .Values.quarter) }}
{{- $version := 1 }}{{ if lt $i (div (int $.Values.quarter) 2) }}{{ $version = int $.Values.version }}{{ end }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: object-{{ $i }}
data:
  version: "{{ $version }}"
  text: {{ repeat 20 "some text that makes it longer " | quote }}
---
apiVersion: v1
kind: Service
metadata:
  name: object-{{ $i }}
spec:
  selector: {app: object-{{ $i }}}
  ports:
  - {name: http, port: {{ add 8000 $version }}, targetPort: http}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: object-{{ $i }}
  annotations: {example.com/version: "{{ $version }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: object-{{ $i }}
spec:
  replicas: 0
  selector:
    matchLabels: {app: object-{{ $i }}}
  template:
    metadata:
      labels: {app: object-{{ $i }}}
    spec:
      serviceAccountName: object-{{ $i }}
      containers:
      - name: main
        image: registry.example/main:{{ $version }}
        ports: [{name: http, containerPort: 8080}]
        envFrom: [{configMapRef: {name: object-{{ $i }}}}]
---
{{- end }}
`

// until counts from 0, as the template function of that name does.
func until(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// writeBundle makes the bundle in a temporary folder.
func writeBundle(quarter int) (string, error) {
	dir, err := os.MkdirTemp("", "belay-bench-")
	if err != nil {
		return "", err
	}
	for name, content := range map[string]string{
		"bundle.yaml":        "apiVersion: belay.sh/v1alpha1\nkind: Bundle\nname: bench\nversion: 1.0.0\n",
		"values.yaml":        fmt.Sprintf("version: 1\nquarter: %d\n", quarter),
		"templates/all.yaml": manifests,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// objects are the manifests of a version as the floor sends them. changed are
// those that differ from the other version.
func objects(quarter, version int) (all, changed []*unstructured.Unstructured, err error) {
	functions := template.FuncMap{
		"until":  until,
		"int":    func(n int) int { return n },
		"div":    func(a, b int) int { return a / b },
		"add":    func(a, b int) int { return a + b },
		"quote":  func(s string) string { return fmt.Sprintf("%q", s) },
		"repeat": func(n int, s string) string { return string(bytes.Repeat([]byte(s), n)) },
	}
	t, err := template.New("").Funcs(functions).Parse(manifests)
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	data := map[string]any{"Values": map[string]any{"quarter": quarter, "version": version}}
	if err := t.Execute(&out, data); err != nil {
		return nil, nil, err
	}
	for i, document := range bytes.Split(out.Bytes(), []byte("\n---")) {
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &u.Object); err != nil {
			return nil, nil, err
		}
		all = append(all, u)
		if i/4 < quarter/2 {
			changed = append(changed, u)
		}
	}
	return all, changed, nil
}
