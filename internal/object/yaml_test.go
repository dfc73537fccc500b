package object_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/belay-sh/belay/internal/object"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

func TestDecodeReadsManifestsAsTheyAreMeant(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want []string // kind/name@line
	}{
		"documents without content are left out": {
			"# only a comment\n---\n\n---\n" + configMap + "---\n# end\n---\n", []string{"ConfigMap/a@5"}},
		"a byte order mark and carriage returns do no harm": {
			"\xef\xbb\xbf" + strings.ReplaceAll(configMap, "\n", "\r\n") + "---\r\n" + configMap, []string{"ConfigMap/a@1", "ConfigMap/a@5"}},
		"three dashes inside a block scalar do not end a document": {
			configMap + "data:\n  x: |\n    a\n    ---\n    b\n", []string{"ConfigMap/a@1"}},
		"content may follow the marker": {
			"--- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n--- # comment\n" + configMap, []string{"Pod/p@1", "ConfigMap/a@3"}},
		"an end marker ends a document": {configMap + "...\n---\n" + configMap, []string{"ConfigMap/a@1", "ConfigMap/a@6"}},
		"a list is expanded, with the line of each item": {
			"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n- kind: List\n  apiVersion: v1\n  items:\n  - {apiVersion: v1, kind: Service, metadata: {name: s}}\n",
			[]string{"Pod/p@4", "Service/s@10"}},
		"a typed list lends its items their kind": {
			"apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n", []string{"ConfigMap/a@4", "ConfigMap/b@5"}},
		"a List without items is empty, with a name too": {
			"apiVersion: v1\nkind: List\n---\napiVersion: v1\nkind: List\nitems:\n---\napiVersion: v1\nkind: List\nmetadata: {name: x}\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: p}}]\n", []string{"Pod/p@11"}},
		"an object whose kind ends in List is no list": {
			"apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [1]\n", []string{"AllowList/a@1"}},
		"JSON with tabs and one value after another": {
			"{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"q\"}}",
			[]string{"Pod/p@1", "Pod/q@4"}},
		"nothing": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			objs, err := object.Decode([]byte(tt.in), "f.yaml")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objs {
				got = append(got, fmt.Sprintf("%s/%s@%d", o.Body.GetKind(), o.Body.GetName(), o.Source.Line))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDecodeKeepsTypes(t *testing.T) {
	in := configMap + `data: {80: x, on: "y", true: z, "a.b": '1'}
spec:
  int: 20190612073634
  big: 9223372036854775807
  bigger: 9223372036854775808
  octal: 0644
  hex: 0x1F
  nine: 0129
  exp: 1e3
  half: 1.50
  words: [on, off, yes, no, y, True, ~, null]
  strings: ["1", '01', "true", 1_000, 12:30:45, 2021-01-01, 1.2.3, -, +, ., 1e, 0xg, 72225e2x]
  emoji: "\U0001F600"
  base: &base {a: 1, b: {c: 2}}
  merged: {<<: *base, a: 3}
  both: {<<: [{a: 9}, *base]}
  same: *base
  tagged: !!str 12
`
	objs, err := object.Decode([]byte(in), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base := map[string]any{"a": int64(1), "b": map[string]any{"c": int64(2)}}
	want := map[string]any{
		"int": int64(20190612073634), "big": int64(9223372036854775807), "bigger": 9223372036854775808.0,
		"octal": int64(420), "hex": int64(31), "nine": int64(129), "exp": int64(1000), "half": 1.5,
		"words":   []any{"on", "off", "yes", "no", "y", true, nil, nil},
		"strings": []any{"1", "01", "true", "1_000", "12:30:45", "2021-01-01", "1.2.3", "-", "+", ".", "1e", "0xg", "72225e2x"},
		"emoji":   "😀", "base": base, "same": base, "tagged": "12",
		"merged": map[string]any{"a": int64(3), "b": base["b"]},
		"both":   map[string]any{"a": int64(9), "b": base["b"]},
	}
	if d := cmp.Diff(want, objs[0].Body.Object["spec"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"80": "x", "on": "y", "true": "z", "a.b": "1"}, objs[0].Body.Object["data"]); d != "" {
		t.Error(d)
	}
	spec := objs[0].Body.Object["spec"].(map[string]any)
	spec["same"].(map[string]any)["a"] = int64(7)
	if spec["base"].(map[string]any)["a"] != int64(1) {
		t.Error("an alias shares memory with its anchor")
	}
}

func TestDecodeReportsAllMistakesWithTheirPlace(t *testing.T) {
	in := `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  x: "1"
  y: "2"
  x: "3"
---
kind: Service
metadata:
  name: 12
  labels: {a: 1}
---
a: b
  c: d
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  password: hunter2
	token: hunter3
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
      - name: c
        env:
        - {name: A, value: "1"}
        - {name: B, value: 80}
        - {name: A, value: "2"}
        ports:
        - containerPort: 80
        - containerPort: 80
          protocol: UDP
        - containerPort: 80
          protocol: TCP
        volumeMounts:
        - {name: v, mountPath: /x}
        - {name: w, mountPath: /x}
---
- 1
---
apiVersion: v1
kind: Pod
metadata: {generateName: p-}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {a: !Ref x, b: .inf, c: *none}
`
	objs, err := object.Decode([]byte(in), "f.yaml")
	if len(objs) != 0 {
		t.Errorf("objects: %v", objs)
	}
	want := `f.yaml:7:3: "x": mapping key already defined at line 5
    6 |   y: "2"
    7 |   x: "3"
      |   ^
f.yaml:9:1: apiVersion is missing
    8 | ---
    9 | kind: Service
      | ^
f.yaml:11:9: metadata.name: a number where a string is expected; quote it
   10 | metadata:
   11 |   name: 12
      |         ^
f.yaml:12:15: metadata.labels.a: a number where a string is expected; quote it
   11 |   name: 12
   12 |   labels: {a: 1}
      |               ^
f.yaml:15: a second ": " in one line: quote the value, or check the indentation
   14 | a: b
   15 |   c: d
      |   ^
f.yaml:22:1: a tab cannot indent YAML: use spaces
   21 |   password: ‹hidden›
   22 |  token: ‹hidden›
      | ^
f.yaml:34:28: spec.template.spec.containers[0].env[1].value (B): a number where a string is expected; quote it
   33 |         - {name: A, value: "1"}
   34 |         - {name: B, value: 80}
      |                            ^
f.yaml:35:11: spec.template.spec.containers[0].env: name "A" already defined at line 33
   34 |         - {name: B, value: 80}
   35 |         - {name: A, value: "2"}
      |           ^
f.yaml:40:11: spec.template.spec.containers[0].ports: containerPort 80, protocol TCP already defined at line 37
   39 |           protocol: UDP
   40 |         - containerPort: 80
      |           ^
f.yaml:44:11: spec.template.spec.containers[0].volumeMounts: mountPath "/x" already defined at line 43
   43 |         - {name: v, mountPath: /x}
   44 |         - {name: w, mountPath: /x}
      |           ^
f.yaml:46:1: a list where a manifest is expected
   45 | ---
   46 | - 1
      | ^
f.yaml:50:26: metadata.generateName would make another object at every apply: give it a metadata.name
   49 | kind: Pod
   50 | metadata: {generateName: p-}
      |                          ^
f.yaml:55: unknown anchor 'none' referenced
   54 | metadata: {name: p}
   55 | spec: {a: !Ref x, b: .inf, c: *none}
      | ^`
	got := fmt.Sprint(err)
	if d := cmp.Diff(strings.Split(want, "\n"), sortByLine(object.Errors(err))); d != "" {
		t.Errorf("%s\n%s", d, got)
	}
}

func sortByLine(errs []*object.Error) []string {
	var lines []string
	for n := 0; n < 1000; n++ {
		for _, e := range errs {
			if e.Line == n {
				lines = append(lines, strings.Split(e.Error(), "\n")...)
			}
		}
	}
	return lines
}

func TestDecodePointsAtTheTemplateOfRenderedText(t *testing.T) {
	_, err := object.DecodeInput(object.Input{
		File: "templates/a.yaml", Data: []byte(configMap + "data:\n  a: b\n c: d\n"),
		Origin: func(line int) int { return line + 100 },
	})
	want := `templates/a.yaml:106: the indentation fits nothing above, or a quote is misplaced
  rendered:
    5 |   a: b
    6 |  c: d
      |  ^`
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Error(d)
	}
}

func TestDecodeStopsExpansionBombs(t *testing.T) {
	var b strings.Builder
	b.WriteString(configMap + "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for name, in := range map[string]string{
		"lists":     b.String(),
		"merges":    strings.NewReplacer("[x,", "{x: 1, y: [x,").Replace(configMap) + "m0: &m0 {a: [1,2,3]}\n" + merges(40),
		"recursion": configMap + "a: &a [*a]\n",
		"self":      configMap + "a: &a {<<: *a}\n",
		"selves":    configMap + "a: &a\n- b\n- {<<: *a}\n",
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, err := object.Decode([]byte(in), "f.yaml")
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil {
					t.Error("accepted")
				}
			case <-time.After(30 * time.Second):
				t.Fatal("hangs")
			}
		})
	}
}

