package templates

import (
	"strconv"
	"strings"
	"text/template/parse"
)

// parser reads templates into the trees that text/template's own parser makes,
// in a fraction of the time. It gives up, by unusual, on whatever it does not
// surely read alike: mistakes, blocks, characters beyond ASCII outside of texts.
type parser struct {
	text   string
	source *source
	names  map[string]any
	// like is the tree that all trees of the text are made after.
	like  *parse.Tree
	trees map[string]*parse.Tree
	// pos is where the next thing begins, line its line.
	pos, line int
	vars      []string
	// loops are the ranges, open the parentheses, that pos is in.
	loops, open int
	// sited is true when a function was met that must know its place.
	sited   bool
	unusual bool
	*nodes
}

// placed stands, among the names of functions, for one that must know its place.
type placed struct{}

// never begins no action of any template.
const never = "\x00{{\x00"

// parseTrees parses a source into its templates, by name: its own and those that
// it defines. sited is false when no function that is placed among the names
// is called. Errors are text/template's. The nodes must not be used by others
// meanwhile.
func parseTrees(name string, src *source, names map[string]any, n *nodes) (trees map[string]*parse.Tree, sited bool, err error) {
	p := newParser(src, names, n)
	if p.begin(name) && p.whole(name) {
		return p.trees, p.sited, nil
	}
	n.reset()
	src.bytes = []byte(src.text)
	if trees, err = parse.Parse(name, src.text, "", "", names); err != nil {
		return nil, true, err
	}
	for _, t := range trees {
		src.own(t.Root)
	}
	return trees, true, nil
}

func newParser(src *source, names map[string]any, n *nodes) *parser {
	return &parser{text: src.text, source: src, names: names, trees: map[string]*parse.Tree{}, line: 1, nodes: n}
}

// begin makes the tree that others are made after. Only text/template can give a
// tree its text, by which it finds the lines of errors.
func (p *parser) begin(name string) bool {
	trees, err := parse.Parse(name, p.text, never, "}}")
	if err != nil {
		return false
	}
	p.like = trees[name]
	switch root := p.like.Root; {
	case p.text == "":
	case len(root.Nodes) != 1:
		return false
	default:
		text, ok := root.Nodes[0].(*parse.TextNode)
		if !ok || len(text.Text) != len(p.text) {
			return false
		}
		p.source.bytes = text.Text
	}
	p.like.Root = nil
	return true
}

// whole parses the text; it says whether it could.
func (p *parser) whole(name string) bool {
	p.vars = append(p.vars, "$")
	root, end, _ := p.list(true)
	if end != atEOF || p.unusual {
		return false
	}
	p.add(name, root)
	return !p.unusual
}

// add keeps a template. Of two definitions one must be empty.
func (p *parser) add(name string, root *parse.ListNode) {
	if before := p.trees[name]; before != nil && !parse.IsEmptyTree(before.Root) {
		if !parse.IsEmptyTree(root) {
			p.fail()
		}
		return
	}
	t := p.like.Copy()
	t.Name, t.Root = name, root
	p.trees[name] = t
}

func (p *parser) fail() {
	p.unusual = true
	p.pos = len(p.text)
}

// What the parser meets between actions, and what ends a list.
const (
	atEOF = iota
	atText
	atAction
	atEnd
	atElse
	atElseIf // also "else with"
)

// next goes to the next text or action. A text is from start to end; an action's
// braces stand at start, and pos is behind them. Comments are passed over.
func (p *parser) next() (what, start, end int) {
	for {
		x := strings.Index(p.text[p.pos:], "{{")
		if x < 0 {
			if start = p.pos; start == len(p.text) {
				return atEOF, start, start
			}
			p.to(len(p.text))
			return atText, start, p.pos
		}
		start = p.pos
		at := start + x
		body, end := at+2, at
		if trims(p.text[body:]) {
			body += 2
			end = start + len(strings.TrimRight(p.text[start:at], spaceBytes))
		}
		p.to(at)
		if end > start {
			return atText, start, end
		}
		p.to(body)
		if !strings.HasPrefix(p.text[body:], "/*") {
			return atAction, at, body
		}
		length := strings.Index(p.text[body+2:], "*/")
		if length < 0 {
			p.fail()
			return atEOF, p.pos, p.pos
		}
		p.to(body + 2 + length + 2)
		if strings.HasPrefix(p.text[p.pos:], "}}") {
			p.pos += 2
		} else if p.spaces(); !p.endsTrimmed() || p.pos != body+2+length+3 || !p.close() {
			p.fail()
		}
	}
}

const spaceBytes = " \t\r\n"

