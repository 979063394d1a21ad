package analyzers

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/cfg"
)

type cfgBlock = cfg.Block

// origin is where a text comes from.
type origin struct {
	what   string   // a description of the error, panic or stack trace in the text; "" if there is none
	at     ast.Expr // the error
	params []param  // the parameters in the text
	again  bool     // the text contains a variable that is already being evaluated
}

// param is a parameter that becomes text.
type param struct {
	v    *types.Var
	form form
}

func (o origin) empty() bool { return o.what == "" && len(o.params) == 0 }

func (o origin) join(other origin) origin {
	if o.what == "" {
		o.what, o.at = other.what, other.at
	}
	o.params = append(slices.Clone(o.params), other.params...)
	o.again = o.again || other.again
	return o
}

// common returns what is in both origins.
func (o origin) common(other origin) origin {
	if other.what == "" {
		o.what, o.at = "", nil
	}
	o.params = slices.DeleteFunc(slices.Clone(o.params), func(p param) bool { return !slices.Contains(other.params, p) })
	return o
}

var errorType = types.Universe.Lookup("error").Type()

func isErrorType(t types.Type) bool { return t != nil && types.Identical(t, errorType) }

// textOf returns the origin of the text that a value is converted to.
func (p *program) textOf(e ast.Expr, f form) origin { return p.text(e, f, 0) }

const maxDepth = 12 // of nested expressions and variables

// text is textOf at a depth.
func (p *program) text(e ast.Expr, f form, depth int) origin {
	e = ast.Unparen(e)
	t := p.pass.TypesInfo.Types[e]
	if t.Value != nil || depth > maxDepth {
		return origin{}
	}
	if isErrorType(t.Type) {
		if f == asJSON {
			return origin{} // encoding/json writes the exported fields of an error, not its message
		}
		return p.errorText(e, depth+1)
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return p.text(e.X, f, depth+1).join(p.text(e.Y, f, depth+1))
		}
	case *ast.CallExpr:
		return p.callText(e, f, depth+1)
	case *ast.UnaryExpr:
		if e.Op == token.AND && f == asJSON {
			return p.text(e.X, f, depth+1)
		}
	case *ast.CompositeLit:
		var all origin
		if f == asJSON {
			for _, element := range e.Elts {
				if kv, ok := element.(*ast.KeyValueExpr); ok {
					element = kv.Value
				}
				all = all.join(p.text(element, f, depth+1))
			}
		}
		return all
	case *ast.Ident:
		return p.variableText(e, f, depth+1)
	}
	return origin{}
}

// variableText returns the origin that all values of a variable have in common.
func (p *program) variableText(e *ast.Ident, f form, depth int) origin {
	v := p.varOf(e)
	if v == nil || depth > maxDepth {
		return origin{}
	}
	if p.params[v] {
		if p.assigned(v) || !carriesText(v.Type()) {
			return origin{}
		}
		return origin{params: []param{{v, f}}}
	}
	if p.visiting[e] {
		return origin{again: true}
	}
	p.visiting[e] = true
	defer delete(p.visiting, e)
	defs := p.defs[v]
	if def := p.reaching(e, v); def != nil {
		defs = []ast.Expr{def}
	}
	var all origin
	first := true
	for _, def := range defs {
		o := p.definedText(e, def, f, depth)
		switch {
		case o.empty() && o.again: // msg = "reading: " + msg
		case o.empty():
			return origin{}
		case first:
			all, first = o, false
		default:
			all = all.common(o)
		}
	}
	return all
}

// definedText returns the origin of the text that one assignment gives to a variable.
func (p *program) definedText(e *ast.Ident, def ast.Expr, f form, depth int) origin {
	if def == nil {
		return origin{}
	}
	if call, ok := ast.Unparen(def).(*ast.CallExpr); ok && isBuiltin(p.pass.TypesInfo, call, "recover") {
		return origin{what: "the value of the panic", at: e}
	}
	return p.text(def, f, depth+1)
}

// reaching returns the expression that a variable was last assigned before a use, if that is certain:
// the assignment is in the same list of statements or in one around it, and no statement between them
// assigns to the variable.
func (p *program) reaching(use ast.Node, v *types.Var) ast.Expr {
	for n := use; n != nil; n = p.parents[n] {
		switch parent := p.parents[n].(type) {
		case nil, *ast.FuncLit, *ast.FuncDecl:
			return nil
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
			list := stmtsOf(parent)
			for i := slices.IndexFunc(list, func(s ast.Stmt) bool { return s == n }) - 1; i >= 0; i-- {
				if def, ok := p.assignedIn(list[i], v); ok || def != nil {
					return def
				}
			}
		case *ast.IfStmt:
			if def, ok := p.initOf(parent.Init, n, v); ok {
				return def
			}
		case *ast.SwitchStmt:
			if def, ok := p.initOf(parent.Init, n, v); ok {
				return def
			}
		case *ast.ForStmt, *ast.RangeStmt:
			if _, ok := p.assignedIn(parent.(ast.Stmt), v); ok {
				return nil
			}
		}
	}
	return nil
}

func (p *program) initOf(init ast.Stmt, use ast.Node, v *types.Var) (ast.Expr, bool) {
	if init == nil || use == ast.Node(init) {
		return nil, false
	}
	return p.assignedIn(init, v)
}

