package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// errorText returns the origin of the message of an error. It is empty if the developer wrote the
// message as a constant.
func (p *program) errorText(e ast.Expr, depth int) origin {
	e = ast.Unparen(e)
	unknown := origin{what: types.ExprString(e), at: e}
	if depth > maxDepth {
		return unknown
	}
	switch e := e.(type) {
	case *ast.CallExpr:
		switch p.knownName(e) {
		case "context.Context.Err", "context.Cause":
			return origin{}
		case "errors.New":
			return p.argsText(e.Args, depth)
		case "fmt.Errorf":
			return p.formattedText(e, depth)
		}
		unknown.what = "the error of " + types.ExprString(e.Fun)
	case *ast.SelectorExpr:
		if v, ok := p.pass.TypesInfo.Uses[e.Sel].(*types.Var); ok && isGlobal(v) {
			return origin{} // a sentinel error, whose message is a constant
		}
	case *ast.Ident:
		return p.errorVariableText(e, unknown, depth)
	}
	return unknown
}

// errorVariableText is errorText for a variable.
func (p *program) errorVariableText(e *ast.Ident, unknown origin, depth int) origin {
	v := p.varOf(e)
	if v == nil || isGlobal(v) || p.recognized(e, v) {
		return origin{}
	}
	if def := p.reaching(e, v); def != nil {
		if isErrorType(p.pass.TypesInfo.TypeOf(def)) && p.errorText(def, depth+1).empty() {
			return origin{}
		}
		return unknown
	}
	if p.params[v] {
		if p.assigned(v) {
			return unknown
		}
		return origin{what: unknown.what, at: e, params: []param{{v, asText}}}
	}
	if p.written(v, depth) {
		return origin{}
	}
	return unknown
}

// written reports whether the messages of all errors that are assigned to a variable are constants.
func (p *program) written(v *types.Var, depth int) bool {
	for _, def := range p.defs[v] {
		if def == nil {
			return false
		}
		if id, ok := ast.Unparen(def).(*ast.Ident); ok && id.Name == "nil" {
			continue
		}
		if !isErrorType(p.pass.TypesInfo.TypeOf(def)) || !p.errorText(def, depth+1).empty() {
			return false
		}
	}
	return len(p.defs[v]) > 0
}

// recognized reports whether the program knows which error it sends: an enclosing condition calls
// errors.Is or errors.As with the error, or compares it with another error.
func (p *program) recognized(e ast.Expr, v *types.Var) bool {
	for n := ast.Node(e); n != nil; n = p.parents[n] {
		switch parent := p.parents[n].(type) {
		case *ast.IfStmt:
			if n == parent.Body && p.identifies(parent.Cond, v) {
				return true
			}
		case *ast.CaseClause:
			if slices.ContainsFunc(parent.List, func(c ast.Expr) bool { return p.identifies(c, v) }) {
				return true
			}
			if s, ok := p.parents[p.parents[parent]].(*ast.SwitchStmt); ok && s.Tag != nil && p.varOf(s.Tag) == v && len(parent.List) > 0 {
				return true
			}
		case *ast.FuncLit, *ast.FuncDecl:
			return false
		}
	}
	return false
}

// identifies reports whether a condition tests which error a variable is.
func (p *program) identifies(cond ast.Expr, v *types.Var) bool {
	switch c := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		switch c.Op {
		case token.LAND:
			return p.identifies(c.X, v) || p.identifies(c.Y, v)
		case token.LOR:
			return p.identifies(c.X, v) && p.identifies(c.Y, v)
		case token.EQL:
			return (p.varOf(c.X) == v && !p.isEmpty(c.Y)) || (p.varOf(c.Y) == v && !p.isEmpty(c.X))
		}
	case *ast.CallExpr:
		// For example errors.Is, os.IsNotExist, or a function of the program.
		return slices.ContainsFunc(c.Args, func(a ast.Expr) bool { return p.varOf(a) == v })
	}
	return false
}

func isGlobal(v *types.Var) bool { return v.Pkg() != nil && v.Parent() == v.Pkg().Scope() }