func merges(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "m%d: &m%d {<<: [*m%d, *m%d]}\n", i, i, i-1, i-1)
	}
	return b.String()
}

func TestEncodeIsReadBackUnchanged(t *testing.T) {
	in := configMap + `data:
  script: |
    #!/bin/sh
    echo "a"

  trailing: "a \nb\n\n"
  looks: "on"
  number: "00215e6"
  clock: "12:30:45"
spec: {a: [1, 2.5, {b: null}], e: {}, f: [], big: 100000000000000000000}
`
	objs, err := object.Decode([]byte(in), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := object.Encode(&b, objs); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "---\n# source: f.yaml:1\napiVersion: v1\n") {
		t.Error(b.String())
	}
	again, err := object.Decode(b.Bytes(), "f.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if d := cmp.Diff(objs[0].Body, again[0].Body); d != "" {
		t.Error(d)
	}
}

func TestOtherParsersReadWhatEncodeWrites(t *testing.T) {
	texts := []any{"on", "yes", "n", "Y", "null", "~", "", "1_000", "0o17", "0777", "0x1f", "12:30:45", "2021-01-01", "1e3", "1.20", ".5", "-",
		"- a", "a: b", "a #b", "#a", "'a", "\"a", "!a", "&a", "*a", "%a", "@a", "`a", "{a", "[a", "a\nb", "a\n", "\n", "  a", "a  ", "\ta", "a\tb",
		"|", ">", "?", "? a", "=", "<<", "---", "---\na", "...", "é😀", "\u0001", "a\r\nb", strings.Repeat("long words ", 40), "\ufeffa", "\u2028"}
	want := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "list": texts, "int": int64(1) << 60, "float": 1.5}
	keys := map[string]any{}
	for i, text := range texts {
		keys[text.(string)] = float64(i)
	}
	want["keys"] = keys
	var b bytes.Buffer
	if err := object.Encode(&b, []object.Object{{Body: &unstructured.Unstructured{Object: want}}}); err != nil {
		t.Fatal(err)
	}
	data, err := sigsyaml.YAMLToJSONStrict(b.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want["int"] = float64(1 << 60)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	again, err := object.Decode(b.Bytes(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(texts, again[0].Body.Object["list"]); d != "" {
		t.Error(d)
	}
}

func TestErrorsTakesJoinsApart(t *testing.T) {
	a, b := &object.Error{File: "a"}, &object.Error{File: "b"}
	err := fmt.Errorf("rendering: %w", errors.Join(a, errors.Join(b, errors.New("other"))))
	if got := object.Errors(err); len(got) != 2 || got[0] != a || got[1] != b {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(configMap))
	f.Add([]byte(configMap + "data: {a: &x [1], b: *x, <<: {c: d}}\n---\n{\"a\": 1}"))
	f.Add([]byte("a: b\n c: d\n\t- x"))
	f.Add([]byte("kind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: 1e3}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, err := object.Decode(data, "f")
		if err != nil || len(objs) == 0 {
			return
		}
		var b bytes.Buffer
		if err := object.Encode(&b, objs); err != nil {
			t.Fatal(err)
		}
		again, err := object.Decode(b.Bytes(), "f")
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for i := range objs {
			if d := cmp.Diff(objs[i].Body, again[i].Body); d != "" {
				t.Fatalf("%s\n%s", d, b.String())
			}
		}
	})
}
