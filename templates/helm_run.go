package templates

import (
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/belay-sh/belay/internal/nearest"
)

// chartRun is one run over a chart's templates. It is not for several goroutines.
type chartRun struct {
	set     *ChartSet
	options ChartOptions
	library template.FuncMap
	// out is what the file that is rendered has written, inner what the templates
	// have that it includes.
	out   sink
	inner growing
	// depth counts the includes of a name that are open.
	depth map[string]int
	// texts are the parsed texts that tpl was given.
	texts   map[string]*chartText
	nodes   nodes
	random  *memory
	lookups map[string]bool
}

// scope is a set of templates in which include and tpl look. Texts of tpl that
// define templates get a scope of their own.
type scope struct {
	set   *template.Template
	inner map[string]*template.Template
}

// chartText is a text that tpl was given, parsed.
type chartText struct {
	trees map[string]*parse.Tree
	main  *parse.Tree
}

// newScope binds include and tpl to a set.
func (r *chartRun) newScope(set *template.Template) *scope {
	s := &scope{set: set, inner: map[string]*template.Template{}}
	set.Funcs(template.FuncMap{
		"include": func(name string, dot any) (string, error) { return r.include(s, name, dot) },
		"tpl":     func(text string, dot any) (string, error) { return r.tpl(s, text, dot) },
	})
	return s
}

// errNested is what an include that never ends comes to.
var errNested = errors.New("unable to execute template")

func (r *chartRun) include(s *scope, name string, dot any) (string, error) {
	if r.depth[name] > maxDepth {
		return "", fmt.Errorf("calls of include %q are nested more than %d deep: %w", name, maxDepth, errNested)
	}
	t := s.set.Lookup(name)
	if t == nil {
		message := fmt.Sprintf("there is no template %q", name)
		if like := nearest.Name(name, definedIn(s.set)); like != "" {
			message += fmt.Sprintf("; the nearest is %q", like)
		}
		return "", errors.New(message)
	}
	r.depth[name]++
	text, err := r.execute(t, dot)
	r.depth[name]--
	return text, err
}

// definedIn lists the definitions of a set, without its files.
func definedIn(set *template.Template) []string {
	var names []string
	for _, t := range set.Templates() {
		if !strings.Contains(t.Name(), "/templates/") {
			names = append(names, t.Name())
		}
	}
	slices.Sort(names)
	return names
}

// execute runs a template and returns what it writes.
func (r *chartRun) execute(t *template.Template, dot any) (string, error) {
	mark := len(r.inner)
	err := t.Execute(&r.inner, dot)
	text := string(r.inner[mark:])
	r.inner = r.inner[:mark]
	return text, err
}

// growing is what the templates that others include have written: the innermost
// one's text stands at the end, behind those of the templates that wait for it.
type growing []byte

// Write implements io.Writer for text/template. It refuses more than any chart
// can mean.
func (g *growing) Write(p []byte) (int, error) {
	if len(*g)+len(p) > maxOutput {
		return 0, errOutput
	}
	*g = append(*g, p...)
	return len(p), nil
}

// tplError is a mistake in, or behind, a text that tpl was given.
type tplError struct {
	text string
	err  error
}

func (e *tplError) Error() string { return e.err.Error() }
func (e *tplError) Unwrap() error { return e.err }

// tpl renders a text as a template. What it defines is known in it alone, and in
// what it includes. A text is parsed once in a run.
func (r *chartRun) tpl(s *scope, text string, dot any) (string, error) {
	if !strings.Contains(text, "{{") {
		return strings.ReplaceAll(text, noValue, ""), nil
	}
	t, err := r.prepare(s, text)
	if err != nil {
		return "", &tplError{text: text, err: err}
	}
	made, err := r.execute(t, dot)
	if err != nil {
		return "", &tplError{text: text, err: err}
	}
	return strings.ReplaceAll(made, noValue, ""), nil
}

// tplName is what the text of a tpl call is called in errors.
const tplName = "gotpl"

