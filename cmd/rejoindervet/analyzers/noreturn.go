package analyzers

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// NoReturn reports handlers that continue after a response that is an error or a redirect.
var NoReturn = check("noreturn",
	`report code that continues after a response that ends the request

http.Error, http.NotFound, http.Redirect, the functions of package respond, and functions
of the program that always call these, do not end the handler: it has to return. The check
reports such a call in a branch if the code after the branch writes to the response, passes
it to another handler, reads the body of the request, does the work that a 4xx refused, or
uses a value that is nil because of the error.`, runNoReturn)

func runNoReturn(r *reporter) {
	for _, u := range r.units {
		u.events(func(b *cfgBlock, i int, e *event) {
			if e.w == nil || !e.act.has(actRefuse) || e.act.has(actAttempt) {
				return
			}
			branch := r.branchOf(e.call)
			if branch == nil {
				return
			}
			refused := e.code.known && e.code.param == nil && e.code.value >= 400 && e.code.value < 500
			later := u.inevitable(b, i, func(o *event) bool {
				return o.w == e.w && o.act.responds() && o.call.Pos() > branch.End()
			})
			if later == nil {
				later = u.inevitable(b, i, func(o *event) bool {
					return (o.act == actWork || o.act == actTask && refused) && o.call.Pos() > branch.End()
				})
			}
			if later == nil {
				if use := r.nilUse(e.call, branch); use != nil {
					r.found(e.call, r.insertReturn(u, e, branch), "the client sees this response, but the handler goes on and uses %s (line %d), which is not valid after the error: return after %s", use.Name, r.lineOf(use.Pos()), e.name)
				}
				return
			}
			effect := "so the client sees both in one response"
			if later.act.has(actDelegate) {
				effect = "so the refused request is served, and the client sees both in one response"
			} else if later.act.has(actWork | actTask) {
				effect = "so the refused request is served although the client sees that it is not"
			}
			r.found(e.call, r.insertReturn(u, e, branch), "the handler goes on after %s and calls %s (line %d), %s: return after %s", e.name, later.name, r.lineOf(later.call.Pos()), effect, e.name)
		})
	}
}

// branchOf returns the if or switch statement around a call that is a statement directly in one
// of its branches. It returns nil if there is none.
func (p *program) branchOf(call *ast.CallExpr) ast.Stmt {
	stmt, ok := p.parents[call].(*ast.ExprStmt)
	if !ok {
		return nil
	}
	switch list := p.parents[stmt].(type) {
	case *ast.BlockStmt:
		if branch, ok := p.parents[list].(*ast.IfStmt); ok {
			return outermostIf(p, branch)
		}
	case *ast.CaseClause:
		branch, _ := p.parents[p.parents[list]].(ast.Stmt)
		return branch
	}
	return nil
}

// outermostIf returns the first if statement of an else-if chain.
func outermostIf(p *program, s *ast.IfStmt) ast.Stmt {
	for {
		outer, ok := p.parents[s].(*ast.IfStmt)
		if !ok || outer.Else != s {
			return s
		}
		s = outer
	}
}

// nilUse returns the first use, after a branch on err != nil, of a pointer or interface that the
// failed call returned together with err.
func (r *reporter) nilUse(call *ast.CallExpr, branch ast.Stmt) *ast.Ident {
	cond, ok := branch.(*ast.IfStmt)
	if !ok || cond.Init != nil || cond.Else != nil || r.parents[r.parents[call]] != cond.Body || terminates(cond.Body) {
		return nil
	}
	test, ok := cond.Cond.(*ast.BinaryExpr)
	if !ok || test.Op != token.NEQ || !r.isEmpty(test.Y) || !isErrorType(r.TypesInfo.TypeOf(test.X)) {
		return nil
	}
	list := stmtsOf(r.parents[cond])
	for i, s := range list {
		if s != ast.Stmt(cond) || i == 0 || i == len(list)-1 {
			continue
		}
		made, ok := list[i-1].(*ast.AssignStmt)
		if !ok || len(made.Rhs) != 1 || len(made.Lhs) < 2 || r.varOf(made.Lhs[len(made.Lhs)-1]) != r.varOf(test.X) {
			return nil
		}
		for _, left := range made.Lhs[:len(made.Lhs)-1] {
			if use := r.dereference(list[i+1], r.varOf(left)); use != nil {
				return use
			}
		}
	}
	return nil
}

// dereference returns a use of a field or method of v in a simple statement, or nil. It also returns
// nil unless v is a pointer or an interface.
func (r *reporter) dereference(s ast.Stmt, v *types.Var) (use *ast.Ident) {
	if v == nil {
		return nil
	}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Interface:
	default:
		return nil
	}
	switch s.(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.DeferStmt, *ast.DeclStmt:
	default:
		return nil
	}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.BinaryExpr:
			return false
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && use == nil && r.varOf(id) == v {
				use = id
			}
		}
		return use == nil
	})
	return use
}

func stmtsOf(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// terminates reports whether a block ends with a statement that leaves the function or a loop.
func terminates(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch s := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return ok && strings.HasPrefix(types.ExprString(call.Fun), "panic")
	}
	return false
}
