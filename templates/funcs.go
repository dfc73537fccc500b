package templates

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"github.com/belay-sh/belay/internal/nearest"
)

// builtins are the functions of text/template that stay as they are.
var builtins = []string{"and", "call", "html", "js", "len", "not", "or", "print", "println", "urlquery"}

// impure functions look at the machine, and are left out.
var impure = []string{"env", "expandenv", "getHostByName"}

// library is every function that needs nothing of a run.
func library() map[string]any {
	f := sprig.TxtFuncMap()
	for _, name := range impure {
		delete(f, name)
	}
	maps.Copy(f, encodings())
	maps.Copy(f, comparisons())
	f["printf"] = printf
	f["set"] = set
	f["indent"] = func(n int, text string) (string, error) { return indent(n, text) }
	f["nindent"] = func(n int, text string) (string, error) {
		text, err := indent(n, text)
		return "\n" + text, err
	}
	f["repeat"] = repeat
	f["print"], f["println"] = fmt.Sprint, fmt.Sprintln
	for _, name := range []string{"print", "println", "printf", "cat", "join", "replace", "quote", "squote"} {
		f[name] = sized(name, f[name])
	}
	for _, name := range []string{"merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"} {
		f[name] = acyclic(f[name])
	}
	for _, name := range []string{"until", "untilStep", "seq"} {
		f[name] = bounded(f[name])
	}
	for _, name := range numeric {
		f[name] = withNumbers(f[name])
	}
	return f
}

// functionNames are the names that a template may use.
func functionNames() map[string]any {
	names := library()
	for _, name := range builtins {
		names[name] = true
	}
	for _, name := range []string{"include", "tpl", "required", "index", "slice", "lookup"} {
		names[name] = true
	}
	return names
}

// functions are those of a run.
func (r *renderer) functions() template.FuncMap {
	f := template.FuncMap(library())
	maps.Copy(f, clockFunctions(r.options.Now))
	f["_field"] = r.field
	f["_index"] = r.index
	f["_include"] = r.include
	f["_tpl"] = r.tpl
	f["_required"] = r.required
	f["_print"] = r.print
	f["_round"] = r.round
	f["_lookup"] = func(number int, apiVersion, kind, namespace, name string) (map[string]any, error) {
		if r.options.Lookup == nil {
			return map[string]any{}, nil
		}
		s := &r.set.sites[number]
		return r.options.Lookup(s.source.place(s.pos), apiVersion, kind, namespace, name)
	}
	random := map[string]reflect.Value{}
	for _, name := range randomNames {
		random[name] = reflect.ValueOf(f[name])
		delete(f, name)
	}
	f["_random"] = func(number int, args ...any) (any, error) { return r.remembered(random, number, args) }
	return f
}

// print ends every action: it says which line is being written, and refuses
// what has no text.
func (r *renderer) print(number int, v any) (any, error) {
	s := &r.set.sites[number]
	if len(r.stack) == 0 {
		r.top.line = s.line
	}
	switch v := v.(type) {
	case string, bool, int, int64, fmt.Stringer, error:
		return v, nil
	case nil:
		return nil, r.traced(s.source.errorAt(s.pos, 1, "nothing to print: the value is null"))
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []byte:
		return string(v), nil
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct, reflect.Func:
		word := leadingWord(s.source.text[min(int(s.pos), len(s.source.text)):])
		return nil, r.traced(s.source.errorAt(s.pos, max(1, len(word)), "%s cannot be printed; use toYaml", kindWord(v)))
	}
	return v, nil
}

// round counts the rounds of all loops.
func (r *renderer) round(number int) (string, error) {
	if r.steps++; r.steps > maxRounds {
		return "", fmt.Errorf("loops ran for more than %d rounds", maxRounds)
	}
	return "", nil
}

// include renders a definition into a string.
func (r *renderer) include(number int, name string, dot any) (string, error) {
	s := &r.set.sites[number]
	t := r.definition(name)
	if t == nil {
		word := "include"
		if s.name == "template" {
			word = s.name
		}
		e := s.source.errorAt(s.pos, len(word), "there is no template %q", name)
		e.unknown = true
		if like := nearest.Name(name, r.definitions()); like != "" {
			e.Note = fmt.Sprintf("the nearest is %q", like)
		}
		return "", r.traced(e)
	}
	return r.nested(frame{site: s, name: name}, t, dot)
}