func (r *chartRun) prepare(s *scope, text string) (*template.Template, error) {
	if t := s.inner[text]; t != nil {
		return t, nil
	}
	parsed := r.texts[text]
	if parsed == nil {
		src := newSource("", text)
		trees, sited, err := parseTrees(tplName, src, r.set.names, &r.nodes)
		if err != nil {
			return nil, src.parseError(err, r.set.names)
		}
		if sited {
			r.set.place(src, trees)
		}
		parsed = &chartText{trees: trees, main: trees[tplName]}
		r.texts[text] = parsed
	}
	if len(parsed.trees) == 1 {
		t := s.set.New(tplName)
		t.Tree = parsed.main // not among the set's: only this call can run it
		s.inner[text] = t
		return t, nil
	}
	clone, err := s.set.Clone()
	if err != nil {
		return nil, err
	}
	own := r.newScope(clone.Option("missingkey=zero"))
	t := own.set.New(tplName)
	for name, tree := range parsed.trees {
		if name == tplName {
			continue
		}
		if _, err := t.AddParseTree(name, tree); err != nil {
			return nil, err
		}
	}
	t.Tree = parsed.main
	s.inner[text] = t
	return t, nil
}

// sitedInCharts are the functions, besides the random ones, that must know the
// place they are called from.
var sitedInCharts = map[string]string{"lookup": "_lookup"}

// place rewrites the calls of functions that must know their place.
func (s *ChartSet) place(src *source, trees map[string]*parse.Tree) {
	p := &placer{rewriter: rewriter{source: src, sites: &s.sites}}
	names := make([]string, 0, len(trees))
	for name := range trees {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.list(trees[name].Root)
	}
}

// placer gives random functions and lookup their call sites, and leaves all
// else as it is.
type placer struct {
	rewriter
}

func (p *placer) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			p.pipe(n.Pipe)
		case *parse.IfNode:
			p.branch(&n.BranchNode)
		case *parse.WithNode:
			p.branch(&n.BranchNode)
		case *parse.RangeNode:
			p.branch(&n.BranchNode)
		case *parse.TemplateNode:
			p.pipe(n.Pipe)
		}
	}
}

func (p *placer) branch(b *parse.BranchNode) {
	p.pipe(b.Pipe)
	p.list(b.List)
	p.list(b.ElseList)
}

func (p *placer) pipe(n *parse.PipeNode) {
	if n == nil {
		return
	}
	for _, c := range n.Cmds {
		for i, arg := range c.Args[1:] {
			c.Args[i+1] = p.operand(arg)
		}
		switch head := c.Args[0].(type) {
		case *parse.IdentifierNode:
			if call := p.sited(head); call != nil {
				c.Args = append(call.Args, c.Args[1:]...)
			}
		default:
			c.Args[0] = p.operand(head)
		}
	}
}

// operand rewrites an argument; a function among them is called without any.
func (p *placer) operand(n parse.Node) parse.Node {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		if call := p.sited(n); call != nil {
			return pipeOf(n.Pos, call)
		}
	case *parse.PipeNode:
		p.pipe(n)
	case *parse.ChainNode:
		n.Node = p.operand(n.Node)
	}
	return n
}

func (p *placer) sited(n *parse.IdentifierNode) *parse.CommandNode {
	to := sitedInCharts[n.Ident]
	if isRandom(n.Ident) {
		to = "_random"
	}
	if to == "" {
		return nil
	}
	return p.call(to, site{pos: n.Pos, name: n.Ident})
}

// functions are Helm's, for this run.
func (r *chartRun) functions() template.FuncMap {
	f := chartLibrary(r.options.Now)
	random := map[string]reflect.Value{}
	for _, name := range randomNames {
		random[name] = reflect.ValueOf(f[name])
	}
	f["_random"] = func(number int, args ...any) (any, error) {
		s := &r.set.sites[number]
		return r.random.recall(random[s.name], r.placeOf(s)+" "+s.name, args)
	}
	f["_lookup"] = func(number int, apiVersion, kind, namespace, name string) (map[string]any, error) {
		r.lookups[r.placeOf(&r.set.sites[number])] = true
		if r.options.Lookup == nil {
			return map[string]any{}, nil
		}
		return r.options.Lookup(apiVersion, kind, namespace, name)
	}
	return f
}

// placeOf names a call site; one in a text that tpl was given by the text's hash,
// for the text may come from anywhere.
func (r *chartRun) placeOf(s *site) string {
	if s.source.name != "" {
		return s.source.place(s.pos)
	}
	h := fnv.New32a()
	h.Write([]byte(s.source.text)) // never fails
	line, column := s.source.position(s.pos)
	return "tpl:" + strconv.FormatUint(uint64(h.Sum32()), 16) + fmt.Sprintf(":%d:%d", line, column)
}
