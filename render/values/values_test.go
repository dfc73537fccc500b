package values_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/render/values"
)

func file(name, text string) values.Layer {
	return values.Layer{Kind: values.File, Name: name, Data: []byte(text)}
}

func set(text string) values.Layer { return values.Layer{Kind: values.Set, Name: text} }

const defaults = `front:
  image: {name: nginx, tag: "1.4"}
  replicas: 2
  hosts: [a, {name: b, port: 1}]
db: {user: x}
gone: 1
`

func TestMergeMergesLayersInOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		layers []values.Layer
		want   string
	}{
		"mappings are merged, lists replaced": {
			[]values.Layer{file("a", "a: {b: 1, c: [1, 2]}"), file("b", "a: {c: [3], d: {e: 4}}")}, `{"a":{"b":1,"c":[3],"d":{"e":4}}}`},
		"null removes, at any depth": {
			[]values.Layer{file("a", "a: {b: 1, c: 2}\nd: 1"), file("b", "a: {b: null}\nd:")}, `{"a":{"c":2}}`},
		"null in a new mapping leaves nothing": {[]values.Layer{file("a", "a: {b: null, c: {d: null}}")}, `{"a":{"c":{}}}`},
		"a mapping replaces a scalar, and the other way round": {
			[]values.Layer{file("a", "a: 1\nb: {c: 1}"), file("b", "a: {x: 1}\nb: 2")}, `{"a":{"x":1},"b":2}`},
		"an empty mapping merges into what is there": {[]values.Layer{file("a", "a: {b: 1}"), file("b", "a: {}")}, `{"a":{"b":1}}`},
		"empty files change nothing":                 {[]values.Layer{file("a", "a: 1"), file("b", "# nothing\n"), file("c", "")}, `{"a":1}`},
		"flags and files count in the order given": {
			[]values.Layer{set("a=1"), file("b", "a: 2"), set("b=3"), file("c", "c: 4"), set("b=5")}, `{"a":2,"b":5,"c":4}`},
		"words of YAML 1.1 are strings, spellings stay": {
			[]values.Layer{file("a", "a: on\nb: no\nc: \"yes\"\nd: 20190612073634\ne: 1.20\nf: 9007199254740993\ng: \"00215e6\"\nh: 12:30:45\ni: 1000000\nj: 1e3\nk: 0.0")},
			`{"a":"on","b":"no","c":"yes","d":20190612073634,"e":1.20,"f":9007199254740993,"g":"00215e6","h":"12:30:45","i":1000000,"j":1e3,"k":0}`},
		"anchors and merge keys": {[]values.Layer{file("a", "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}")}, `{"x":{"a":1,"b":2},"y":{"a":1,"b":3}}`},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := values.Merge(tt.layers)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(m.Values)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSetTakesHelmsSyntax(t *testing.T) {
	for in, want := range map[string]string{
		"a=1":                    `{"a":1}`,
		"a=":                     `{"a":""}`,
		"a=true,b=false":         `{"a":true,"b":false}`,
		"a=1.5,b=007,c=-3,d=0":   `{"a":"1.5","b":"007","c":-3,"d":0}`,
		"a=00215e6,b=72225e2":    `{"a":"00215e6","b":"72225e2"}`,
		"a=99999999999999999999": `{"a":"99999999999999999999"}`,
		"a=yes,b=on":             `{"a":"yes","b":"on"}`,
		"a.b.c=x":                `{"a":{"b":{"c":"x"}}}`,
		"a={1,b,}":               `{"a":[1,"b",""]}`,
		"a={}":                   `{"a":[]}`,
		`a={x\,y,z}`:             `{"a":["x,y","z"]}`,
		"a[0]=x,a[1]=y":          `{"a":["x","y"]}`,
		"a[0].b=1,a[0].c=2":      `{"a":[{"b":1,"c":2}]}`,
		"a[0][0]=1":              `{"a":[[1]]}`,
		`a\.b=1`:                 `{"a.b":1}`,
		`a=x\,y`:                 `{"a":"x,y"}`,
		`a=x=y`:                  `{"a":"x=y"}`,
		`a=\{x\}`:                `{"a":"{x}"}`,
		"a=http://x.y:80/[z]":    `{"a":"http://x.y:80/[z]"}`,
		"a=1,":                   `{"a":1}`,
		"a=null":                 `{}`,
		"a=ü b":                  `{"a":"ü b"}`,
	} {
		if got := merged(t, set(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func merged(t *testing.T, layers ...values.Layer) string {
	t.Helper()
	m, err := values.Merge(layers)
	if err != nil {
		return "error: " + err.Error()
	}
	data, err := json.Marshal(m.Values)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSetChangesJustWhatItNames(t *testing.T) {
	for in, want := range map[string]string{
		"front.image.tag=5":      `{"db":{"user":"x"},"front":{"hosts":["a",{"name":"b","port":1}],"image":{"name":"nginx","tag":5},"replicas":2},"gone":1}`,
		"front.hosts[1].port=80": `{"db":{"user":"x"},"front":{"hosts":["a",{"name":"b","port":80}],"image":{"name":"nginx","tag":"1.4"},"replicas":2},"gone":1}`,
		"front.hosts[2]=c":       `{"db":{"user":"x"},"front":{"hosts":["a",{"name":"b","port":1},"c"],"image":{"name":"nginx","tag":"1.4"},"replicas":2},"gone":1}`,
		"front=null,gone=null":   `{"db":{"user":"x"}}`,
		"front={a}":              `{"db":{"user":"x"},"front":["a"],"gone":1}`,
	} {
		if got := merged(t, file("values.yaml", defaults), set(in)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
	}
	m, err := values.Merge([]values.Layer{file("values.yaml", defaults), set("front.hosts[0]=z")})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Values["front"].(map[string]any)["hosts"].([]any)[0]) != "z" {
		t.Error("the list was not changed")
	}
}

func TestOtherFlags(t *testing.T) {
	for name, tt := range map[string]struct {
		layer values.Layer
		want  string
	}{
		"strings stay strings": {values.Layer{Kind: values.SetString, Name: "a=1,b=true,c=null,d={1,2}"}, `{"a":"1","b":"true","c":"null","d":["1","2"]}`},
		"JSON is typed":        {values.Layer{Kind: values.SetJSON, Name: `a={"b":[1,2.50,"x",null]},c=[],d.e=3`}, `{"a":{"b":[1,2.50,"x",null]},"c":[],"d":{"e":3}}`},
		"a whole JSON object":  {values.Layer{Kind: values.SetJSON, Name: `{"a":{"b":1},"c":"d=e"}`}, `{"a":{"b":1},"c":"d=e"}`},
		"a file's content":     {values.Layer{Kind: values.SetFile, Name: "a.b=cert.pem", Data: []byte("x,y={z}\n")}, `{"a":{"b":"x,y={z}\n"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := merged(t, tt.layer); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if got := merged(t, file("v", defaults), values.Layer{Kind: values.SetJSON, Name: `front={"replicas":3,"image":null,"hosts":[]}`}); got != `{"db":{"user":"x"},"front":{"hosts":[],"replicas":3},"gone":1}` {
		t.Error(got)
	}
}

func TestMistakesAreNamedWithoutTheValues(t *testing.T) {
	hidden := "hunter2"
	for _, tt := range []struct {
		layer values.Layer
		want  string
	}{
		{set("a"), `--set a: the key "a" has no value`},
		{set("a=" + hidden + ",b"), `--set a: the key "b" has no value`},
		{set("=1"), "--set : an empty key"},
		{set("a..b=1"), "--set a..b: an empty key"},
		{set("a[x]=" + hidden), `--set a[x]: "x" is no index`},
		{set("a[-1]=1"), `--set a[-1]: "-1" is no index`},
		{set("a[0=1"), `--set a[0: "[" without "]"`},
		{set("a[0]b=1"), `--set a[0]b: "]" must be followed by ".", "[" or "="`},
		{set("a={" + hidden), `--set a: "{" without "}"`},
		{set("a={x}" + hidden), `--set a: something follows "}"`},
		{set("front.hosts[9]=" + hidden), "--set front.hosts[9]: index 9 is outside a list of 2 (values.yaml:4); [2] appends"},
		{set("a[5]=1"), "--set a[5]: index 5 is outside a list of 0; [0] appends"},
		{set("front.replicas.x=1"), "--set front.replicas.x: front.replicas is a number, not a mapping (values.yaml:3)"},
		{set("front.hosts.x=1"), "--set front.hosts.x: front.hosts is a list, not a mapping (values.yaml:4)"},
		{set("front[0]=1"), "--set front[0]: front is a mapping, not a list (values.yaml:1)"},
		{values.Layer{Kind: values.SetJSON, Name: "a={" + hidden}, "--set-json a: the value is not valid JSON"},
		{values.Layer{Kind: values.SetJSON, Name: "a="}, "--set-json a: the JSON is missing"},
		{values.Layer{Kind: values.SetJSON, Name: "a=1 " + hidden}, "--set-json a: something follows the JSON"},
		{file("x.yaml", "a: 1\nb: "+hidden+"\na: 2"), "x.yaml:3:1: \"a\": mapping key already defined at line 1\n    2 | b: ‹hidden›\n    3 | a: ‹hidden›\n      | ^"},
		{file("x.yaml", "- 1"), "x.yaml:1:1: a list where a mapping is expected\n    1 | ‹hidden›\n      | ^"},
		{file("x.yaml", "a: 1\n---\nb: 1"), "x.yaml:2: a second document; this file holds one\n    2 | ---\n      | ^"},
		{file("deploy.yaml", "apiVersion: v1\nkind: Pod"), "deploy.yaml: this is a manifest, not values"},
		{file("x.yaml", "a: b: "+hidden), "x.yaml:1: a second \": \" in one line: quote the value, or check the indentation\n    1 | a: ‹hidden›\n      | ^"},
	} {
		_, err := values.Merge([]values.Layer{file("values.yaml", defaults), tt.layer})
		if d := cmp.Diff(tt.want, fmt.Sprint(err)); d != "" {
			t.Error(d)
		}
		if strings.Contains(fmt.Sprint(err), hidden) {
			t.Error("the value is echoed")
		}
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := values.Merge([]values.Layer{file("a", "x: ["), set("b"), file("c", "d: 1\nd: 2"), set("e[3]=1,f[4]=1")})
	if n := strings.Count(fmt.Sprint(err), "\n--set") + strings.Count(fmt.Sprint(err), "\nc:") + 1; n != 5 {
		t.Errorf("%d mistakes: %v", n, err)
	}
}

func TestExplainNamesThePlaces(t *testing.T) {
	m, err := values.Merge([]values.Layer{
		file("values.yaml", defaults), file("prod.yaml", "front:\n  replicas: 5\ngone:\n"),
		set("front.image.tag=2,new.x=1"), {Kind: values.SetString, Name: "front.hosts[1].port=8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"front":               "[values.yaml:1]",
		"front.image":         "[values.yaml:2]",
		"front.image.name":    "[values.yaml:2]",
		"front.image.tag":     "[values.yaml:2 --set front.image.tag]",
		"front.replicas":      "[values.yaml:3 prod.yaml:2]",
		"front.hosts":         "[values.yaml:4]",
		"front.hosts[1].port": "[values.yaml:4 --set-string front.hosts[1].port]",
		"gone":                "[values.yaml:6 prod.yaml:3]",
		"new.x":               "[--set new.x]",
		"new":                 "[--set new.x]",
		"nothing":             "[]",
	} {
		if got := fmt.Sprint(m.Explain(path)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	want := []string{"db.user", "front.hosts", "front.image.name", "front.image.tag", "front.replicas", "new.x"}
	if d := cmp.Diff(want, m.Paths()); d != "" {
		t.Error(d)
	}
}

func TestPlainIsWhatJSONCanHold(t *testing.T) {
	in := map[string]any{"a": json.Number("0777"), "b": []any{json.Number("1.20"), "x", json.Number("0x1F")}}
	got, err := json.Marshal(values.Plain(in))
	if err != nil || string(got) != `{"a":511,"b":[1.20,"x",31]}` {
		t.Errorf("%s %v", got, err)
	}
}

func FuzzSet(f *testing.F) {
	for _, seed := range []string{"a.b=c,d=e", "a[0].b={x,y}", `a\.b=1\,2`, "a={},b[1]=", "a[0][0]=null", `{"a":1}`, "a={x"} {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, asJSON bool) {
		kind := values.Set
		if asJSON {
			kind = values.SetJSON
		}
		m, err := values.Merge([]values.Layer{file("values.yaml", defaults), {Kind: kind, Name: text}})
		if err != nil {
			return
		}
		if _, err := json.Marshal(values.Plain(m.Values)); err != nil {
			t.Fatal(err)
		}
		for _, path := range m.Paths() {
			if len(m.Explain(path)) == 0 {
				t.Errorf("nobody set %q", path)
			}
		}
	})
}

func TestLargeLayersAreRefused(t *testing.T) {
	large := values.Layer{Kind: values.File, Name: "large.yaml", Data: make([]byte, values.MaxSize+1)}
	_, err := values.Merge([]values.Layer{file("a.yaml", "a: 1"), large})
	if want := "large.yaml: it is larger than 16 MiB"; fmt.Sprint(err) != want {
		t.Errorf("%v, not %s", err, want)
	}
}
