package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/cfg"
)

// flow finds the calls that act on responses, and their order. Its result is a *program, which the
// checks use.
var flow = &analysis.Analyzer{
	Name:       "responseflow",
	Doc:        "find the calls that act on HTTP responses",
	Requires:   []*analysis.Analyzer{ctrlflow.Analyzer},
	FactTypes:  []analysis.Fact{new(responds)},
	ResultType: reflect.TypeFor[*program](),
	Run: func(pass *analysis.Pass) (any, error) {
		p := &program{pass: pass, helpers: map[*types.Func]*responds{}}
		if p.responds() {
			p.build()
		}
		return p, nil
	},
}

// program is a package and its functions that act on responses.
type program struct {
	pass     *analysis.Pass
	cfgs     *ctrlflow.CFGs
	units    []*unit
	parents  map[ast.Node]ast.Node
	defs     map[*types.Var][]ast.Expr // the expressions assigned to a variable; nil is an unknown one
	params   map[*types.Var]bool
	helpers  map[*types.Func]*responds
	zero     map[*types.Var]bool // variables that begin with the zero value
	visiting map[*ast.Ident]bool // uses of variables that are being evaluated by text
	unread   []*ast.File         // files whose responses no client receives
}

// unit is a function or function literal with a body.
type unit struct {
	node   ast.Node // *ast.FuncDecl or *ast.FuncLit
	decl   *ast.FuncDecl
	ftype  *ast.FuncType
	body   *ast.BlockStmt
	fn     *types.Func // of a declaration
	graph  *cfg.CFG
	blocks [][]*event // of the blocks of the graph, in order of evaluation
}

// responds reports whether the package can send a response at all.
func (p *program) responds() bool {
	return slices.ContainsFunc(p.pass.Pkg.Imports(), func(i *types.Package) bool { return i.Path() == "net/http" }) &&
		p.pass.Pkg.Path() != "net/http"
}

// build finds the functions and what they do to a response, and exports facts about those that are
// called with one. It repeats this until it learns nothing new.
func (p *program) build() {
	p.cfgs = p.pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	p.parents = map[ast.Node]ast.Node{}
	p.defs = map[*types.Var][]ast.Expr{}
	p.params = map[*types.Var]bool{}
	p.zero = map[*types.Var]bool{}
	p.visiting = map[*ast.Ident]bool{}
	for _, f := range p.pass.Files {
		if !isServed(p.pass.Fset, f) {
			p.unread = append(p.unread, f)
		}
		p.index(f)
	}
	const rounds = 6 // helpers that call each other more deeply are rare
	for range rounds {
		learned := false
		for _, u := range p.units {
			p.collect(u)
			if u.fn != nil && p.learn(u) {
				learned = true
			}
		}
		if !learned {
			break
		}
	}
	for fn, fact := range p.helpers {
		p.pass.ExportObjectFact(fn, fact)
	}
}

// isServed reports whether clients receive the responses of a file.
func isServed(fset *token.FileSet, f *ast.File) bool {
	if strings.HasSuffix(fset.Position(f.FileStart).Filename, "_test.go") || ast.IsGenerated(f) {
		return false
	}
	return !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		path, _ := strconv.Unquote(i.Path.Value)
		return path == "testing" || path == "net/http/httptest"
	})
}

// reads reports whether clients receive the responses of the code at pos.
func (p *program) reads(pos token.Pos) bool {
	return !slices.ContainsFunc(p.unread, func(f *ast.File) bool { return f.FileStart <= pos && pos <= f.FileEnd })
}

// index notes the functions of a file, the parents of its nodes, and what is
// assigned to its variables.
func (p *program) index(f *ast.File) {
	var stack []ast.Node
	var decl *ast.FuncDecl
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			p.parents[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.FuncDecl:
			decl = n
			fn, _ := p.pass.TypesInfo.Defs[n.Name].(*types.Func)
			p.addUnit(&unit{node: n, decl: n, ftype: n.Type, body: n.Body, fn: fn})
		case *ast.FuncLit:
			p.addUnit(&unit{node: n, decl: decl, ftype: n.Type, body: n.Body})
		case *ast.AssignStmt:
			p.assign(n)
		case *ast.ValueSpec:
			p.declare(n)
		case *ast.RangeStmt:
			p.unknown(n.Key)
			p.unknown(n.Value)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				if _, ok := n.X.(*ast.Ident); ok && !p.encoded(n) {
					p.unknown(n.X)
				}
			}
		case *ast.IncDecStmt:
			p.unknown(n.X)
		}
		return true
	})
}

// addUnit adds a function that has a body.
func (p *program) addUnit(u *unit) {
	for _, field := range u.ftype.Params.List {
		for _, name := range field.Names {
			if v, ok := p.pass.TypesInfo.Defs[name].(*types.Var); ok {
				p.params[v] = true
			}
		}
	}
	if u.ftype.Results != nil {
		for _, field := range u.ftype.Results.List {
			for _, name := range field.Names {
				if v := p.varOf(name); v != nil {
					p.zero[v] = true
				}
			}
		}
	}
	if u.body == nil {
		return
	}
	switch n := u.node.(type) {
	case *ast.FuncDecl:
		u.graph = p.cfgs.FuncDecl(n)
	case *ast.FuncLit:
		u.graph = p.cfgs.FuncLit(n)
	}
	if u.graph != nil {
		p.units = append(p.units, u)
	}
}

func (p *program) assign(n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		switch {
		case n.Tok != token.ASSIGN && n.Tok != token.DEFINE:
			p.unknown(left)
		case len(n.Lhs) == len(n.Rhs):
			p.define(left, n.Rhs[i])
		default:
			p.define(left, n.Rhs[0])
		}
	}
}

