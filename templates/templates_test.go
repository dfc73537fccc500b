package templates_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belay-sh/belay/templates"
)

// data is what the tests' templates see.
func data() map[string]any {
	return map[string]any{
		"Values": map[string]any{
			"front": map[string]any{
				"image":    map[string]any{"name": "nginx", "tag": "1.25"},
				"replicas": int64(3), "on": true, "off": false, "empty": "", "none": map[string]any{},
				"hosts": []any{"a", "b"},
			},
			"big": int64(20190612073634), "million": int64(1000000), "float": 1e21, "half": 0.5,
			"spelled": json.Number("1.20"), "octal": json.Number("0777"), "exp": json.Number("1e3"),
			"my-key": map[string]any{"x": "dashed"}, "text": "{{ .Values.front.replicas }}", "secret": "hunter2",
			"broken": "{{ .Values.nope }}", "define": `{{ define "local" }}L{{ . }}{{ end }}{{ include "local" 1 }}`,
		},
		"Release": map[string]any{"Name": "shop"},
	}
}

func render(t testing.TB, o templates.Options, files ...string) ([]templates.Result, map[string]string, error) {
	t.Helper()
	var set []templates.File
	for i := 0; i < len(files); i += 2 {
		set = append(set, templates.File{Name: files[i], Text: files[i+1], Partial: strings.HasPrefix(files[i], "_")})
	}
	s, parseErr := templates.Parse(set)
	results, random, err := s.Render(data(), o)
	return results, random, errors.Join(parseErr, err)
}

