package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
)

// A mutant is one change of the code.
type mutant struct {
	id   int
	file string // within the module
	line int
	name string // of the function, what is changed, and how; unique in its package
}

// key names the mutant in equivalent.txt: it has neither a line nor a file nor a
// comment, so that it stays the same until the code itself changes.
func (m *mutant) key() string { return path.Dir(m.file) + ": " + m.name }

// edit puts text before the byte at an offset; nested edits keep their order.
type edit struct {
	at    int
	text  string
	close bool // it ends what another edit has begun, so that it comes first
	skip  int  // bytes that the text replaces
}

// A mutator changes one file.
type mutator struct {
	fset    *token.FileSet
	src     []byte
	file    string
	consts  consts     // of the package
	fn      string     // the declared function at hand
	funcs   []function // around the node at hand
	seen    map[string]int
	done    map[ast.Expr]bool // what is mutated as a part of what is around it
	edits   []edit
	mutants []*mutant
	next    int // id
}

// function is what has to be known of one around.
type function struct {
	isBool bool // its only result is a bool
	last   ast.Stmt
}

// mutate returns the text of a file with its mutants in it. Ids begin at first.
func mutate(module, file string, known consts, first int) (text []byte, mutants []*mutant, err error) {
	src, err := os.ReadFile(path.Join(module, file))
	if err != nil {
		return nil, nil, err
	}
	m := &mutator{fset: token.NewFileSet(), src: src, file: file, consts: known, seen: map[string]int{}, done: map[ast.Expr]bool{}, next: first}
	parsed, err := parser.ParseFile(m.fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	for _, decl := range parsed.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			m.fn = fn.Name.Name
			if fn.Recv != nil {
				m.fn = strings.TrimLeft(m.text(fn.Recv.List[0].Type), "*") + "." + m.fn
			}
			m.function(fn.Type, fn.Body)
		}
	}
	return m.apply(), m.mutants, nil
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

// text is the source of a node.
func (m *mutator) text(n ast.Node) string {
	return string(m.src[m.offset(n.Pos()):m.offset(n.End())])
}

// plain is the source of a node without its comments and in one line.
func (m *mutator) plain(n ast.Node) string {
	var b strings.Builder
	_ = printer.Fprint(&b, m.fset, n) // a strings.Builder accepts everything
	return strings.Join(strings.Fields(b.String()), " ")
}

// add makes a mutant of a node.
func (m *mutator) add(n ast.Node, how string) int {
	what := m.plain(n)
	if len(what) > 90 {
		what = what[:90] + "..."
	}
	name := fmt.Sprintf("%s: %s `%s`", m.fn, how, what)
	m.seen[name]++
	if k := m.seen[name]; k > 1 {
		name = fmt.Sprintf("%s #%d", name, k)
	}
	id := m.next
	m.next++
	m.mutants = append(m.mutants, &mutant{id, m.file, m.fset.Position(n.Pos()).Line, name})
	return id
}

// around puts texts before and behind a node.
func (m *mutator) around(n ast.Node, before, behind string) {
	m.edits = append(m.edits, edit{at: m.offset(n.Pos()), text: before}, edit{at: m.offset(n.End()), text: behind, close: true})
}

// apply returns the source with the edits. Those of outer nodes were made first.
func (m *mutator) apply() []byte {
	var opens, closes = map[int][]edit{}, map[int][]edit{}
	var places []int
	for _, e := range m.edits {
		if places = append(places, e.at); e.close {
			closes[e.at] = append(closes[e.at], e)
		} else {
			opens[e.at] = append(opens[e.at], e)
		}
	}
	slices.Sort(places)
	var b bytes.Buffer
	last := 0
	for _, at := range slices.Compact(places) {
		b.Write(m.src[last:at])
		last = at
		for _, e := range slices.Backward(closes[at]) { // the innermost ends first
			b.WriteString(e.text)
		}
		for _, e := range opens[at] {
			b.WriteString(e.text)
			last += e.skip
		}
	}
	b.Write(m.src[last:])
	return b.Bytes()
}

// function mutates what is inside a function.
func (m *mutator) function(t *ast.FuncType, body *ast.BlockStmt) {
	var f function
	if r := t.Results; r != nil && len(r.List) == 1 && len(r.List[0].Names) <= 1 {
		id, ok := r.List[0].Type.(*ast.Ident)
		f.isBool = ok && id.Name == "bool"
	}
	if t.Results != nil && len(body.List) > 0 { // its last return may be inside of a condition now
		f.last = body.List[len(body.List)-1]
		m.edits = append(m.edits, edit{at: m.offset(body.Rbrace), text: "\npanic(\"a mutant has no return\")\n"})
	}
	m.funcs = append(m.funcs, f)
	ast.Inspect(body, m.visit)
	m.funcs = m.funcs[:len(m.funcs)-1]
}

// visit mutates a node, and reports whether to visit its children.
func (m *mutator) visit(n ast.Node) bool {
	if f, ok := n.(*ast.FuncLit); ok {
		m.function(f.Type, f.Body)
		return false
	}
	m.statement(n)
	m.expression(n)
	return true
}

// statement mutates a statement.
func (m *mutator) statement(n ast.Node) {
	switch n := n.(type) {
	case *ast.BlockStmt:
		m.statements(n.List)
	case *ast.CaseClause:
		m.statements(n.Body)
	case *ast.CommClause:
		m.statements(n.Body)
	case *ast.IfStmt:
		m.condition(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.condition(n.Cond)
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					m.condition(e)
				}
			}
		}
	case *ast.ReturnStmt:
		if m.funcs[len(m.funcs)-1].isBool && len(n.Results) == 1 {
			m.condition(n.Results[0])
		}
	case *ast.RangeStmt:
		if m.isBound(n.X) {
			m.done[n.X] = true
			m.around(n.X, fmt.Sprintf("mutantBig(%d, ", m.add(n.X, "double the bound")), ")")
		}
	}
}

// expression mutates an expression.
func (m *mutator) expression(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		m.binary(n)
	case *ast.CallExpr:
		m.call(n)
	case *ast.Ident:
		if m.consts[n.Name] == duration && !m.done[n] {
			m.around(n, fmt.Sprintf("mutantBig(%d, ", m.add(n, "double the time")), ")")
		}
	case *ast.SelectorExpr:
		m.done[n.Sel] = true
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok {
			m.done[id] = true
		}
	}
}

// condition negates.
func (m *mutator) condition(e ast.Expr) {
	if b, ok := e.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
		return // its operands are mutated, which is finer
	}
	m.done[e] = true
	m.around(e, fmt.Sprintf("(mutantOn(%d) != bool(", m.add(e, "negate")), "))")
}
