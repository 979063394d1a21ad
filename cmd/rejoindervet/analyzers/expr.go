package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"

	"golang.org/x/tools/go/types/typeutil"
)

// callee returns the function or method that a call names, or nil.
func (p *program) callee(call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(p.pass.TypesInfo, call).(*types.Func)
	if fn != nil {
		fn = fn.Origin()
	}
	return fn
}

// knownName returns the import path and the name of the function that a call names, such as
// "net/http.Error". For a method the type is between them.
func (p *program) knownName(call *ast.CallExpr) string {
	fn := p.callee(call)
	if fn == nil || fn.Pkg() == nil {
		return ""
	}
	if recv := fn.Signature().Recv(); recv != nil {
		t := recv.Type()
		if ptr, ok := t.(*types.Pointer); ok {
			t = ptr.Elem()
		}
		if named, ok := types.Unalias(t).(*types.Named); ok {
			return fn.Pkg().Path() + "." + named.Obj().Name() + "." + fn.Name()
		}
		return ""
	}
	return fn.Pkg().Path() + "." + fn.Name()
}

// isWriter reports whether the type of an expression is http.ResponseWriter. A type of the program
// may do anything with a response.
func (p *program) isWriter(e ast.Expr) bool {
	return isNamed(p.pass.TypesInfo.TypeOf(e), "net/http", "ResponseWriter")
}

// writerOf returns a response writer that is a parameter, or nil.
func (p *program) writerOf(e ast.Expr) *types.Var {
	if v := p.varOf(e); v != nil && p.params[v] && p.isWriter(e) {
		return v
	}
	return nil
}

// isRequestBody reports whether an expression is the body of a request.
func (p *program) isRequestBody(e ast.Expr) bool {
	sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Body" {
		return false
	}
	t := p.pass.TypesInfo.TypeOf(sel.X)
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	v := p.varOf(sel.X)
	return v != nil && p.params[v] && isNamed(t, "net/http", "Request")
}

// isNamed reports whether t is the type with the given import path and name.
func isNamed(t types.Type, path, name string) bool {
	if t == nil {
		return false
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == name && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == path
}

// codeOf returns the status code in an expression.
func (p *program) codeOf(e ast.Expr) code {
	if tv := p.pass.TypesInfo.Types[e]; tv.Value != nil {
		if n, err := strconv.Atoi(tv.Value.ExactString()); err == nil {
			return code{value: n, known: true, at: e}
		}
		return code{at: e}
	}
	v := p.varOf(e)
	switch {
	case v == nil:
		return code{at: e}
	case p.params[v] && len(p.defs[v]) == 0:
		return code{param: v, known: true, at: e}
	case len(p.defs[v]) == 1 && !p.zero[v] && p.defs[v][0] != nil && p.pass.TypesInfo.Types[p.defs[v][0]].Value != nil:
		c := p.codeOf(p.defs[v][0])
		c.at = e
		return c
	}
	return code{at: e}
}

// constString returns the value of a constant string.
func (p *program) constString(e ast.Expr) (string, bool) {
	tv := p.pass.TypesInfo.Types[e]
	if tv.Value == nil {
		return "", false
	}
	s, err := strconv.Unquote(tv.Value.ExactString())
	return s, err == nil
}

// isEmpty reports whether an expression is an empty string or byte slice, as far as the source shows.
func (p *program) isEmpty(e ast.Expr) bool {
	e = ast.Unparen(e)
	if s, ok := p.constString(e); ok {
		return s == ""
	}
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "nil"
	case *ast.CompositeLit:
		return len(e.Elts) == 0
	case *ast.CallExpr:
		return len(e.Args) == 1 && p.pass.TypesInfo.Types[e.Fun].IsType() && p.isEmpty(e.Args[0])
	}
	return false
}

// assigned reports whether a value is assigned to a parameter, or its address is taken.
func (p *program) assigned(v *types.Var) bool { return len(p.defs[v]) > 0 }

// file returns the file of a position.
func (p *program) file(pos token.Pos) *ast.File {
	for _, f := range p.pass.Files {
		if f.FileStart <= pos && pos <= f.FileEnd {
			return f
		}
	}
	return nil
}