func TestRenderEvaluates(t *testing.T) {
	helpers := `{{ define "name" }}{{ .Release.Name }}-x{{ end }}{{ define "twice" }}{{ . }}{{ . }}{{ end }}{{ define "whole" }}{{ .a }}{{ .Release.Name }}{{ end }}`
	for in, want := range map[string]string{
		`{{ .Values.front.image.name }}:{{ .Values.front.image.tag }}`:            "nginx:1.25",
		`{{ $.Values.front.replicas }}{{ $f := .Values.front }}{{ $f.replicas }}`: "33",
		`{{ with .Values.front }}{{ .replicas }}{{ end }}`:                        "3",
		`{{ range .Values.front.hosts }}{{ . }},{{ end }}`:                        "a,b,",
		`{{ range $k, $v := .Values.front.image }}{{ $k }}={{ $v }};{{ end }}`:    "name=nginx;tag=1.25;",
		`{{ (index .Values "my-key").x }}{{ index .Values "my-key" "x" }}`:        "dasheddashed",
		`{{ index .Values.front.hosts 1 }}`:                                       "b",
		`{{ include "name" . }}{{ template "twice" 7 }}`:                          "shop-x77",
		`{{ include "name" . | upper | quote }}`:                                  `"SHOP-X"`,
		`{{ tpl .Values.text . }}{{ tpl "{{ include \"name\" . }}" $ }}`:          "3shop-x",
		`{{ tpl .Values.define . }}`:                                              "L1",

		// absent values where they may be absent
		`{{ if .Values.front.nope }}x{{ else }}y{{ end }}`:                                                              "y",
		`{{ with .Values.nope }}x{{ else }}y{{ end }}`:                                                                  "y",
		`{{ if and .Values.front.on (not .Values.nope) }}x{{ end }}`:                                                    "x",
		`{{ .Values.nope | default "d" }}{{ default "d" .Values.nope }}`:                                                "dd",
		`{{ default "d" (index .Values "no-pe") }}`:                                                                     "d",
		`{{ if (.Values.nope).deeper }}x{{ else }}y{{ end }}`:                                                           "y",
		`{{ (.Values.nope).deeper | default "z" }}`:                                                                     "z",
		`{{ or .Values.nope .Values.front.replicas }}`:                                                                  "3",
		`{{ coalesce .Values.nope .Values.front.empty "c" }}`:                                                           "c",
		`{{ ternary "a" "b" .Values.front.off }}`:                                                                       "b",
		`{{ empty .Values.nope }}`:                                                                                      "true",
		`{{ required "msg" .Values.front.on }}`:                                                                         "true",
		`{{ range $x := .Values.nope | default list }}x{{ end }}{{ if eq (.Values.nope | default "a") "a" }}y{{ end }}`: "y",
		`{{ if and .Values.nope .Values.nope.deeper }}x{{ end }}{{ with .Values.nope | default dict }}x{{ end }}`:       "",
		`{{ .Values.nope | default .Values.front.replicas | quote }}`:                                                   `"3"`,
		`{{ if or (not .Values.nope) (eq .Values.nope "x") }}y{{ end }}`:                                                "y",
		`{{ template "whole" (merge (dict "a" 1) .) }}`:                                                                 "1shop",
		`{{ hasKey .Values "nope" }}{{ dig "a" "b" "d" .Values }}{{ get .Values "nope" }}`:                              "falsed",

		// numbers
		`{{ .Values.big }} {{ .Values.million }} {{ .Values.half }}`:                                        "20190612073634 1000000 0.5",
		`{{ .Values.spelled }} {{ .Values.octal }} {{ .Values.exp }}`:                                       "1.20 0777 1e3",
		`{{ .Values.spelled | quote }} {{ printf "%s %d %.1f" .Values.exp .Values.octal .Values.spelled }}`: `"1.20" 1e3 511 1.2`,
		`{{ toYaml (dict "a" .Values.spelled "b" .Values.big "c" "1.20") }}`:                                "a: 1.20\nb: 20190612073634\nc: \"1.20\"",
		`{{ toJson (dict "a" .Values.octal "b" .Values.big "c" .Values.spelled) }}`:                         `{"a":511,"b":20190612073634,"c":1.20}`,
		`{{ add .Values.octal 1 }} {{ int .Values.exp }} {{ mul 2 .Values.million }}`:                       "512 1000 2000000",
		`{{ eq .Values.front.replicas 3 }} {{ eq .Values.exp 1000.0 }} {{ lt 1 2.5 }}`:                      "true true true",
		`{{ (fromYaml "a: 1000000\nb: 2021-01-01\nc: 1.5").a }}`:                                            "1000000",
		`{{ (fromYaml "b: 2021-01-01").b }} {{ (fromJson "{\"a\": 12345678}").a }}`:                         "2021-01-01 12345678",
		`{{ toYaml (fromJson "{\"a\": [1, 2.50, \"x\", true, null]}") }}`:                                   "a:\n- 1\n- 2.50\n- x\n- true\n- null",
		`{{ toYaml (dict "on" "yes" "t" "12:30:45" "m" "a\nb\n") }}`:                                        "m: |\n  a\n  b\n\"on\": \"yes\"\nt: \"12:30:45\"",
		`{{ mulf 1.5 2 }} {{ div 7 2 }} {{ until 3 | join "," }} {{ round 2.567 2 }}`:                       "3 3 0,1,2 2.57",
		`{{ toYaml (list "<<" "a") }}`:                                                                      "- \"<<\"\n- a",
		`{{ toYaml .Values.front.none }}{{ toYaml (list) }}`:                                                "{}[]",

		// the clock that was handed in
		`{{ now | date "2006-01-02 15:04" }} {{ now | unixEpoch }}`:                    "2026-01-02 03:04 1767323045",
		`{{ date "2006" "junk" }} {{ ago (now | dateModify "-1h") }} {{ htmlDate 0 }}`: "2026 1h0m0s 1970-01-01",
		`{{ dateInZone "15:04" now "Europe/Berlin" }}`:                                 "04:04",
		`{{ toDate "2006-01-02" "2020-05-01" | unixEpoch }}`:                           "1588291200",
		`{{ .Template.Name }} {{ .Template.BasePath }}`:                                "templates/a.yaml templates",
		`{{ $d := dict }}{{ $_ := set $d "a" 1 }}{{ $d.a }}`:                           "1",
		`{{ range until 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}`:    "02",
		`{{ "a b" | nospace }}{{ list 1 2 | has 2 }}{{ b64enc "x" }}`:                  "abtrueeA==",
	} {
		t.Run(in, func(t *testing.T) {
			o := templates.Options{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			results, _, err := render(t, o, "_helpers.tpl", helpers, "templates/a.yaml", in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, string(results[0].Text)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMistakesAreLocatedWithTheNearestNames(t *testing.T) {
	helpers := "{{ define \"label\" }}\n{{ .Values.lable }}\n{{ end }}{{ define \"loop\" }}{{ include \"loop\" . }}{{ end }}" +
		"{{ define \"one\" }}{{ include \"two\" . }}{{ end }}\n{{ define \"two\" }}{{ index . \"x\" }}{{ end }}"
	for in, want := range map[string]string{
		"a: b\nimage: \"{{ .Values.front.imgae.tag }}\"":           "a.yaml:2:26: .Values.front.imgae.tag: no such value (front has: empty, hosts, image, none, off, on, replicas) @5",
		`{{ if .Values.fornt.on }}x{{ end }}`:                      "a.yaml:1:15: .Values.fornt.on: no such value (Values has: front, float, secret, text, big, broken, define, … (13)) @5",
		`{{ $x := .Values }}{{ $x.frnt }}`:                         "a.yaml:1:26: $x.frnt: no such value ($x has: front, …) @4",
		`{{ (dict "a" 1).b }}`:                                     "a.yaml:1:17: (…).b: no such value (this has: a) @1",
		`{{ .Values.front.replicas.x }}`:                           "a.yaml:1:27: .Values.front.replicas.x: no such value: replicas is a number @1",
		`{{ with .Values.secret }}{{ .x }}{{ end }}`:               "a.yaml:1:30: .x: no such value: . is a string @1",
		`{{ .Values.nope | quote }}`:                               "a.yaml:1:12: .Values.nope: no such value (Values has: …) @4",
		`{{ range .Values.nope }}{{ end }}`:                        "a.yaml:1:18: .Values.nope: no such value (Values has: …) @4",
		`{{ default .Values.nope .Values.front.on }}`:              "a.yaml:1:20: .Values.nope: no such value (Values has: …) @4",
		`{{ index .Values "no-pe" }}`:                              `a.yaml:1:4: index "no-pe": no such value (it has: …) @5`,
		`{{ index .Values.front.hosts 2 }}`:                        "a.yaml:1:4: index: 2 is outside a list of 2 @5",
		`{{ required "give x" .Values.x }}`:                        "a.yaml:1:4: give x @8",
		`{{ .Values.front.empty | required "give it" }}`:           "a.yaml:1:26: give it @8",
		`{{ fail "no way" }}`:                                      "a.yaml:1:4: no way @4",
		`{{ .Values.front }}`:                                      "a.yaml:1:4: a mapping cannot be printed; use toYaml @13",
		`{{ .Values.front.hosts }}`:                                "a.yaml:1:4: a list cannot be printed; use toYaml @19",
		`{{ get .Values "secret" | atoi | upper }}`:                "a.yaml:1:34: a string is expected here, not a number @5",
		`{{ range .Values.secret }}{{ end }}`:                      "a.yaml:1:10: range needs a list, a mapping or a number @14",
		`{{ eq .Values.secret 1 }}`:                                "a.yaml:1:4: eq: a string and a number cannot be compared @2",
		`{{ fromYaml "a: [" }}`:                                    "a.yaml:1:4: fromYaml: the text is not valid YAML @8",
		`{{ include "labl" . }}`:                                   `a.yaml:1:4: there is no template "labl" (the nearest is "label") @7`,
		`{{ template "labl" . }}`:                                  `a.yaml:1:13: there is no template "labl" (the nearest is "label") @8`,
		`{{ inclde "x" . }}`:                                       `a.yaml:1:4: there is no function "inclde" (the nearest is include) @6`,
		`{{ env "HOME" }}`:                                         `a.yaml:1:4: there is no function "env" (…) @3`,
		`{{ $x }}`:                                                 `a.yaml:1:4: there is no variable "$x" here @2`,
		`{{ else }}`:                                               "a.yaml:1:4: there is nothing here that {{ else }} could belong to @4",
		`{{ if 1 }}{{ end }}{{- end }}`:                            "a.yaml:1:24: there is nothing here that {{ end }} could belong to @3",
		`{{ tpl "x" }}`:                                            "a.yaml:1:4: tpl takes 2 arguments, not 1 @3",
		`{{ nindent 2 }}`:                                          "a.yaml:1:4: nindent takes 2 arguments, not 1 @7",
		`{{ trimAll "x" "y" "z" }}`:                                "a.yaml:1:4: trimAll takes 2 arguments, not 3 @7",
		"a\n{{ if }}":                                              "a.yaml:2: missing value for if @0",
		"a\n{{ if true }}\n":                                       "a.yaml:2:4: if is not closed: {{ end }} is missing @2",
		"a\n{{ .Values.x \n":                                       "a.yaml:2: unclosed action @0",
		"x\n  {{ include \"label\" . }}":                           `_helpers.tpl:2:12: .Values.lable: no such value (Values has: …) @5 in include "label" at a.yaml:2:6`,
		`{{ include "one" (dict "y" 1) }}`:                         `_helpers.tpl:4:22: index "x": no such value (it has: y) @5 in include "two" at _helpers.tpl:3:…; include "one" at a.yaml:1:4`,
		`{{ include "loop" . }}`:                                   `_helpers.tpl:3:…: calls of include and tpl are nested more than 1000 deep: does "loop" include itself? @1`,
		`{{ tpl .Values.broken . }}`:                               `a.yaml:1:4: in the text given to tpl, 1:12: .Values.nope: no such value (Values has: …) @4`,
		`{{ tpl "{{ if }}" . }}`:                                   `a.yaml:1:4: in the text given to tpl, 1:1: missing value for if @0`,
		`{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYaml $d }}`: "a.yaml:1:26: set: a mapping cannot hold itself @3",
		`{{ $d := dict }}{{ $_ := set $d "d" (chunk 1 (list $d)) }}{{ quote $d }}`:    "a.yaml:1:26: set: a mapping cannot hold itself @3",
		`{{ $d := dict }}{{ $_ := merge $d (dict "d" $d) }}{{ toYaml $d }}`:           "a.yaml:1:26: merge: a mapping cannot hold itself @5",
		`{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}`:        "a.yaml:1:35: loops ran for more than 1000000 rounds @5",
		`{{ $x := repeat 9 "x" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}`: "a.yaml:1:…: print: more than 64 MiB of text @5",
		`{{ $x := repeat 9000 "x" }}{{ $x = replace "x" $x $x }}`:                     "a.yaml:1:…: replace: more than 64 MiB of text @7",
		`{{ repeat 1000000000 "x" }}`:                                                 "a.yaml:1:4: repeat: 1000000000 times is out of bounds @6",
		`{{ until 100000000 | len }}`:                                                 "a.yaml:1:4: until: 100000000 is more than 1000000 @5",
		`{{ div 1 0 }}`:                                                               "a.yaml:1:4: div: runtime error: integer divide by zero @3",
		`{{ define "label" }}x{{ end }}`:                                              `a.yaml:1:21: template "label" is already defined at _helpers.tpl:1:21 @1`,
		`{{ nil }}`:                                                                   "a.yaml:1:4: nil is not a command @3",
		`{{ .Values.text.x | default 1 }}`:                                            "a.yaml:1:17: .Values.text.x: no such value: text is a string @1",
	} {
		t.Run(in, func(t *testing.T) {
			_, _, err := render(t, templates.Options{}, "_helpers.tpl", helpers, "a.yaml", in)
			var e *templates.Error
			if !errors.As(err, &e) {
				t.Fatalf("no located error: %v", err)
			}
			got := e.Place() + ": " + e.Message
			if e.Note != "" {
				got += " (" + e.Note + ")"
			}
			got += fmt.Sprintf(" @%d", e.Width)
			if len(e.Trace) > 0 {
				got += " in " + strings.Join(e.Trace, "; ")
			}
			if !like(got, want) {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a value is echoed")
			}
		})
	}
}

// like compares with a pattern in which … stands for anything.
func like(got, pattern string) bool {
	parts := strings.Split(pattern, "…")
	if !strings.HasPrefix(got, parts[0]) || !strings.HasSuffix(got, parts[len(parts)-1]) {
		return false
	}
	for _, p := range parts {
		i := strings.Index(got, p)
		if i < 0 {
			return false
		}
		got = got[i+len(p):]
	}
	return true
}

func TestAllMistakesOfAllFilesAreReported(t *testing.T) {
	_, _, err := render(t, templates.Options{},
		"_helpers.tpl", `{{ define "bad" }}{{ .Values.helper }}{{ end }}`,
		"a.yaml", "{{ .Values.one }}\n{{ .Values.two | quote }}\n{{ .Values.one }}{{ range .Values.three }}{{ end }}{{ fail \"after\" }}",
		"b.yaml", "{{ if }}",
		"c.yaml", "{{ include \"bad\" . }}{{ include \"bad\" . }}",
		"d.yaml", "fine",
		"e.yaml", "{{ include \"bad\" . }}",
	)
	var got []string
	for _, line := range strings.Split(fmt.Sprint(err), "\n") {
		if !strings.HasPrefix(line, "  in") {
			got = append(got, strings.SplitN(line, " (", 2)[0])
		}
	}
	want := []string{
		"b.yaml:1: missing value for if",
		"a.yaml:1:12: .Values.one: no such value", "a.yaml:2:12: .Values.two: no such value",
		"a.yaml:3:12: .Values.one: no such value", "a.yaml:3:35: .Values.three: no such value",
		"_helpers.tpl:1:30: .Values.helper: no such value",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%v", d, err)
	}
}

func TestLinesLeadBackToTheTemplate(t *testing.T) {
	in := `{{- $x := 1 }}
one: 1
{{- if true }}
four: 4
{{ toYaml (dict "a" 1 "b" 2) | nindent 0 }}
six: 6
{{- end }}
{{- range until 2 }}
nine: {{ . }}
{{- end }}
eleven: |
  {{ include "h" . }}
thirteen: x`
	results, _, err := render(t, templates.Options{}, "_h.tpl", "{{ define \"h\" }}\nx\ny{{ end }}", "a.yaml", in)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, line := range strings.Split(string(results[0].Text), "\n") {
		got = append(got, fmt.Sprintf("%d %s", results[0].Line(i+1), line))
	}
	want := []string{"1 ", "2 one: 1", "4 four: 4", "5 ", "5 a: 1", "5 b: 2", "6 six: 6", "9 nine: 0", "9 nine: 1", "11 eleven: |", "12   ", "12 x", "12 y", "13 thirteen: x"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRandomValuesAreRemembered(t *testing.T) {
	in := `{{ randAlphaNum 8 }} {{ range until 2 }}{{ randAlpha 5 | quote }}{{ end }} {{ uuidv4 }} {{ list uuidv4 (randInt 1 1000000) | join "," }}
{{ $ca := genCA "ca" 10 }}{{ $cert := genSignedCert "x" nil (list "x.y") 10 $ca }}{{ $cert.Cert | b64enc }}{{ htpasswd "u" "p" }}{{ include "h" . }}{{ tpl "{{ randNumeric 9 }}" . }}`
	helper := `{{ define "h" }}{{ randAlphaNum 20 }}{{ end }}`
	first, random, err := render(t, templates.Options{}, "_h.tpl", helper, "a.yaml", in)
	if err != nil {
		t.Fatal(err)
	}
	second, again, err := render(t, templates.Options{Random: random}, "_h.tpl", helper, "a.yaml", in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(first[0].Text), string(second[0].Text)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(random, again); d != "" {
		t.Error(d)
	}
	third, _, err := render(t, templates.Options{}, "_h.tpl", helper, "a.yaml", in)
	if err != nil || string(first[0].Text) == string(third[0].Text) {
		t.Error("nothing is random", err)
	}
	if len(random) != 11 {
		t.Errorf("%d values: %v", len(random), random)
	}
}

func TestRandomValuesFollowTheirArguments(t *testing.T) {
	_, random, err := render(t, templates.Options{}, "a.yaml", `{{ htpasswd "u" "old" }}`)
	if err != nil {
		t.Fatal(err)
	}
	_, again, err := render(t, templates.Options{Random: random}, "a.yaml", `{{ htpasswd "u" "new" }}`)
	if err != nil {
		t.Fatal(err)
	}
	for key := range again {
		if _, kept := random[key]; kept {
			t.Errorf("the hash of another password was given back: %s", key)
		}
	}
}

func TestReadIsToldOfValues(t *testing.T) {
	var got []string
	o := templates.Options{Read: func(_ string, m map[string]any, key string, line int) {
		got = append(got, fmt.Sprintf("%s@%d", key, line))
	}}
	if _, _, err := render(t, o, "a.yaml", "a: {{ .Values.front.replicas }}\nb: {{ index .Values \"big\" }}\n{{ if .Values.nope }}{{ end }}"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"replicas@1", "Values@2", "big@2"}, got); d != "" {
		t.Error(d)
	}
}

func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		`{{ .Values.front.image.tag | quote }}`, `{{ range $i, $x := .Values.front.hosts }}{{ $x }}{{ end }}`,
		`{{ include "x" . }}{{ define "x" }}{{ tpl .Values.text . }}{{ end }}`, `{{ with $y := .Values }}{{ $y.front.x }}{{ end }}`,
		`{{ toYaml .Values | fromYaml | toJson }}`, `{{- /* c */ -}} {{ template "a" }}{{ block "a" . }}{{ end }}`,
		`{{ (index .Values "front").image.tag }}{{ dict "a" (list 1 2) | toYaml | nindent 2 }}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, slow := range []string{"gen", "bcrypt", "htpasswd", "derive", "until", "seq", "repeat", "indent", "wrap", "rand"} {
			if strings.Contains(text, slow) {
				t.Skip("only slow")
			}
		}
		s, err := templates.Parse([]templates.File{{Name: "a.yaml", Text: text}})
		if err != nil {
			return
		}
		results, _, err := s.Render(data(), templates.Options{})
		for _, r := range results {
			for i := range strings.Split(string(r.Text), "\n") {
				if l := r.Line(i + 1); l < 1 || l > 1+strings.Count(text, "\n") {
					t.Errorf("line %d", l)
				}
			}
		}
		var e *templates.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("not located: %v", err)
		}
	})
}

func BenchmarkRender(b *testing.B) {
	text := `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "name" . }}
  labels: {{- toYaml .Values.front.image | nindent 4 }}
data:
  {{- range $i, $h := .Values.front.hosts }}
  host{{ $i }}: {{ $h | quote }}
  {{- end }}
  {{- if .Values.front.on }}
  replicas: {{ .Values.front.replicas | quote }}
  {{- end }}
`
	files := []templates.File{{Name: "_h.tpl", Text: `{{ define "name" }}{{ .Release.Name }}{{ end }}`, Partial: true}}
	for i := range 400 {
		files = append(files, templates.File{Name: fmt.Sprintf("t%d.yaml", i), Text: text})
	}
	for b.Loop() {
		s, err := templates.Parse(files)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.Render(data(), templates.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
