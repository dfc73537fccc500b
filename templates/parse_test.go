package templates

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/google/go-cmp/cmp"
)

// alike are texts that the parser must read as text/template does.
var alike = []string{
	"", "text", " \n", "{{/* nothing */}}", "a {{- /* c */ -}} b", "{{/* a */ -}}\n b", "{{- /*\n*/}}",
	"{{.}}", "{{ . }}", "{{ .A }}", "{{ .A.B.C }}", "{{$}}", "{{ $.A.B }}", "a{{- .A -}}\n\tb", "{{-\n.A\n-}}x",
	"{{ $x := 1 }}{{ $x }}{{ $x = .Y.Z }}", "{{$x:=1}}{{$x.y}}", "{{ $x := $x }}", "{{ ($y := 2) }}{{ $y }}",
	"{{ range .L }}{{ . }}{{ break }}{{ else }}none{{ end }}", "{{range $i, $v := .L}}{{$i}}{{$v}}{{continue}}{{end}}",
	"{{ range $v := .L }}{{ end }}", "{{ range $k , $v = .L }}{{ end }}", "{{range $i, $v := .L}}{{end}}{{$v}}",
	"{{ if .A }}a{{ else if .B }}b{{ else if .C }}c{{ else }}d{{ end }}", "{{if(eq 1 .A)}}x{{end}}", "{{if.A}}x{{end}}",
	"{{ with .A }}a{{ else with .B }}b{{ else }}c{{ end }}", "{{ with $x := .A }}{{ $x.B }}{{ end }}", "{{ if .A }}{{ else with .B }}{{ end }}",
	"{{ if .A -}}\n  a\n{{- end }}", "{{ range .A }}{{ else if .B }}{{ end }}", "{{ if $x := .A }}{{ end }}{{ $x }}",
	"{{ define \"a\" }}x{{ .A }}{{ end }}{{ template \"a\" . }}{{ template `a` }}", "{{define \"a\"}}{{end}}{{define \"a\"}}x{{end}}",
	"{{define \"a\"}}x{{end}}{{define \"a\"}} {{end}}", "{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}", "{{ define \"file\" }}x{{ end }}",
	"{{ $x := 1 }}{{ define \"a\" }}{{ $x }}{{ end }}", "{{ if . }}{{ define \"a\" }}{{ end }}{{ end }}", "{{template \"a\".}}",
	"{{ block \"a\" . }}x{{ end }}", "{{ print 1 -2 +3 0 -0 007 0x1F 1_0 1e3 .5 0.5 1i 'a' true false nil }}", "{{ 1.x }}", "{{ 9999999999999999999999 }}",
	"{{ print \"a\\n\\\"b\" `raw\n}}` | printf \"%s %s\" .A | len }}", "{{ .A | }}", "{{ .A | . }}", "{{ .A | 1 }}", "{{ | .A }}", "{{}}", "{{- -}}", "{{ -}}",
	"{{ (index .A 0).B.C }}", "{{ (.A) }}", "{{ len(.A) }}", "{{ print (len .A) (not .B) }}", "{{ print.A }}", "{{ print .A.B . }}", "{{ ((((.)))) }}",
	"{{ .A.B", "{{ \"a }}", "{{ \"a\\\n\" }}", "{{ 'a }}", "{{ .A }", "{{ ) }}", "{{ ( }}", "{{ (.A }}", "{{ .. }}", "{{ ..A }}", "{{ .A. }}", "{{ .1 }}", "{{ .A.1 }}",
	"{{ unknown }}", "{{ $unknown }}", "{{ end }}", "{{ else }}", "{{ if . }}", "{{ if }}{{ end }}", "{{ break }}", "{{ .é }}", "{{ print \"é\" }}é", "é {{- .A }}",
	"{{ nil }}", "{{ true.A }}", "{{ nil.A }}", "{{ \"a\".B }}", "{{ .A \"b\"\"c\" }}", "{{ .A,.B }}", "{{ $x, $y := .A }}", "{{ $ = 1 }}", "{{ $x=1 }}", "{{ $x : = 1 }}",
	"{{ /* c */ }}", "{{/* c }}", "{{/* c */ }}", "{{/* c */  -}}", "{{ print\n.A\n| len\n}}\n{{ .B }}", "{{randAlpha 3}}{{ lookup \"v1\" \"Pod\" \"\" \"\" }}",
	"\x00{{\x00", "a\x00b", "\r\n{{- .A -}}\r\n", "{{-3}}", "{{- 3}}", "{{3-}}", "{{ 3 -}} x", "{{ .A -}}\n\n{{- .B }}", "{{ifx}}", "{{ if\t.A }}{{ end\n}}",
	"{{ range $i, $v }}{{ end }}", "{{ range $i, .A }}{{ end }}", "{{ range , }}{{ end }}", "{{ end-}}", "{{ template \"a\" $x := 1 }}", "{{ define \"a\" }}{{ else }}{{ end }}",
	"{{ define a }}{{ end }}", "{{ define }}{{ end }}", "{{ define \"a\" . }}{{ end }}", "{{ template }}", "{{ template a }}", "{{ .A | print | }}", "{{ .A || .B }}",
	"{{ print (1) (\"a\") (.) }}", "{{ .A | (print) }}", "{{ \"\xff\" }}", "{{ `\r` }}", "{{ \"\\x\" }}", "{{ print 1. }}", "{{ print 0b11 0o7 1e 0x }}", "{{ not.A }}",
}