func (p *program) declare(n *ast.ValueSpec) {
	for i, name := range n.Names {
		switch {
		case len(n.Names) == len(n.Values):
			p.define(name, n.Values[i])
		case len(n.Values) == 1:
			p.define(name, n.Values[0])
		default:
			if v := p.varOf(name); v != nil {
				p.zero[v] = true
			}
		}
	}
}

func (p *program) define(left, right ast.Expr) {
	if v := p.varOf(left); v != nil {
		p.defs[v] = append(p.defs[v], right)
	}
}

// unknown notes that an unknown value is assigned to a variable.
func (p *program) unknown(left ast.Expr) {
	if left != nil {
		p.define(left, nil)
	}
}

// encoded reports whether &x is an argument of a function of encoding/json that only reads x.
func (p *program) encoded(n *ast.UnaryExpr) bool {
	call, ok := p.parents[n].(*ast.CallExpr)
	return ok && strings.HasPrefix(p.knownName(call), "encoding/json.Marshal")
}

// varOf returns the variable that an expression names, or nil.
func (p *program) varOf(e ast.Expr) *types.Var {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	v, _ := p.pass.TypesInfo.ObjectOf(id).(*types.Var)
	return v
}

// only returns the expression that is assigned to a local variable, if there is exactly one.
func (p *program) only(e ast.Expr) ast.Expr {
	v := p.varOf(e)
	if v == nil || p.params[v] || len(p.defs[v]) != 1 {
		return nil
	}
	return p.defs[v][0]
}

// events calls f with each live event of a unit.
func (u *unit) events(f func(block *cfg.Block, index int, e *event)) {
	for _, b := range u.graph.Blocks {
		for i, e := range u.blocks[b.Index] {
			if b.Live {
				f(b, i, e)
			}
		}
	}
}

// collect finds the events of a unit, and what was sent before each.
func (p *program) collect(u *unit) {
	u.blocks = make([][]*event, len(u.graph.Blocks))
	for _, b := range u.graph.Blocks {
		for _, node := range b.Nodes {
			p.eventsOf(u, node, func(e *event) { u.blocks[b.Index] = append(u.blocks[b.Index], e) })
		}
	}
	for w := range u.writers() {
		u.solve(w)
	}
}

// writers returns the response writers that a unit acts on.
func (u *unit) writers() map[*types.Var]bool {
	ws := map[*types.Var]bool{}
	for _, events := range u.blocks {
		for _, e := range events {
			if e.w != nil {
				ws[e.w] = true
			}
		}
	}
	return ws
}

// solve computes for each event the state of w before it.
func (u *unit) solve(w *types.Var) {
	in := make([]state, len(u.graph.Blocks))
	reached := make([]bool, len(u.graph.Blocks))
	work := []*cfg.Block{u.graph.Blocks[0]}
	reached[0] = true
	for len(work) > 0 {
		b := work[0]
		work = work[1:]
		s := in[b.Index]
		for _, e := range u.blocks[b.Index] {
			if e.w == w {
				e.before = s
				s = s.after(e)
			}
		}
		for _, next := range b.Succs {
			joined := s
			if reached[next.Index] {
				joined = in[next.Index].join(s)
			}
			if !reached[next.Index] || joined.sent != in[next.Index].sent || !joined.code.same(in[next.Index].code) {
				in[next.Index], reached[next.Index] = joined, true
				work = append(work, next)
			}
		}
	}
}

// inevitable returns an event after the given one that matches, if every path from there to the end
// of the function has such an event. It returns the first that is on all paths or, if there is none,
// the last one that does not refuse the request.
func (u *unit) inevitable(block *cfg.Block, index int, matches func(*event) bool) *event {
	if i := slices.IndexFunc(u.blocks[block.Index][index+1:], matches); i >= 0 {
		return u.blocks[block.Index][index+1+i]
	}
	certain := func(has func(*cfg.Block) bool) bool {
		surely := u.surely(has)
		return len(block.Succs) > 0 && !slices.ContainsFunc(block.Succs, func(b *cfg.Block) bool { return !surely[b.Index] })
	}
	if !certain(func(b *cfg.Block) bool { return slices.ContainsFunc(u.blocks[b.Index], matches) }) {
		return nil
	}
	var last *event
	for _, b := range reachable(block) {
		i := slices.IndexFunc(u.blocks[b.Index], matches)
		if i < 0 {
			continue
		}
		e := u.blocks[b.Index][i]
		if last == nil || last.act.has(actRefuse) || !e.act.has(actRefuse) && e.call.Pos() > last.call.Pos() {
			last = e
		}
		if certain(func(o *cfg.Block) bool { return o == b }) {
			return u.blocks[b.Index][i]
		}
	}
	return last
}

// reachable returns the blocks that can follow a block, the nearest first.
func reachable(block *cfg.Block) (all []*cfg.Block) {
	seen := map[*cfg.Block]bool{}
	queue := slices.Clone(block.Succs)
	for len(queue) > 0 {
		b := queue[0]
		queue = queue[1:]
		if !seen[b] {
			seen[b] = true
			all = append(all, b)
			queue = append(queue, b.Succs...)
		}
	}
	return all
}

// surely returns for each block whether every path from its start to the end of the function has a
// block for which has returns true.
func (u *unit) surely(has func(*cfg.Block) bool) []bool {
	sure := make([]bool, len(u.graph.Blocks))
	for i := range sure {
		sure[i] = true
	}
	for changed := true; changed; {
		changed = false
		for _, b := range slices.Backward(u.graph.Blocks) {
			unsure := func(s *cfg.Block) bool { return !sure[s.Index] }
			if sure[b.Index] && !has(b) && (len(b.Succs) == 0 || slices.ContainsFunc(b.Succs, unsure)) {
				sure[b.Index], changed = false, true
			}
		}
	}
	return sure
}