func isSpaceByte(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trims says whether what follows an action's braces takes the spaces before them.
func trims(after string) bool {
	return len(after) >= 2 && after[0] == '-' && isSpaceByte(after[1])
}

// to goes on to a place behind pos.
func (p *parser) to(pos int) {
	p.line += strings.Count(p.text[p.pos:pos], "\n")
	p.pos = pos
}

func (p *parser) spaces() {
	for p.pos < len(p.text) && isSpaceByte(p.text[p.pos]) {
		if p.text[p.pos] == '\n' {
			p.line++
		}
		p.pos++
	}
}

// endsTrimmed says whether braces follow that take the spaces behind them.
func (p *parser) endsTrimmed() bool {
	return strings.HasPrefix(p.text[p.pos:], "-}}") && isSpaceByte(p.text[p.pos-1])
}

// closing says whether an action's closing braces follow.
func (p *parser) closing() bool {
	return strings.HasPrefix(p.text[p.pos:], "}}") || p.endsTrimmed()
}

// close goes behind an action's closing braces, if they follow.
func (p *parser) close() bool {
	switch {
	case strings.HasPrefix(p.text[p.pos:], "}}"):
		p.pos += 2
	case p.endsTrimmed():
		p.pos += 3
		p.spaces()
	default:
		p.fail()
		return false
	}
	return true
}

// list reads up to the action that ends a list; at is the place of the word
// behind an "else".
func (p *parser) list(top bool) (l *parse.ListNode, end, at int) {
	l = p.lists.one()
	l.NodeType = parse.NodeList
	mark := len(p.stack)
	for first := true; ; first = false {
		what, from, to := p.next()
		if first {
			l.Pos = parse.Pos(from)
		}
		var n parse.Node
		switch what {
		case atEOF:
			l.Nodes = p.taken(mark)
			return l, atEOF, 0
		case atText:
			t := p.texts.one()
			*t = parse.TextNode{NodeType: parse.NodeText, Pos: parse.Pos(from), Text: p.source.bytes[from:to]}
			n = t
		default:
			if n, end, at = p.action(top); end != atAction {
				l.Nodes = p.taken(mark)
				return l, end, at
			}
		}
		if n != nil {
			p.stack = append(p.stack, n)
		}
	}
}

// action reads an action, to behind its end, or what ends a list. A definition
// has no node.
func (p *parser) action(top bool) (n parse.Node, end, at int) {
	p.spaces()
	start, line := p.pos, p.line
	word := p.word()
	if word != "" && !p.terminated(start+len(word)) {
		p.fail()
		return nil, atEOF, 0
	}
	p.pos += len(word)
	switch word {
	case "if", "with", "range":
		return p.control(word), atAction, 0
	case "end":
		p.spaces()
		p.close()
		return nil, atEnd, 0
	case "else":
		return p.elseAction()
	case "define":
		if !top {
			p.fail()
		}
		p.define()
		return nil, atAction, 0
	case "template":
		return p.template(), atAction, 0
	case "break", "continue":
		if p.spaces(); p.names[word] != nil || p.loops == 0 || !p.close() {
			p.fail()
		}
		if word == "break" {
			return &parse.BreakNode{NodeType: parse.NodeBreak, Pos: parse.Pos(start), Line: line}, atAction, 0
		}
		return &parse.ContinueNode{NodeType: parse.NodeContinue, Pos: parse.Pos(start), Line: line}, atAction, 0
	}
	p.pos = start
	a := p.actions.one()
	*a = parse.ActionNode{NodeType: parse.NodeAction, Pos: parse.Pos(start), Line: line, Pipe: p.pipeline(false, false)}
	return a, atAction, 0
}

func (p *parser) elseAction() (n parse.Node, end, at int) {
	p.spaces()
	at = p.pos
	switch word := p.word(); {
	case word == "":
		p.close()
		return nil, atElse, at
	case (word == "if" || word == "with") && p.terminated(at+len(word)):
		return nil, atElseIf, at
	}
	p.fail()
	return nil, atEOF, 0
}

// control reads an if, with or range behind its word.
func (p *parser) control(word string) parse.Node {
	vars := len(p.vars)
	pipe := p.pipeline(word == "range", false)
	if p.unusual {
		return nil
	}
	b := parse.BranchNode{Pos: pipe.Pos, Line: pipe.Line, Pipe: pipe}
	if word == "range" {
		p.loops++
	}
	list, end, at := p.list(false)
	if word == "range" {
		p.loops--
	}
	b.List = list
	switch end {
	case atEnd:
	case atElse:
		if b.ElseList, end, _ = p.list(false); end != atEnd {
			p.fail()
		}
	case atElseIf:
		if p.word() != word {
			p.fail()
			return nil
		}
		p.pos += len(word)
		b.ElseList = p.lists.one()
		inner := p.control(word)
		*b.ElseList = parse.ListNode{NodeType: parse.NodeList, Pos: parse.Pos(at), Nodes: p.nodeLists.list([]parse.Node{inner})}
	default:
		p.fail()
	}
	p.vars = p.vars[:vars]
	switch word {
	case "if":
		b.NodeType = parse.NodeIf
		return &parse.IfNode{BranchNode: b}
	case "with":
		b.NodeType = parse.NodeWith
		return &parse.WithNode{BranchNode: b}
	}
	b.NodeType = parse.NodeRange
	return &parse.RangeNode{BranchNode: b}
}

// define reads a definition behind its word.
func (p *parser) define() {
	p.spaces()
	name, ok := p.name()
	if p.spaces(); !ok || !p.close() {
		p.fail()
		return
	}
	vars := p.vars
	p.vars = []string{"$"}
	root, end, _ := p.list(false)
	p.vars = vars
	if end != atEnd || p.unusual {
		p.fail()
		return
	}
	p.add(name, root)
}

// template reads a call of a template behind its word.
func (p *parser) template() parse.Node {
	p.spaces()
	n := &parse.TemplateNode{NodeType: parse.NodeTemplate, Pos: parse.Pos(p.pos), Line: p.line}
	var ok bool
	if n.Name, ok = p.name(); !ok {
		p.fail()
		return nil
	}
	if p.spaces(); p.closing() {
		p.close()
		return n
	}
	n.Pipe = p.pipeline(false, false)
	return n
}

// name reads the name of a template, which is a string.
func (p *parser) name() (string, bool) {
	quoted := p.quoted()
	name, err := strconv.Unquote(quoted)
	return name, quoted != "" && err == nil
}
