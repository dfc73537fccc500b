package templates

import (
	"strconv"
	"strings"
	"text/template/parse"
)

// text/template tells functions nothing of the place they are called from, and
// is lenient with what does not exist. So trees are rewritten before they run:
// field chains, index, include, tpl, required and random functions become calls
// of functions of ours whose first argument is the number of a call site; every
// action ends in _print; loops count their rounds.

// site is a place in a template that calls a function of ours.
type site struct {
	source *source
	pos    parse.Pos
	// name is the function, or the chain as it was written.
	name string
	// fields are the names of a chain, and first the offset of the first one's dot.
	fields []string
	first  parse.Pos
	// asking sites may find nothing.
	asking bool
	// line is pos's.
	line int
}

// sited functions get their call site; what they are rewritten to.
var sited = map[string]string{
	"include": "_include", "tpl": "_tpl", "required": "_required", "index": "_index", "lookup": "_lookup",
}

// asks says which operands of a function may be absent: all, or only the last.
var asks = map[string]string{
	"and": "all", "or": "all", "not": "all", "empty": "all", "coalesce": "all",
	"default": "last", "required": "last", "ternary": "last",
}

type rewriter struct {
	source *source
	sites  *[]site
}

func (r *rewriter) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for i, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			r.action(n)
		case *parse.IfNode:
			r.branch(&n.BranchNode, true)
		case *parse.WithNode:
			r.branch(&n.BranchNode, true)
		case *parse.RangeNode:
			r.branch(&n.BranchNode, false)
			r.count(n)
		case *parse.TemplateNode:
			l.Nodes[i] = r.template(n)
		}
	}
}

func (r *rewriter) action(n *parse.ActionNode) {
	pos := n.Pos
	if len(n.Pipe.Cmds) > 0 {
		pos = n.Pipe.Cmds[0].Pos
	}
	r.pipe(n.Pipe, false)
	if len(n.Pipe.Decl) == 0 {
		n.Pipe.Cmds = append(n.Pipe.Cmds, r.call("_print", site{pos: pos}))
	}
}

func (r *rewriter) branch(b *parse.BranchNode, asking bool) {
	r.pipe(b.Pipe, asking)
	r.list(b.List)
	r.list(b.ElseList)
}

// count makes a loop's rounds known, so that a runaway one can be ended.
func (r *rewriter) count(n *parse.RangeNode) {
	if n.List == nil {
		return
	}
	round := &parse.ActionNode{
		NodeType: parse.NodeAction, Pos: n.Pos, Line: n.Line,
		Pipe: pipeOf(n.Pos, r.call("_round", site{pos: n.Pos})),
	}
	n.List.Nodes = append([]parse.Node{round}, n.List.Nodes...)
}

// template makes {{template "x" .}} an include, which has a depth limit and a trace.
func (r *rewriter) template(n *parse.TemplateNode) parse.Node {
	c := r.call("_include", site{pos: n.Pos, name: "template"})
	c.Args = append(c.Args, &parse.StringNode{NodeType: parse.NodeString, Pos: n.Pos, Quoted: strconv.Quote(n.Name), Text: n.Name})
	if n.Pipe == nil {
		c.Args = append(c.Args, &parse.NilNode{NodeType: parse.NodeNil, Pos: n.Pos})
	} else {
		r.pipe(n.Pipe, false)
		c.Args = append(c.Args, n.Pipe)
	}
	return &parse.ActionNode{
		NodeType: parse.NodeAction, Pos: n.Pos, Line: n.Line,
		Pipe: pipeOf(n.Pos, c, r.call("_print", site{pos: n.Pos})),
	}
}

func pipeOf(pos parse.Pos, cmds ...*parse.CommandNode) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Cmds: cmds}
}

func (r *rewriter) pipe(p *parse.PipeNode, asking bool) {
	if p == nil {
		return
	}
	for i, c := range p.Cmds {
		ask := asking
		if i+1 < len(p.Cmds) {
			_, ask = asks[function(p.Cmds[i+1])]
		}
		r.command(c, ask)
	}
}

// function returns the name of the function that a command calls, or "".
func function(c *parse.CommandNode) string {
	if id, ok := c.Args[0].(*parse.IdentifierNode); ok {
		return id.Ident
	}
	return ""
}

// command rewrites a command in place. asking is for a command that is nothing
// but a chain.
func (r *rewriter) command(c *parse.CommandNode, asking bool) {
	name := function(c)
	for i, arg := range c.Args[1:] {
		ask := asks[name] == "all" || asks[name] == "last" && i == len(c.Args)-2 && i > 0
		c.Args[i+1] = r.argument(arg, ask)
	}
	if head := r.head(c.Args[0], asking && (len(c.Args) == 1 || name == "index")); head != nil {
		c.Args = append(head, c.Args[1:]...)
	}
}

// head rewrites the first word of a command; nil leaves it.
func (r *rewriter) head(n parse.Node, asking bool) []parse.Node {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		to := sited[n.Ident]
		if isRandom(n.Ident) {
			to = "_random"
		}
		if to == "" {
			return nil
		}
		return r.call(to, site{pos: n.Pos, name: n.Ident, asking: asking}).Args
	case *parse.FieldNode:
		first := n.Pos
		if len(n.Ident) > 1 { // the parser gives the place of the second name
			first -= parse.Pos(len(n.Ident[0]) + 1)
		}
		base := &parse.DotNode{NodeType: parse.NodeDot, Pos: first}
		return r.chain(base, site{pos: first, first: first, name: n.String(), fields: n.Ident, asking: asking})
	case *parse.VariableNode:
		if len(n.Ident) == 1 {
			return nil
		}
		base := &parse.VariableNode{NodeType: parse.NodeVariable, Pos: n.Pos, Ident: n.Ident[:1]}
		start := n.Pos - parse.Pos(len(n.Ident[0]))
		return r.chain(base, site{pos: start, first: n.Pos, name: n.String(), fields: n.Ident[1:], asking: asking})
	case *parse.ChainNode:
		name := "(…)." + strings.Join(n.Field, ".")
		base := r.argument(n.Node, asking)
		return r.chain(base, site{pos: n.Pos, first: n.Pos, name: name, fields: n.Field, asking: asking})
	case *parse.PipeNode:
		r.pipe(n, asking)
	}
	return nil
}

func (r *rewriter) chain(base parse.Node, s site) []parse.Node {
	return append(r.call("_field", s).Args, base)
}

// argument rewrites an operand; what becomes a call stands in parentheses.
func (r *rewriter) argument(n parse.Node, asking bool) parse.Node {
	if args := r.head(n, asking); args != nil {
		return pipeOf(n.Position(), &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Position(), Args: args})
	}
	return n
}

// call makes a command that calls a function of ours from a new site.
func (r *rewriter) call(name string, s site) *parse.CommandNode {
	s.source = r.source
	s.line = r.source.line(s.pos)
	number := len(*r.sites)
	*r.sites = append(*r.sites, s)
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: s.pos, Args: []parse.Node{
		parse.NewIdentifier(name).SetPos(s.pos),
		&parse.NumberNode{NodeType: parse.NodeNumber, Pos: s.pos, IsInt: true, Int64: int64(number), Text: strconv.Itoa(number)},
	}}
}