// assignedIn reports whether a statement assigns to a variable. It returns the expression if the
// statement is only an assignment.
func (p *program) assignedIn(s ast.Stmt, v *types.Var) (def ast.Expr, ok bool) {
	if a, isAssign := s.(*ast.AssignStmt); isAssign {
		for i, left := range a.Lhs {
			if p.varOf(left) != v {
				continue
			}
			if a.Tok != token.ASSIGN && a.Tok != token.DEFINE {
				return nil, true
			}
			return a.Rhs[min(i, len(a.Rhs)-1)], true
		}
	}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			ok = ok || slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return p.varOf(e) == v })
		case *ast.ValueSpec:
			ok = ok || slices.ContainsFunc(n.Names, func(id *ast.Ident) bool { return p.varOf(id) == v })
		case *ast.UnaryExpr:
			ok = ok || n.Op == token.AND && p.varOf(n.X) == v
		case *ast.RangeStmt:
			ok = ok || n.Key != nil && p.varOf(n.Key) == v || n.Value != nil && p.varOf(n.Value) == v
		}
		return !ok
	})
	return nil, ok
}

// carriesText reports whether a value of the type may contain text.
func carriesText(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&types.IsString != 0
	case *types.Slice:
		switch elem := t.Elem().Underlying().(type) {
		case *types.Basic:
			return elem.Kind() == types.Byte
		case *types.Interface:
			return elem.Empty()
		}
	case *types.Interface:
		return t.Empty()
	}
	return false
}

func isBuiltin(info *types.Info, call *ast.CallExpr, name string) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok || id.Name != name {
		return false
	}
	_, ok = info.Uses[id].(*types.Builtin)
	return ok
}

// passes lists functions whose result contains the text of their first argument.
var passes = map[string]bool{
	"strings.TrimSpace": true, "strings.ToUpper": true, "strings.ToLower": true, "strings.Title": true,
	"strings.ReplaceAll": true, "strings.TrimSuffix": true, "strings.TrimPrefix": true, "strings.Trim": true,
	"html.EscapeString": true, "html/template.HTMLEscapeString": true, "strconv.Quote": true,
	"bytes.TrimSpace": true,
}

// callText returns the origin of the text that a call returns.
func (p *program) callText(call *ast.CallExpr, f form, depth int) origin {
	if p.pass.TypesInfo.Types[call.Fun].IsType() && len(call.Args) == 1 {
		return p.text(call.Args[0], f, depth+1)
	}
	name := p.knownName(call)
	sel, isMethod := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	switch {
	case isMethod && sel.Sel.Name == "Error" && len(call.Args) == 0 && isErrorType(p.pass.TypesInfo.TypeOf(sel.X)):
		return p.errorText(sel.X, depth+1)
	case name == "runtime/debug.Stack":
		return origin{what: "a stack trace", at: call}
	case name == "fmt.Sprint" || name == "fmt.Sprintln":
		return p.argsText(call.Args, depth)
	case name == "fmt.Sprintf":
		return p.formattedText(call, depth)
	case passes[name]:
		return p.text(call.Args[0], f, depth+1)
	case (name == "encoding/json.Marshal" || name == "encoding/json.MarshalIndent") && len(call.Args) > 0:
		return p.text(call.Args[0], asJSON, depth+1)
	case name == problemPath+".Detail" || name == problemPath+".Title":
		return p.argsText(call.Args, depth)
	case name == problemPath+".Detailf":
		return p.formattedText(call, depth)
	case name == problemPath+".Extension" && len(call.Args) == 2:
		return p.text(call.Args[1], asJSON, depth+1)
	}
	return origin{}
}

func (p *program) argsText(args []ast.Expr, depth int) (all origin) {
	for _, arg := range args {
		all = all.join(p.text(arg, asText, depth+1))
	}
	return all
}

// verb matches a verb of package fmt.
var verb = regexp.MustCompile(`%[-+# 0-9.*]*(\[\d+\])?[-+# 0-9.*]*[a-zA-Z%]`)

// formattedText returns the origin of the result of a function like fmt.Sprintf.
func (p *program) formattedText(call *ast.CallExpr, depth int) origin {
	return p.argsText(p.shown(call.Args), depth)
}

// shown returns the arguments of a function like fmt.Sprintf whose text is in the result. The verbs
// %T and %p do not print it.
func (p *program) shown(args []ast.Expr) []ast.Expr {
	if len(args) == 0 || p.pass.TypesInfo.Types[args[0]].Value == nil {
		return args
	}
	format := constant.StringVal(p.pass.TypesInfo.Types[args[0]].Value)
	verbs := slices.DeleteFunc(verb.FindAllString(format, -1), func(v string) bool { return strings.HasSuffix(v, "%") })
	args = args[1:]
	if len(verbs) != len(args) || strings.ContainsAny(strings.Join(verbs, ""), "*[") {
		return args
	}
	var shown []ast.Expr
	for i, arg := range args {
		if !strings.HasSuffix(verbs[i], "T") && !strings.HasSuffix(verbs[i], "p") {
			shown = append(shown, arg)
		}
	}
	return shown
}
