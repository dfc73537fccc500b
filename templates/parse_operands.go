package templates

import (
	"strconv"
	"strings"
	"text/template/parse"
)

// maxOpen bounds the parentheses that the parser follows.
const maxOpen = 200

// pipeline reads commands and what they are assigned to, to behind the braces, or
// the parenthesis, that end them.
func (p *parser) pipeline(ranged, inner bool) *parse.PipeNode {
	p.spaces()
	n := p.pipes.one()
	*n = parse.PipeNode{NodeType: parse.NodePipe, Pos: parse.Pos(p.pos), Line: p.line}
	p.declarations(n, ranged)
	var few [4]*parse.CommandNode
	cmds := few[:0]
	for {
		p.spaces()
		if inner && p.at(')') {
			p.pos++
			break
		}
		if !inner && p.closing() {
			p.close()
			break
		}
		c := p.command()
		if p.unusual {
			return nil
		}
		if len(cmds) > 0 && !callable(c.Args[0]) {
			p.fail()
			return nil
		}
		cmds = append(cmds, c)
	}
	if len(cmds) == 0 {
		p.fail()
		return nil
	}
	n.Cmds = p.commandLists.list(cmds)
	return n
}

// callable says whether a node may stand behind a pipe sign.
func callable(n parse.Node) bool {
	switch n.Type() {
	case parse.NodeBool, parse.NodeDot, parse.NodeNil, parse.NodeNumber, parse.NodeString:
		return false
	}
	return true
}