// nested executes a template for include or tpl.
func (r *renderer) nested(f frame, t *tree, dot any) (string, error) {
	if len(r.stack) >= maxDepth {
		e := f.site.source.errorAt(f.site.pos, 1, "calls of include and tpl are nested more than %d deep: does %q include itself?", maxDepth, f.name)
		e.Trace = nil
		return "", e
	}
	r.stack = append(r.stack, f)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	var out sink
	if err := r.execute(t, &out, dot); err != nil {
		return "", err
	}
	return out.buf.String(), nil
}

// definition finds a template by name: in texts that tpl is executing, innermost
// first, then in the files.
func (r *renderer) definition(name string) *tree {
	for i := len(r.snippets) - 1; i >= 0; i-- {
		if t := r.snippets[i].trees[name]; t != nil {
			return t
		}
	}
	return r.set.trees[name]
}

func (r *renderer) definitions() []string {
	var names []string
	for name, t := range r.set.trees {
		if name != t.source.name {
			names = append(names, name)
		}
	}
	return names
}

// snippet is a text that tpl was given, parsed.
type snippet struct {
	main  *tree
	trees map[string]*tree
}

// tpl renders a text as a template. Definitions in it are known in it alone.
func (r *renderer) tpl(number int, text any, dot any) (string, error) {
	s := &r.set.sites[number]
	f := frame{site: s}
	key := fmt.Sprint(text)
	sn := r.texts[key]
	if sn == nil {
		src := newSource("", key)
		trees, _, err := parseTrees("tpl", src, functionNames(), &nodes{})
		if err != nil {
			r.stack = append(r.stack, f)
			defer func() { r.stack = r.stack[:len(r.stack)-1] }()
			return "", r.traced(src.parseError(err, functionNames()))
		}
		sn = &snippet{trees: map[string]*tree{}}
		for name, parsed := range trees {
			rw := &rewriter{source: src, sites: &r.set.sites}
			rw.list(parsed.Root)
			sn.trees[name] = &tree{source: src, parsed: parsed}
		}
		sn.main = sn.trees["tpl"]
		delete(sn.trees, "tpl")
		r.texts[key] = sn
	}
	r.snippets = append(r.snippets, sn)
	defer func() { r.snippets = r.snippets[:len(r.snippets)-1] }()
	return r.nested(f, sn.main, dot)
}

// required is an error of the bundle's own words when there is no value.
func (r *renderer) required(number int, message string, v any) (any, error) {
	if v != nil && v != "" {
		return v, nil
	}
	s := &r.set.sites[number]
	r.missing++
	r.report(r.traced(s.source.errorAt(s.pos, len("required"), "%s", message)))
	return "", nil
}

// call calls a function with values that may need conversion. A panic of the
// function is an error.
func call(fn reflect.Value, args []any) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	typ := fn.Type()
	fixed := typ.NumIn()
	if typ.IsVariadic() {
		fixed--
	}
	if len(args) < fixed || len(args) > fixed && !typ.IsVariadic() {
		return nil, fmt.Errorf("%d arguments where %d are expected", len(args), fixed)
	}
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		want := typ.In(min(i, typ.NumIn()-1))
		if i >= fixed {
			want = want.Elem()
		}
		if in[i], err = convert(arg, want); err != nil {
			return nil, err
		}
	}
	out := fn.Call(in)
	if len(out) == 2 && !out[1].IsNil() {
		failure, _ := out[1].Interface().(error)
		return nil, failure
	}
	return out[0].Interface(), nil
}

func convert(arg any, want reflect.Type) (reflect.Value, error) {
	v := reflect.ValueOf(arg)
	switch {
	case !v.IsValid():
		return reflect.Zero(want), nil
	case v.Type().AssignableTo(want):
		return v, nil
	case v.CanInt() && want.Kind() >= reflect.Int && want.Kind() <= reflect.Int64:
		return v.Convert(want), nil
	case (v.CanInt() || v.CanFloat()) && (want.Kind() == reflect.Float64 || want.Kind() == reflect.Float32):
		return v.Convert(want), nil
	}
	if n, ok := arg.(interface{ Int64() (int64, error) }); ok && want.Kind() == reflect.Int {
		i, err := n.Int64()
		if err != nil {
			return v, errors.New("a whole number is expected")
		}
		return reflect.ValueOf(int(i)), nil
	}
	return v, fmt.Errorf("%s is expected, not %s", typeWord(want.String()), kindWord(arg))
}