// written writes all that nodes say, but for the trees that they point to.
func written(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		written(b, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%q", v.Bytes())
			return
		}
		fmt.Fprintf(b, "%d[", v.Len())
		for i := range v.Len() {
			written(b, v.Index(i))
			b.WriteString(",\n")
		}
		b.WriteString("]")
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "{")
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				b.WriteString(f.Name + ":")
				written(b, v.Field(i))
				b.WriteString(" ")
			}
		}
		b.WriteString("}")
	default:
		fmt.Fprintf(b, "%#v", v.Interface())
	}
}

func writtenTrees(trees map[string]*parse.Tree) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		written(&b, reflect.ValueOf(trees[name]))
	}
	return b.String()
}

// compareParse parses a text both ways. It says whether the quick way could.
func compareParse(t *testing.T, text string, names map[string]any) bool {
	t.Helper()
	p := newParser(newSource("file", text), names, &nodes{})
	if !p.begin("file") || !p.whole("file") {
		return false
	}
	want, err := parse.Parse("file", text, "", "", names)
	if err != nil {
		t.Errorf("%q: parsed, though text/template says: %v", text, err)
		return true
	}
	if got, want := writtenTrees(p.trees), writtenTrees(want); got != want {
		t.Errorf("%q: (-text/template, +ours)\n%s", text, cmp.Diff(want, got))
		return true
	}
	for name, tree := range p.trees {
		theirs := operands(want[name].Root.Nodes)
		for i, n := range operands(tree.Root.Nodes) {
			wantAt, wantText := want[name].ErrorContext(theirs[i])
			if at, text := tree.ErrorContext(n); at != wantAt || text != wantText {
				t.Errorf("%q: an error at %s <%s>, want %s <%s>", text, at, text, wantAt, wantText)
			}
		}
	}
	return true
}

// operands are nodes, and what stands in their pipelines: what errors are about.
func operands(nodes []parse.Node) []parse.Node {
	var all []parse.Node
	for _, n := range nodes {
		all = append(all, n)
		pipe, ok := n.(*parse.PipeNode)
		if action, is := n.(*parse.ActionNode); is {
			pipe, ok = action.Pipe, true
		}
		if !ok {
			continue
		}
		for _, c := range pipe.Cmds {
			all = append(all, c)
			all = append(all, operands(c.Args)...)
		}
	}
	return all
}

func TestTheParserReadsAsTextTemplateDoes(t *testing.T) {
	names := chartFunctionNames()
	quick := 0
	for _, text := range alike {
		if compareParse(t, text, names) {
			quick++
		} else if _, err := parse.Parse("file", text, "", "", names); err == nil {
			t.Logf("left to text/template: %q", text)
		}
		trees, _, err := parseTrees("file", newSource("file", text), names, &nodes{})
		want, wantErr := parse.Parse("file", text, "", "", names)
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%q: error %v, want %v", text, err, wantErr)
		}
		if err == nil && writtenTrees(trees) != writtenTrees(want) {
			t.Errorf("%q: %s, want %s", text, writtenTrees(trees), writtenTrees(want))
		}
	}
	if quick < 60 {
		t.Errorf("only %d texts were parsed quickly", quick)
	}
}

func TestTheParserMarksFunctionsThatMustKnowTheirPlace(t *testing.T) {
	names := chartFunctionNames()
	for text, want := range map[string]bool{
		"{{ .A | upper }}": false, "{{ randAlpha 3 }}": true, "{{ (lookup \"v1\" \"Pod\" \"a\" \"b\").spec }}": true, "randAlpha": false,
	} {
		if _, sited, err := parseTrees("file", newSource("file", text), names, &nodes{}); err != nil || sited != want {
			t.Errorf("%q: %v (%v), want %v", text, sited, err, want)
		}
	}
}

func FuzzTheParserReadsAsTextTemplateDoes(f *testing.F) {
	for _, text := range alike {
		f.Add(text)
	}
	names := chartFunctionNames()
	f.Fuzz(func(t *testing.T, text string) { compareParse(t, text, names) })
}