func (p *parser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// declarations reads the variables that a pipeline is assigned to, if any.
func (p *parser) declarations(n *parse.PipeNode, ranged bool) {
	if !p.at('$') {
		return
	}
	pos, line := p.pos, p.line
	first := p.variable()
	p.spaces()
	var second *parse.VariableNode
	if p.at(',') {
		p.pos++
		if p.spaces(); !ranged || !p.at('$') {
			p.fail()
			return
		}
		second = p.variable()
		p.spaces()
	}
	switch {
	case strings.HasPrefix(p.text[p.pos:], ":="):
		p.pos += 2
	case p.at('='):
		p.pos++
		n.IsAssign = true
	case second != nil:
		p.fail()
		return
	default: // an operand
		p.pos, p.line = pos, line
		return
	}
	n.Decl = append(n.Decl, first)
	p.vars = append(p.vars, first.Ident[0])
	if second != nil {
		n.Decl = append(n.Decl, second)
		p.vars = append(p.vars, second.Ident[0])
	}
}

// variable reads a variable's name.
func (p *parser) variable() *parse.VariableNode {
	start := p.pos
	p.pos++
	p.pos += len(p.word())
	if !p.terminated(p.pos) {
		p.fail()
	}
	n := p.variables.one()
	*n = parse.VariableNode{NodeType: parse.NodeVariable, Pos: parse.Pos(start), Ident: p.strings.list([]string{p.text[start:max(start, p.pos)]})}
	return n
}

// command reads operands up to what ends a command, and behind a pipe sign.
func (p *parser) command() *parse.CommandNode {
	c := p.commands.one()
	*c = parse.CommandNode{NodeType: parse.NodeCommand, Pos: parse.Pos(p.pos)}
	mark := len(p.stack)
	for !p.unusual {
		if p.at('|') {
			p.pos++
			break
		}
		if p.at(')') || p.closing() {
			break
		}
		operand := p.operand()
		p.stack = append(p.stack, operand)
		if p.pos < len(p.text) && isSpaceByte(p.text[p.pos]) {
			p.spaces()
		} else if !p.at('|') && !p.at(')') && !strings.HasPrefix(p.text[p.pos:], "}}") {
			p.fail()
		}
	}
	if c.Args = p.taken(mark); len(c.Args) == 0 {
		p.fail()
	}
	return c
}

// operand reads a term and the fields of it.
func (p *parser) operand() parse.Node {
	if p.pos >= len(p.text) {
		p.fail()
		return nil
	}
	switch c := p.text[p.pos]; {
	case c == '.':
		return p.dotted()
	case c == '$':
		return p.used()
	case c == '"', c == '`':
		return p.literal()
	case c == '(':
		return p.parenthesis()
	case c >= '0' && c <= '9', c == '-', c == '+':
		return p.number()
	}
	return p.identifier()
}

// dotted reads a dot or a field.
func (p *parser) dotted() parse.Node {
	start := p.pos
	if p.pos+1 < len(p.text) && wordByte(p.text[p.pos+1]) {
		fields, second := p.fields(nil)
		if second == 0 {
			second = start
		}
		n := p.fieldNodes.one()
		*n = parse.FieldNode{NodeType: parse.NodeField, Pos: parse.Pos(second), Ident: fields}
		return n
	}
	p.pos++
	return &parse.DotNode{NodeType: parse.NodeDot, Pos: parse.Pos(start)}
}

// fields reads the names of a chain, behind one that is read already, if it is.
// second is the place of the second.
func (p *parser) fields(first []string) (fields []string, second int) {
	var few [6]string
	all := append(few[:0], first...)
	for p.at('.') {
		if len(all) == 1 {
			second = p.pos
		}
		p.pos++
		word := p.word()
		if word == "" || word[0] >= '0' && word[0] <= '9' {
			p.fail()
			return nil, 0
		}
		all = append(all, word)
		p.pos += len(word)
	}
	return p.strings.list(all), second
}

// used reads a variable that is used, and fields of it.
func (p *parser) used() parse.Node {
	n := p.variable()
	if p.unusual {
		return nil
	}
	known := false
	for _, name := range p.vars {
		known = known || name == n.Ident[0]
	}
	if !known {
		p.fail()
		return nil
	}
	if p.at('.') {
		fields, second := p.fields(n.Ident)
		n.Ident, n.Pos = fields, parse.Pos(second)
	}
	return n
}

// chained reads the fields of a function's result or of a parenthesis.
func (p *parser) chained(n parse.Node) parse.Node {
	if !p.at('.') {
		return n
	}
	start := p.pos
	fields, _ := p.fields(nil)
	return &parse.ChainNode{NodeType: parse.NodeChain, Pos: parse.Pos(start), Node: n, Field: fields}
}

func (p *parser) parenthesis() parse.Node {
	if p.open++; p.open > maxOpen {
		p.fail()
		return nil
	}
	p.pos++
	n := p.pipeline(false, true)
	p.open--
	if p.unusual {
		return nil
	}
	return p.chained(n)
}

// identifier reads a word: a function or a constant.
func (p *parser) identifier() parse.Node {
	start := p.pos
	word := p.word()
	p.pos += len(word)
	switch word {
	case "true", "false":
		return &parse.BoolNode{NodeType: parse.NodeBool, Pos: parse.Pos(start), True: word == "true"}
	case "nil":
		return &parse.NilNode{NodeType: parse.NodeNil, Pos: parse.Pos(start)}
	case "", "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with":
		p.fail()
		return nil
	}
	f := p.names[word]
	if f == nil {
		p.fail()
		return nil
	}
	if _, ok := f.(placed); ok {
		p.sited = true
	}
	n := p.identifiers.one()
	*n = parse.IdentifierNode{NodeType: parse.NodeIdentifier, Pos: parse.Pos(start), Ident: word}
	return p.chained(n)
}

// literal reads a string.
func (p *parser) literal() parse.Node {
	n := p.stringNodes.one()
	start := parse.Pos(p.pos)
	*n = parse.StringNode{NodeType: parse.NodeString, Pos: start, Quoted: p.quoted()}
	var err error
	if n.Text, err = strconv.Unquote(n.Quoted); err != nil {
		p.fail()
	}
	return n
}

// quoted reads a string with its quotes; "" when there is none.
func (p *parser) quoted() string {
	start := p.pos
	switch {
	case p.at('`'):
		if end := strings.IndexByte(p.text[start+1:], '`'); end >= 0 {
			p.to(start + 1 + end + 1)
			return p.text[start:p.pos]
		}
	case p.at('"'):
		for i := start + 1; i < len(p.text) && p.text[i] != '\n'; i++ {
			switch p.text[i] {
			case '\\':
				if i++; i < len(p.text) && p.text[i] == '\n' {
					p.fail()
					return ""
				}
			case '"':
				p.pos = i + 1
				return p.text[start:p.pos]
			}
		}
	}
	p.fail()
	return ""
}

// number reads a number. Those that are not written in a few decimal digits are
// left to text/template.
func (p *parser) number() parse.Node {
	start := p.pos
	if p.at('-') || p.at('+') {
		p.pos++
	}
	for p.pos < len(p.text) && (wordByte(p.text[p.pos]) || p.text[p.pos] == '.') {
		p.pos++
	}
	text := p.text[start:p.pos]
	digits := strings.TrimPrefix(text, "-")
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && len(digits) <= 15 && digits[0] >= '1' && digits[0] <= '9' || text == "0" {
		n := &parse.NumberNode{NodeType: parse.NodeNumber, Pos: parse.Pos(start), IsInt: true, Int64: i, IsFloat: true, Float64: float64(i), Text: text}
		if i >= 0 {
			n.IsUint, n.Uint64 = true, uint64(i)
		}
		return n
	}
	trees, err := parse.Parse("", "{{"+text+"}}", "", "")
	if err != nil {
		p.fail()
		return nil
	}
	if a, ok := trees[""].Root.Nodes[0].(*parse.ActionNode); ok {
		if n, ok := a.Pipe.Cmds[0].Args[0].(*parse.NumberNode); ok && n.Text == text {
			// Not a copy of the whole: the node knows its tree, and so a text that is not this one.
			return &parse.NumberNode{
				NodeType: n.NodeType, Pos: parse.Pos(start), Text: text,
				IsInt: n.IsInt, IsUint: n.IsUint, IsFloat: n.IsFloat, IsComplex: n.IsComplex,
				Int64: n.Int64, Uint64: n.Uint64, Float64: n.Float64, Complex128: n.Complex128,
			}
		}
	}
	p.fail()
	return nil
}

// word is the word that begins at pos; "" if none does.
func (p *parser) word() string {
	end := p.pos
	for end < len(p.text) && wordByte(p.text[end]) {
		end++
	}
	return p.text[p.pos:end]
}

func wordByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_'
}

// terminated says whether a word may end at a place.
func (p *parser) terminated(pos int) bool {
	if pos >= len(p.text) {
		return true
	}
	switch c := p.text[pos]; c {
	case ' ', '\t', '\r', '\n', '.', ',', '|', ':', ')', '(':
		return true
	}
	return strings.HasPrefix(p.text[pos:], "}}")
}
